#version 450
#extension GL_GOOGLE_include_directive : require
// Histograms of a block of a tensor and of its reference's: counts, so that no order of adding them changes a bit. Bins are read off
// the bits of the elements: sign, exponent and the first three bits of the significand. One workgroup a block, as in weights.comp;
// few invocations add to the buffer, many to shared memory first.
#include "kernels.h"
#include "weights.h"
#include "functions.glsl"
#include "rows.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kCellType = 0;
layout(constant_id = 2) const uint kReferenceType = 0;  // kUniform: there is no reference

layout(std430, set = 0, binding = 0) readonly buffer Rows { uvec4 rows[]; };
layout(std430, set = 0, binding = 1) readonly buffer Blocks { WeightBlock blocks[]; };
layout(std430, set = 0, binding = 2) buffer Histograms { uint histograms[]; };
layout(push_constant) uniform Push { WeightPush push; };

const bool kCompares = kReferenceType != kUniform;
const bool kShared = gl_WorkGroupSize.x > 8u;
shared uint counts[2u * kHistogramBins];

void load(uint base, uint step, uint type, out float x[8]) {
  if (type == kF32)
    decodeFloats(rows[base + 2u * step], rows[base + 2u * step + 1u], x);
  else
    decodeHalves(rows[base + step], type, x);
}

uint binOf(float x) {
  uint bits = floatBitsToUint(x);
  int at = int(bits >> 20 & 0x7ffu) - 8 * (127 + kLowestOctave);
  if (at < 0) return 0u;
  uint bin = 1u + min(uint(at), kSideBins - 1u);
  return (bits >> 31) != 0u ? bin + kSideBins : bin;
}

void count(uint start, uint base, uint step, uint type, uint elements) {
  float x[8];
  load(base, step, type, x);
  for (uint i = 0u; i < 8u; ++i) {
    if (i >= elements) continue;
    if (kShared)
      atomicAdd(counts[start + binOf(x[i])], 1u);
    else
      atomicAdd(histograms[start + binOf(x[i])], 1u);
  }
}

void main() {
  uint index = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
  if (index >= push.blocks) return;
  WeightBlock block = blocks[index];
  uint own = block.item * 2u * kHistogramBins, start = kShared ? 0u : own;
  if (kShared) {
    for (uint i = gl_LocalInvocationID.x; i < 2u * kHistogramBins; i += gl_WorkGroupSize.x) counts[i] = 0u;
    barrier();
  }
  uint steps = (block.count + kWeightStep - 1u) / kWeightStep;
  for (uint step = gl_LocalInvocationID.x; step < steps; step += gl_WorkGroupSize.x) {
    uint elements = min(block.count - step * kWeightStep, kWeightStep);
    count(start, block.cell, step, kCellType, elements);
    if (kCompares) count(start + kHistogramBins, block.reference, step, kReferenceType, elements);
  }
  if (kShared) {
    barrier();
    for (uint i = gl_LocalInvocationID.x; i < 2u * kHistogramBins; i += gl_WorkGroupSize.x)
      if (counts[i] != 0u) atomicAdd(histograms[own + i], counts[i]);
  }
}
