#version 450
#extension GL_GOOGLE_include_directive : require
// The probability that a list of log-probabilities leaves open: 1 - sum p, but at least what rounding of the stored numbers can
// hide, sum p |ln p| times their unit round-off. A list whose sum is above 1 by more than that and 1e-3 is bad. One invocation a row.
#include "kernels.h"
#include "topk.h"
#include "functions.glsl"

layout(local_size_x_id = 0) in;
layout(std430, set = 0, binding = 0) readonly buffer Lists { ListEntry lists[]; };
layout(std430, set = 0, binding = 1) writeonly buffer Stats { ListStats stats[]; };
layout(std430, set = 0, binding = 2) buffer Largest { uint largestRest; };
layout(push_constant) uniform Push { ListRowsPush push; };

// a + b as a sum and what it loses (Knuth 1969).
vec2 twoSum(float a, float b) {
  precise float sum = a + b;
  precise float taken = sum - a;
  precise float kept = sum - taken;
  precise float lost = (a - kept) + (b - taken);
  return vec2(sum, lost);
}

// e^(x + low) for x <= 0.1 as a sum of two floats, absolute error about 1e-9: 1 - sum p keeps its digits.
vec2 expExact(float x, float low) {
  if (x < -87.0) return vec2(0.0);
  float n = roundEven(x * 1.44269504);
  precise float coarse = fma(n, -0.693359375, x);  // exact: n has few bits
  vec2 r = twoSum(coarse, n * 2.12194440e-4);
  precise float small = r.y + low;
  precise float square = r.x * r.x * 0.5;
  precise float squareLost = fma(r.x, r.x * 0.5, -square);
  float tail = r.x * r.x * r.x * fma(r.x, fma(r.x, fma(r.x, fma(r.x, 1.0 / 5040.0, 1.0 / 720.0), 1.0 / 120.0), 1.0 / 24.0), 1.0 / 6.0);
  vec2 first = twoSum(1.0, r.x);
  vec2 second = twoSum(first.x, square);
  precise float rest = first.y + second.y + squareLost + tail + small * (1.0 + r.x);
  float scale = uintBitsToFloat(uint(int(n) + 127) << 23);
  vec2 sum = twoSum(second.x, rest);
  return sum * scale;
}

void main() {
  uint row = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (row >= push.rows) return;
  vec2 above = vec2(-1.0, 0.0);  // sum p - 1
  float surprise = 0.0;
  uint flags = 0u;
  for (uint i = 0u; i < push.k; ++i) {
    ListEntry entry = lists[push.first + row * push.k + i];
    bool bad = isBad(entry.high) || entry.high > 0.1;
    if (bad) flags |= kBadRow;
    if (entry.id == kNoId || bad || isNegativeInfinity(entry.high)) continue;
    vec2 p = expExact(entry.high, entry.low);
    vec2 next = twoSum(above.x, p.x);
    precise float carried = above.y + next.y + p.y;
    above = twoSum(next.x, carried);
    surprise += p.x * abs(entry.high);
  }
  float sum = above.x + above.y;
  float hidden = surprise * push.roundoff + 4.0e-9;
  if (!(sum <= 0.001 + hidden)) flags |= kBadRow;
  bool full = !(-sum >= hidden);
  stats[push.firstRow + row] = ListStats(full ? hidden : -sum, full ? log1pAny(sum + hidden) : 0.0, flags | (full ? kFullList : 0u));
  if (flags == 0u) atomicMax(largestRest, floatBitsToUint(full ? 0.0 : -sum));
}
