#version 450
#extension GL_GOOGLE_include_directive : require
// Values of pairs from the sums of one_read.glsl, two_read.glsl or stored_read.glsl. Where these do not carry the
// value's digits, the pair is marked for pairs.comp.
//
// One read, with u = sum p expm1(d), B = sum p (e^d - 1 - d), D = sum p d, R = sum p (e^d (d - 1) + 1), J = sum p expm1(d) d:
//   KL(p|q)  = B - (u - log1p u)                              or, where B and u^2 are large against it,  log1p u - D
//   KL(q|p)  = R/(1+u) - (log1p u - u/(1+u))                  or                              (J + D)/(1+u) - log1p u
//   Jeffreys = (J - u D)/(1+u)
// Tilted by b, with v = sum p expm1(b d) = b u - S, S = sum p (b expm1(d) - expm1(b d)), U = 1 + u and V = 1 + v summed plainly:
//   Rényi      = (S - b (u - log1p u) + (v - log1p v)) / b    or  ln U - ln(V) / b,  of order 1 - b
//   chi^2      = -S U - u^2            (b = -1)               or  U V - 1
//   Hellinger^2 = (S - u^2/(2 (1+sqrt U)^2)) / sqrt U  (b = 1/2)  or  1 - V / sqrt U
#include "kernels.h"
#include "metrics.h"
#include "functions.glsl"

#include "merge_pairs.glsl"

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

// Values from sums of p e^(b d); NaN for one that must be found otherwise.
float finishedTilted(SharedPartial t) {
  float none = uintBitsToFloat(kNanBits);
  float b = push.tilt, S = t.s0, u = t.s1, U = t.s3, V = t.s4;
  if (kMetric == kChi2Id) {
    float value = -S * U - u * u;
    if (keeps(value, u * u, 3.0)) return value;
    value = fma(U, V, -1.0);
    return value > 0.1 ? value : none;
  }
  if (kMetric == kHellingerId) {
    float root = sqrt(U);
    float taken = u * u / (2.0 * (1.0 + root) * (1.0 + root));
    float square = (S - taken) / root;
    if (keeps(square * root, taken, 3.0)) return sqrt(square);
    square = 1.0 - V / root;
    return square > 0.1 ? sqrt(square) : none;
  }
  float v = fma(b, u, -S);
  float first = aboveLog(u), second = aboveLog(v) / b;
  float value = S / b - first + second;
  if (v > kSmallest && u > kSmallest && keeps(value, max(abs(first), abs(second)), 3.0)) return value;
  // Where v is small, its sum may have digits that V has not; 1/b asks for them.
  bool digits = abs(v) < 0.4 && abs(b * u) < 8.0 * abs(v);
  float logU = logPositive(U), logV = (digits ? log1pAny(v) : logPositive(V)) / b;
  value = logU - logV;
  // U and V have only positive terms: what their logarithms lose is in their own rounding.
  float parts = abs(logU) + 3.0 + (digits ? 4.0 * abs(logV) : abs(logV) + 3.0 / abs(b));
  return U > 1.0e-30 && V > 1.0e-30 && keeps(value, parts, 60.0) ? value : none;
}

float relativeEntropy(SharedPartial s) {
  float u = s.s1;
  float taken = aboveLog(u);
  float value = s.s0 - taken;
  if (keeps(value, taken, 3.0)) return value;
  float log1pU = log1pAny(u);
  value = log1pU - s.s2;
  return keeps(value, abs(log1pU) + abs(s.s2), 10.0) ? value : uintBitsToFloat(kNanBits);
}

// The value, or NaN for one that must be found otherwise.
float valueOf(SharedPartial s, RowStats P) {
  float u = s.s1;
  float none = uintBitsToFloat(kNanBits);
  switch (kMetric) {
  case kJsdId:
  case kJsdWeightedId: return s.s0;
  case kJsDistanceId: return sqrt(s.s0);
  case kTvId:
    // Of rows so close that the normalisers' rounding moves entries across the kink, pairs.comp knows better.
    return keeps(0.5 * s.s1, abs(s.s2), 2.0e-4) ? tvFinish(vec3(0.5 * s.s1, s.s2, s.s3)) : none;
  case kCosineId: return cosineFinish(vec3(s.s0, s.s1, s.s2));
  case kL2Id: return sqrt(s.s3);
  case kRankId: return s.s4 > 0.0 ? 1.0 + s.s0 : none;
  case kHellingerId:
  case kChi2Id:
  case kRenyiId: return finishedTilted(s);
  case kKlId: return relativeEntropy(s);
  case kCrossEntropyId: return P.entropy + relativeEntropy(s);
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

float finished(PairEntry pair, SharedPartial s, RowStats P, out uint verdict) {
  float value = valueOf(s, P);
  verdict = safe(s) && isFiniteBits(floatBitsToUint(value)) ? kKept : kGivenBack;
  return value;
}
