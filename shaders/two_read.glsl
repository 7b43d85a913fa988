// Bounded divergences of p = softmax(x / T) and q = softmax(y / T), both normalisers known (row_stats). With d = ln q - ln p,
// M = max(p, q), e = min(p, q) / M = exp(-|d|), w = 1 - e, terms of one vocabulary entry:
//   JSD  M f(w), f = ((2-w)(-ln(1-w/2)) + (1-w) ln(1-w)) / 2
//   TV   M w / 2
// f = w (w A(w) + e |d| B(w)) with polynomials A and B (weighted least squares, relative error 3e-7 on all of [0, 1]): no
// logarithm. lavapipe splits each fma: what counts there is products and sums.
#include "kernels.h"
#include "functions.glsl"
#include "rows.glsl"
#include "shared_rows.glsl"

layout(constant_id = 6) const bool kJsd = true;
layout(constant_id = 7) const bool kTv = false;

// f of above; e = 1 - w, a = |d| = -ln e.
float jsdShare(float w, float e, float a) {
  float s = fma(w, 0.00843458157, -0.256160498);
  s = fma(w, s, 1.15769696);
  s = fma(w, s, -2.11962581);
  s = fma(w, s, 1.55622828);
  float t = fma(w, 0.0913281441, -0.626489699);
  t = fma(w, t, 1.46650982);
  t = fma(w, t, -1.43122828);
  return w * fma(w, s, e * a * t);
}

// 2^r - 1 for |r| <= 1/2, relative error about 1e-8: f takes thirteen times that of w.
float exp2Minus1(float r) {
  float s = fma(r, 0.000153820874, 0.00133873837);
  s = fma(r, s, 0.00961831119);
  s = fma(r, s, 0.0555036739);
  s = fma(r, s, 0.240226492);
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
    row[g] = numbers[cell] * cellVectors;
    RowStats Q = stats[cell];
    precise float between = Q.offset - P.offset;
    offset[g] = between;
    logs[g] = logOfNormalisers(P.logSum, P.scale, Q.logSum, Q.scale);
    if (kFloats) logs[g] += lostBy(Q.offset, P.offset, between) * inverseTemperature;
    Sum none = Sum(0.0, 0.0);
    bool far = !(abs(between) < kHighestShift) || !(abs(P.offset) < kHighestOffset) || (Q.flags & kBadRow) != 0u;
    s[g] = Sums(none, none, none, none, far ? kGiveBack : 0.0);
  }
  uint reference = numbers[push.firstReferenceStats + group.reference] * referenceVectors;
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
        float a = abs(d);
        a = a > 80.0 ? 80.0 : a;
        float octaves = a * 1.44269504;
        float n = roundEven(octaves);
        float inverse = uintBitsToFloat(0x3f800000u - (uint(int(n)) << 23));  // 2^-n
        float less = inverse * exp2Minus1(n - octaves);
        float w = (1.0 - inverse) - less;
        float e = inverse + less;
        float major = d > 0.0 ? p[i] / e : p[i];
        if (kJsd) jsd = fma(major, jsdShare(w, e, a), jsd);
        if (kTv) {
          float change = major * w;
          tv += change;
          rise += d > 0.0 ? change : -change;
          above += d > 0.0 ? major : change - major;
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
