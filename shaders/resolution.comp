#version 450
#extension GL_GOOGLE_include_directive : require
// How far rounding alone sets a stored row apart from what was stored: with x rounded to the nearest number of its type, its error is
// uniform over one unit in the last place, variance ulp²/12, and the log-probabilities' spread under p is
//   R = sum p (1 - p) ulp(x)²/12 / T²,
// (probabilities that were rounded to 0 are not in it), the second-order term of every f-divergence: D_f(p‖q) = f''(1)/2 Var_p(ln q - ln p) + … One workgroup a row.
#include "kernels.h"
#include "functions.glsl"
#include "rows.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kDtype = 0;
layout(constant_id = 2) const uint kKind = 0;
layout(constant_id = 3) const bool kMasked = false;

layout(std430, set = 0, binding = 0) readonly buffer Rows { uvec4 rows[]; };
layout(std430, set = 0, binding = 1) readonly buffer Allowed { uint allowed[]; };
layout(std430, set = 0, binding = 2) writeonly buffer Spreads { float spreads[]; };
layout(push_constant) uniform Push { RowsPush push; };

#define rowWords(i) rows[i]
#include "load_row.glsl"

shared float tops[gl_WorkGroupSize.x];
shared vec3 sums[gl_WorkGroupSize.x];

// Unit in the last place of x in its type, relative to x for probabilities (an error of ln p).
float ulpOf(float x) {
  uint bits = floatBitsToUint(x) & 0x7fffffffu;
  int least = kDtype == kF16 ? -14 : -126;
  int digits = kDtype == kF16 ? 10 : kDtype == kBf16 ? 7 : 23;
  int e = int(bits >> 23) - 127;
  e = e > least ? e : least;
  int exponent = e - digits + 127;
  float ulp = uintBitsToFloat(uint(exponent > 1 ? exponent : 1) << 23);
  if (kKind == kLogits) return ulp * push.inverseTemperature;
  return bits == 0u ? 0.0 : ulp / uintBitsToFloat(bits) * push.inverseTemperature;
}

bool counts(float x) { return !isBad(x) && !isNegativeInfinity(x); }

void load(uint row, uint step, out float x[8]) {
  loadStored(row * rowVectors, step, x);
  exclude(allowedBits(step, push.width, kMasked ? allowed[step / 4u] : 0u, kMasked), kKind, x);
}

void main() {
  uint row = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
  if (row >= push.rows) return;
  uint lane = gl_LocalInvocationID.x;
  uint steps = (push.width + kLoad - 1u) / kLoad;
  float top = -3.4e38;
  for (uint step = lane; step < steps; step += gl_WorkGroupSize.x) {
    float x[8];
    load(row, step, x);
    for (int i = 0; i < 8; ++i) top = counts(x[i]) && x[i] > top ? x[i] : top;
  }
  tops[lane] = top;
  barrier();
  for (uint i = 0u; i < gl_WorkGroupSize.x; ++i) top = tops[i] > top ? tops[i] : top;
  vec3 sum = vec3(0.0);
  for (uint step = lane; step < steps; step += gl_WorkGroupSize.x) {
    float x[8];
    load(row, step, x);
    for (int i = 0; i < 8; ++i) {
      if (!counts(x[i])) continue;
      float e = kKind == kLogits ? expNegative((x[i] - top) * push.inverseTemperature) : x[i];
      if (kKind == kLogOfProbs) e = x[i] > 0.0 ? expNegative(logRatio(x[i], top) * push.inverseTemperature) : 0.0;
      float u = ulpOf(x[i]);
      sum += vec3(e, e * u * u, e * e * u * u);
    }
  }
  sums[lane] = sum;
  barrier();
  if (lane != 0u) return;
  vec3 all = vec3(0.0);
  for (uint i = 0u; i < gl_WorkGroupSize.x; ++i) all += sums[i];
  float spread = all.x > 0.0 ? (all.y / all.x - all.z / (all.x * all.x)) / 12.0 : 0.0;
  spreads[row] = spread > 0.0 ? spread : 0.0;
}
