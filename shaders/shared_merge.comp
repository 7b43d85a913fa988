#version 450
#extension GL_GOOGLE_include_directive : require
// Values of pairs from the sums of one_read.comp or two_read.comp: the partials merged in a fixed order, then the metric's
// formula; one invocation a pair. Where the sums do not carry the value's digits, the pair is marked for pairs.comp.
//
// One read, with u = sum p expm1(d), B = sum p (e^d - 1 - d), D = sum p d, R = sum p (e^d (d - 1) + 1), J = sum p expm1(d) d:
//   KL(p|q)  = B - (u - log1p u)                              or, where B and u^2 are large against it,  log1p u - D
//   KL(q|p)  = R/(1+u) - (log1p u - u/(1+u))                  or                              (J + D)/(1+u) - log1p u
//   Jeffreys = (J - u D)/(1+u)
#include "kernels.h"
#include "metrics.h"
#include "functions.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kMetric = 0;
layout(constant_id = 2) const uint kUnitKind = 0;  // 0 plain, 1 information, 2 its square root

layout(std430, set = 0, binding = 0) readonly buffer Partials { SharedPartial partials[]; };
layout(std430, set = 0, binding = 1) readonly buffer Entries { PairEntry entries[]; };
layout(std430, set = 0, binding = 2) readonly buffer Stats { RowStats stats[]; };
layout(std430, set = 0, binding = 3) writeonly buffer Values { uint values[]; };
layout(std430, set = 0, binding = 4) writeonly buffer Redo { uint redo[]; };
layout(push_constant) uniform Push { SharedPush push; };

#include "metric_ids.glsl"

// With x = u/(2+u), log1p(u) = 2 atanh(x) = 2x + 2x^3 T(x^2): what follows differs from 2x by products that do not cancel.
const float kSmallest = -0.4;
const float kLargest = 1.0;
float atanhTail(float x) {
  float z = x * x;
  float t = fma(z, 1.0 / 13.0, 1.0 / 11.0);
  t = fma(z, t, 1.0 / 9.0);
  t = fma(z, t, 1.0 / 7.0);
  t = fma(z, t, 0.2);
  t = fma(z, t, 1.0 / 3.0);
  return 2.0 * x * z * t;
}

// u - log1p(u) for u > -1
float aboveLog(float u) {
  float x = u / (2.0 + u);
  return u > kSmallest && u < kLargest ? u * x - atanhTail(x) : u - log1pAny(u);
}

// log1p(u) - u/(1+u)
float belowLog(float u) {
  float x = u / (2.0 + u);
  return u > kSmallest && u < kLargest ? x * u / (1.0 + u) + atanhTail(x) : log1pAny(u) - u / (1.0 + u);
}

// True while the parts of a difference are not so large that their rounding reaches its sixth digit.
bool keeps(float value, float parts, float most) { return parts <= most * value; }

// The value, or NaN for one that must be found otherwise.
float finished(SharedPartial s) {
  float u = s.s1;
  float none = uintBitsToFloat(kNanBits);
  switch (kMetric) {
  case kJsdId: return s.s0;
  case kJsDistanceId: return sqrt(s.s0);
  case kTvId: return tvFinish(vec3(0.5 * s.s1, s.s3, s.s4));
  case kHellingerId: return sqrt(0.5 * s.s2);
  case kKlId: {
    float taken = aboveLog(u);
    float value = s.s0 - taken;
    if (keeps(value, taken, 3.0)) return value;
    float log1pU = log1pAny(u);
    value = log1pU - s.s2;
    return keeps(value, abs(log1pU) + abs(s.s2), 10.0) ? value : none;
  }
  case kKlReverseId: {
    float taken = belowLog(u);
    float value = s.s3 / (1.0 + u) - taken;
    if (keeps(value, taken, 3.0)) return value;
    float log1pU = log1pAny(u);
    value = (s.s4 + s.s2) / (1.0 + u) - log1pU;
    return keeps(value, abs(log1pU) + (s.s4 + abs(s.s2)) / (1.0 + u), 10.0) ? value : none;
  }
  case kJeffreysId: {
    float value = (s.s4 - u * s.s2) / (1.0 + u);
    return keeps(value, abs(u * s.s2) / (1.0 + u), 10.0) ? value : none;
  }
  }
  return none;
}

void main() {
  uint pair = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (pair >= push.pairs) return;
  PairEntry entry = entries[pair];
  uint at = push.valueStart + entry.slot;
  redo[push.redoStart + pair] = 0u;
  bool bad = entry.missing == 0u && (stats[push.firstReferenceStats + entry.reference].flags & kBadRow) != 0u;
  if (entry.missing != 0u || bad) {
    values[at] = entry.missing == 2u ? kMaskedBits : kNanBits;
    return;
  }
  SharedPartial s = partials[pair * push.parts];
  for (uint i = 1u; i < push.parts; ++i) {
    SharedPartial t = partials[pair * push.parts + i];
    s = SharedPartial(s.s0 + t.s0, s.s1 + t.s1, s.s2 + t.s2, s.s3 + t.s3, s.s4 + t.s4, s.high > t.high ? s.high : t.high,
                      s.low < t.low ? s.low : t.low);
  }
  float value = finished(s);
  if (!isFiniteBits(floatBitsToUint(value)) || s.high > kSafeHigh || s.low < kSafeLow) redo[push.redoStart + pair] = 1u;
  if (kUnitKind == 1u) value *= push.unitScale;
  if (kUnitKind == 2u) value *= sqrt(push.unitScale);
  values[at] = floatBitsToUint(value);
}
