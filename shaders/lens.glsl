// Logits of rows that lens_rows.comp made ready, a piece of the unembedding at a time: z = cap tanh((s h·w + b) / cap). An invocation
// takes four rows and four entries of the vocabulary, so that what it loads serves four times. Terms are summed 32 at a time in
// order, and the sums carry what rounding takes from them (Kahan 1965): the error is that of the last rounding and about 1e-8 of
// sum |h w|, whatever the width, and the same in every tile.
#include "kernels.h"
#include "lens.h"
#include "functions.glsl"
#include "rows.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kDtype = 0;

#ifdef ROWS_AS_TEXELS
layout(set = 0, binding = 0) uniform utextureBuffer readyTexels;
layout(set = 0, binding = 1) uniform utextureBuffer matrixTexels;
#define readyWords(i) texelFetch(readyTexels, int(i))
#define matrixWords(i) texelFetch(matrixTexels, int(i))
#else
layout(std430, set = 0, binding = 0) readonly buffer Ready { uvec4 ready[]; };
layout(std430, set = 0, binding = 1) readonly buffer Matrix { uvec4 matrix[]; };
#define readyWords(i) ready[i]
#define matrixWords(i) matrix[i]
#endif
layout(std430, set = 0, binding = 2) readonly buffer HeadBias { float headBias[]; };
layout(std430, set = 0, binding = 3) writeonly buffer Logits { float logits[]; };
layout(push_constant) uniform Push { LensPush push; };

void loadMatrix(uint entry, uint step, out float w[8]) {
  uint base = entry * push.matrixVectors;
  uint last = push.matrixVectors - 1u;  // beyond the row the other factor is 0
  if (kDtype == kF32) {
    uint i = 2u * step;
    decodeFloats(matrixWords(base + (i < last ? i : last)), matrixWords(base + (i + 1u < last ? i + 1u : last)), w);
  } else {
    decodeHalves(matrixWords(base + (step < last ? step : last)), kDtype, w);
  }
}

uint startOf(uint row) { return (push.firstRow + min(row, push.rows - 1u)) * push.blocks * (kLensBlock / 4u); }

// tanh, relative error about 2e-7.
float tanhOf(float x) {
  float t = -2.0 * abs(x);
  float e = t > -0.34 ? expm1Kernel(t) : expNegative(t) - 1.0;
  float y = -e / (2.0 + e);
  return x < 0.0 ? -y : y;
}

float finished(float dot, uint entry) {
  float z = fma(dot, push.scale, headBias[entry]);
  return push.softcap > 0.0 ? push.softcap * tanhOf(z / push.softcap) : z;
}

void main() {
  uint rowGroups = (push.rows + kLensRows - 1u) / kLensRows;
  uint number = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
  // Neighbouring workgroups share their entries of the unembedding.
  uint firstRow = (number % rowGroups) * kLensRows;
  uint firstEntry = number / rowGroups * gl_WorkGroupSize.x * kLensEntries + gl_LocalInvocationID.x;
  uint entry[kLensEntries];
  float sum[kLensRows * kLensEntries];
  float lost[kLensRows * kLensEntries];
  for (uint e = 0u; e < kLensEntries; ++e) entry[e] = min(firstEntry + e * gl_WorkGroupSize.x, push.entries - 1u);
  for (uint i = 0u; i < kLensRows * kLensEntries; ++i) {
    sum[i] = 0.0;
    lost[i] = 0.0;
  }
  for (uint block = 0u; block < push.blocks; ++block) {
    float part[kLensRows * kLensEntries];
    for (uint i = 0u; i < kLensRows * kLensEntries; ++i) part[i] = 0.0;
    [[unroll]] for (uint s = 0u; s < kLensBlock / 8u; ++s) {
      uint step = block * (kLensBlock / 8u) + s;
      float w[kLensEntries][8];
      for (uint e = 0u; e < kLensEntries; ++e) loadMatrix(entry[e], step, w[e]);
      for (uint r = 0u; r < kLensRows; ++r) {
        uint base = startOf(firstRow + r) + 2u * step;
        float h[8];
        decodeFloats(readyWords(base), readyWords(base + 1u), h);
        for (uint e = 0u; e < kLensEntries; ++e)
          for (int i = 0; i < 8; ++i) part[r * kLensEntries + e] = fma(h[i], w[e][i], part[r * kLensEntries + e]);
      }
    }
    for (uint i = 0u; i < kLensRows * kLensEntries; ++i) {
      precise float wanted = part[i] - lost[i];
      precise float whole = sum[i] + wanted;
      precise float carried = (whole - sum[i]) - wanted;
      lost[i] = carried;
      sum[i] = whole;
    }
  }
  for (uint r = 0u; r < kLensRows; ++r)
    for (uint e = 0u; e < kLensEntries; ++e) {
      uint i = firstEntry + e * gl_WorkGroupSize.x;
      uint at = firstRow + r;
      if (at >= push.rows || i >= push.entries) continue;
      at += push.firstRow;
      uint start = at < push.cells ? at * push.rowFloats : push.referenceStart + (at - push.cells) * push.rowFloats;
      logits[start + push.firstEntry + i] = finished(sum[r * kLensEntries + e], push.firstEntry + i);
      // The last entry's invocation fills what pads its row.
      if (push.firstEntry + i + 1u < push.vocab) continue;
      for (uint p = push.vocab; p < push.rowFloats; ++p) logits[start + p] = uintBitsToFloat(0xff800000u);
    }
}
