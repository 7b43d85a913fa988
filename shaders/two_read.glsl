// Bounded divergences of p = softmax(x / T) and q = softmax(y / T), both normalisers known (row_stats). With d = ln q - ln p and
// X = tanh(d/2) = (q - p) / (q + p), terms of one vocabulary entry:
//   JSD  (p + q) F(X), F = ((1 + X) ln(1 + X) + (1 - X) ln(1 - X)) / 4
//   TV   |q - p| / 2
// F = Z A(Z) + (1 - Z) X d B(Z), Z = X^2, with polynomials A and B (weighted least squares, relative error 3e-7 for every d):
// no logarithm. lavapipe splits each fma: what counts there is products and sums.
#include "kernels.h"
#include "functions.glsl"
#include "rows.glsl"
#include "shared_rows.glsl"

layout(constant_id = 6) const bool kJsd = true;
layout(constant_id = 7) const bool kTv = false;

// F of above.
float jsdShare(float X, float d) {
  float Z = X * X;
  float s = fma(Z, -0.0408229157, 0.273266017);
  s = fma(Z, s, -0.645053267);
  s = fma(Z, s, 0.759183705);
  float t = fma(Z, 0.00254720962, -0.0465080403);
  t = fma(Z, t, 0.173633486);
  t = fma(Z, t, -0.254591852);
  return fma(Z, s, (1.0 - Z) * (X * d) * t);
}

// 2^r - 1 for |r| <= 1/2, relative error 4e-7, less near 0: that of F is four times that of this.
float exp2Minus1(float r) {
  float s = fma(r, 0.00133414986, 0.00966561399);
  s = fma(r, s, 0.0555046387);
  s = fma(r, s, 0.240223646);
  s = fma(r, s, 0.693147182);
  return r * s;
}

struct Sums {
  Sum jsd, tv;
  Sum rise, above;  // of q - p, and of q where it is above p less where it is below: see tvFinish
  float high;
};

void main() {
  uint number = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
  if (number >= push.groups) return;
  PairGroup group = groups[number];
  RowStats P = stats[push.firstReferenceStats + group.reference];
  uint row[kShared];
  float offset[kShared];  // of the raw logits
  float logs[kShared];    // of the normalisers, with what rounding took from the offset
  Sums s[kShared];
  [[unroll]] for (uint g = 0u; g < kShared; ++g) {
    uint cell = entries[group.first + (g < group.count ? g : group.count - 1u)].cell;
    row[g] = numbers[cell];
    RowStats Q = stats[cell];
    precise float between = Q.offset - P.offset;
    offset[g] = between;
    logs[g] = logOfNormalisers(P.logSum, P.scale, Q.logSum, Q.scale);
    if (kFloats) logs[g] += lostBy(Q.offset, P.offset, between) * inverseTemperature;
    Sum none = Sum(0.0, 0.0);
    bool far = !(abs(between) < kHighestShift) || !(abs(P.offset) < kHighestOffset) || (Q.flags & kBadRow) != 0u;
    s[g] = Sums(none, none, none, none, far ? kGiveBack : 0.0);
  }
  uint reference = numbers[push.firstReferenceStats + group.reference];
  uint steps = (width + kLoad - 1u) / kLoad;
  for (uint step = gl_LocalInvocationID.x; step < steps; step += gl_WorkGroupSize.x) {
    float x[8];
    float p[8];
    loadReference(reference, step, x);
    uint counts = kMasked ? allowedBits(step, width, allowed[step / 4u], true) : 0xffu;
    if (kMasked) exclude(counts, kLogits, x);
    [[unroll]] for (int i = 0; i < 8; ++i) {
      x[i] = lifted(x[i], kFloor);
      p[i] = expNegative((x[i] - P.offset) * inverseTemperature) * P.scale;
    }
    [[unroll]] for (uint g = 0u; g < kShared; ++g) {
      float y[8];
      loadCell(row[g], step, y);
      if (kMasked) exclude(counts, kLogits, y);
      float lowest = kFloor + offset[g];
      float jsd = 0.0, tv = 0.0, rise = 0.0, above = 0.0;
      [[unroll]] for (int i = 0; i < 8; ++i) {
        float d = shiftedDifference(lifted(y[i], lowest), x[i], offset[g]);
        if (kTempered) d *= inverseTemperature;
        d -= logs[g];
        s[g].high = d > s[g].high ? d : s[g].high;
        d = d < -80.0 ? -80.0 : d;
        float octaves = d * 1.44269504;
        float n = roundEven(octaves);
        float power = uintBitsToFloat(0x3f800000u + (uint(int(n)) << 23));  // 2^n
        float part = power * exp2Minus1(octaves - n);
        float less = (power - 1.0) + part;  // e^d - 1
        if (kJsd) {
          float both = (power + 1.0) + part;
          jsd = fma(p[i] * both, jsdShare(less / both, d), jsd);
        }
        if (kTv) {
          float change = p[i] * less;
          tv += abs(change);
          rise += change;
          above += d > 0.0 ? p[i] + change : -p[i] - change;
        }
      }
      if (kJsd) add(s[g].jsd, jsd);
      if (kTv) {
        add(s[g].tv, tv);
        add(s[g].rise, rise);
        add(s[g].above, above);
      }
    }
  }
  [[unroll]] for (uint g = 0u; g < kShared; ++g)
    storePartial(group.first + g, g < group.count,
                 SharedPartial(s[g].jsd.value, s[g].tv.value, s[g].rise.value, s[g].above.value, 0.0, s[g].high, 0.0));
}
