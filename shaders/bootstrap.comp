#version 450
#extension GL_GOOGLE_include_directive : require
// Means of resamples with replacement (percentile bootstrap). Which entries resample r draws depends on r and the number of entries
// alone, so that every cell, tile and device draws the same; draws come from the PCG hash (Jarzynski, Olano 2020), seed 0.
#include "kernels.h"
#include "functions.glsl"

layout(local_size_x_id = 0) in;
layout(std430, set = 0, binding = 0) readonly buffer Values { uint values[]; };
layout(std430, set = 0, binding = 1) readonly buffer Chosen { uint chosen[]; };
layout(std430, set = 0, binding = 2) writeonly buffer Means { uint means[]; };
layout(push_constant) uniform Push { ReducePush push; };

uint pcg(uint v) {
  uint state = v * 747796405u + 2891336453u;
  uint word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}

// A number below `count`, by the upper half of a product: its bias is below count / 2^32.
uint draw(uint resample, uint j, uint count) {
  uint high, low;
  umulExtended(pcg(pcg(resample) + j), count, high, low);
  return high;
}

// Of the finite entries that a resample draws, times 1 / unit, a power of two; NaN where there is none.
float meanOf(uint resample, uint base, float unit) {
  float sum = 0.0;
  float lost = 0.0;
  uint count = 0u;
  for (uint j = 0u; j < push.chosen; ++j) {
    uint bits = values[base + chosen[draw(resample, j, push.chosen)]];
    if (!isFiniteBits(bits)) continue;
    precise float add = uintBitsToFloat(bits) / unit - lost;
    precise float next = sum + add;
    precise float carried = (next - sum) - add;
    lost = carried;
    sum = next;
    ++count;
  }
  return count == 0u ? uintBitsToFloat(kNanBits) : sum / float(count);
}

void main() {
  uint i = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (i >= push.cells * push.stride) return;
  uint resample = i / push.cells;
  uint base = push.firstValue + (i % push.cells) * push.entries;
  float mean = meanOf(resample, base, 1.0);
  // No entries, or a sum past what floats hold.
  if (!isFiniteBits(floatBitsToUint(mean))) mean = meanOf(resample, base, 4294967296.0) * 4294967296.0;
  means[i] = isFiniteBits(floatBitsToUint(mean)) ? floatBitsToUint(mean) : kNanBits;
}
