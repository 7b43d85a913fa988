#version 450
#extension GL_GOOGLE_include_directive : require
// Rows of hidden states made ready for the unembedding: RMSNorm x / sqrt(mean x^2 + eps) * w (Zhang & Sennrich 2019), LayerNorm
// (x - mean x) / sqrt(var x + eps) * w + b (Ba, Kiros & Hinton 2016), or nothing where the norm is in them already. One
// invocation takes one row; terms are summed eight at a time and carry what rounding takes (Kahan 1965). Rows that hold NaN or
// infinity become NaN as a whole, on their bits.
#include "kernels.h"
#include "lens.h"
#include "functions.glsl"
#include "rows.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kDtype = 0;

layout(std430, set = 0, binding = 0) readonly buffer Rows { uvec4 rows[]; };
layout(std430, set = 0, binding = 1) readonly buffer Weights { float weights[]; };  // w, then b
layout(std430, set = 0, binding = 2) readonly buffer Normed { uint normed[]; };
layout(std430, set = 0, binding = 3) writeonly buffer Ready { float ready[]; };
layout(push_constant) uniform Push { LensRowsPush push; };

const uint kKind = kProbs;  // padding is 0
#define rowWords(i) rows[i]
#include "load_row.glsl"
#include "sum.glsl"

void load(uint row, uint step, out float x[8]) {
  loadStored(row * rowVectors, step, x);
  for (uint i = 0u; i < 8u; ++i) x[i] = 8u * step + i < push.width ? x[i] : 0.0;
}

void main() {
  uint row = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (row >= push.rows) return;
  uint steps = (push.width + 7u) / 8u;
  uint norm = normed[push.firstRow + row] != 0u ? kNoNorm : push.norm;
  float top = 0.0;
  bool bad = false;
  Sum total = Sum(0.0, 0.0);
  float x[8];
  for (uint step = 0u; step < steps; ++step) {
    load(row, step, x);
    for (int i = 0; i < 8; ++i) {
      bad = bad || !isFiniteBits(floatBitsToUint(x[i]));
      float size = abs(x[i]);
      top = size > top ? size : top;
    }
    add(total, ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7])));
  }
  // A power of two near the largest entry keeps squares in range.
  float unit = uintBitsToFloat(top > 0.0 ? clamp(floatBitsToUint(top) & 0x7f800000u, 0x00800000u, 0x7e000000u) : 0x3f800000u);
  float shrink = 1.0 / unit;
  float mean = norm == kLayerNorm ? (total.value / float(push.width)) : 0.0;
  Sum squares = Sum(0.0, 0.0);
  for (uint step = 0u; norm != kNoNorm && step < steps; ++step) {
    load(row, step, x);
    float s = 0.0;
    for (uint i = 0u; i < 8u; ++i) {
      float d = 8u * step + i < push.width ? (x[i] - mean) * shrink : 0.0;
      s = fma(d, d, s);
    }
    add(squares, s);
  }
  float spread = squares.value / float(push.width) + (push.epsilon * shrink) * shrink;
  float factor = norm == kNoNorm ? 1.0 : shrink / sqrt(spread);
  uint padded = (push.width + kLensBlock - 1u) / kLensBlock * (kLensBlock / 8u);
  uint start = (push.firstRow + row) * padded * 8u;
  for (uint step = 0u; step < padded; ++step) {
    if (step < steps) load(row, step, x);
    for (uint i = 0u; i < 8u; ++i) {
      uint entry = 8u * step + i;
      bool inside = entry < push.width;
      uint at = inside ? entry : 0u;
      float y = norm == kNoNorm ? x[i] : fma((x[i] - mean) * factor, weights[at], weights[push.width + at]);
      ready[start + entry] = bad ? uintBitsToFloat(kNanBits) : inside ? y : 0.0;
    }
  }
}
