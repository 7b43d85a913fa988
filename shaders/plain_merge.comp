#version 450
#extension GL_GOOGLE_include_directive : require
// Values of pairs from the sums of plain_read.glsl. What is close is left to one_read.glsl, what the sums cannot hold to
// pairs.comp.
#include "kernels.h"
#include "metrics.h"
#include "functions.glsl"
#include "merge_pairs.glsl"

// From the plain sums. Each logarithm is off by 1e-7 or so, and so is what it is of. NaN for a value too small for that.
float valueOf(SharedPartial s, RowStats P) {
  float D = s.s2, along = s.s3 / s.s1;
  float logW = logPositive(s.s1 * P.scale) - s.s4;
  float value = 0.0, parts = 1.0;
  switch (kMetric) {
  case kKlId:
    value = logW - D;
    parts += abs(logW) + abs(D);
    break;
  case kCrossEntropyId:
    value = P.entropy + (logW - D);
    parts += abs(logW) + abs(D);
    break;
  case kKlReverseId:
    value = along - logW;
    parts += abs(logW) + abs(along);
    break;
  case kJeffreysId:
    value = along - D;
    parts += abs(along) + abs(D);
    break;
  }
  return keeps(value, parts, 10.0) ? value : uintBitsToFloat(kNanBits);
}

float finished(PairEntry pair, SharedPartial s, RowStats P, out uint verdict) {
  verdict = kKept;
  bool itself = push.firstReferenceStats == 0u && pair.cell == pair.reference;
  if (itself) return kMetric == kCrossEntropyId ? P.entropy : 0.0;
  verdict = kTooClose;
  if (s.s0 < kPlainNear) return 0.0;
  bool sums = isFiniteBits(floatBitsToUint(s.s1)) && isFiniteBits(floatBitsToUint(s.s2)) && isFiniteBits(floatBitsToUint(s.s3));
  float value = valueOf(s, P);
  if (!safe(s) || !sums)
    verdict = kGivenBack;
  else if (isFiniteBits(floatBitsToUint(value)))
    verdict = kKept;
  return value;
}
