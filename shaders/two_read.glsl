// Bounded divergences of p = softmax(x / T) and q = softmax(y / T), both normalisers known (row_stats). With d = ln q - ln p,
// M = max(p, q), e = min(p, q) / M = exp(-|d|), w = 1 - e, terms of one vocabulary entry:
//   JSD  M f(w), f = ((2-w)(-ln(1-w/2)) + (1-w) ln(1-w)) / 2
//   TV   M w / 2
// f = w (w A(w) + e |d| B(w)) with polynomials A and B (weighted least squares, relative error 5e-8 on all of [0, 1]): no
// logarithm, no division. e^r and e^-r come from one even and one odd polynomial.
#include "kernels.h"
#include "functions.glsl"
#include "rows.glsl"
#include "shared_rows.glsl"

layout(constant_id = 6) const bool kJsd = true;
layout(constant_id = 7) const bool kTv = false;

// f of above; e = 1 - w, a = |d| = -ln e.
float jsdShare(float w, float e, float a) {
  float s = fma(w, 0.00182112734, 0.0170018864);
  s = fma(w, s, -0.392214100);
  s = fma(w, s, 1.51880642);
  s = fma(w, s, -2.47755855);
  s = fma(w, s, 1.67871679);
  float t = fma(w, 0.150266738, -0.859713008);
  t = fma(w, t, 1.76320086);
  t = fma(w, t, -1.55371680);
  return w * fma(w, s, e * a * t);
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
    if (kFloats) logs[g] += lostBy(Q.offset, P.offset, between) * push.inverseTemperature;
    Sum none = Sum(0.0, 0.0);
    bool far = !(abs(between) < kHighestShift) || !(abs(P.offset) < kHighestOffset) || (Q.flags & kBadRow) != 0u;
    s[g] = Sums(none, none, none, none, far ? kGiveBack : 0.0);
  }
  uint reference = numbers[push.firstReferenceStats + group.reference];
  uint steps = (push.width + kLoad - 1u) / kLoad;
  for (uint step = gl_LocalInvocationID.x; step < steps; step += gl_WorkGroupSize.x) {
    float x[8];
    float p[8];
    loadReference(reference, step, x);
    uint counts = kMasked ? allowedBits(step, push.width, allowed[step / 4u], true) : 0xffu;
    if (kMasked) exclude(counts, kLogits, x);
    [[unroll]] for (int i = 0; i < 8; ++i) {
      x[i] = lifted(x[i], kFloor);
      p[i] = expNegative((x[i] - P.offset) * push.inverseTemperature) * P.scale;
    }
    [[unroll]] for (uint g = 0u; g < kShared; ++g) {
      float y[8];
      loadCell(row[g], step, y);
      if (kMasked) exclude(counts, kLogits, y);
      float lowest = kFloor + offset[g];
      float jsd = 0.0, tv = 0.0, rise = 0.0, above = 0.0;
      [[unroll]] for (int i = 0; i < 8; ++i) {
        float d = shiftedDifference(lifted(y[i], lowest), x[i], offset[g]);
        if (kTempered) d *= push.inverseTemperature;
        d -= logs[g];
        s[g].high = d > s[g].high ? d : s[g].high;
        float a = abs(d);
        a = a > 80.0 ? 80.0 : a;
        float n = roundEven(a * 1.44269504);
        float r = fma(n, -kLn2, a);
        uint bits = uint(int(n)) << 23;
        float power = uintBitsToFloat(0x3f800000u + bits);
        float inverse = uintBitsToFloat(0x3f800000u - bits);
        float z = r * r;
        float even = z * fma(z, fma(z, 1.0 / 720.0, 1.0 / 24.0), 0.5);  // cosh r - 1
        float odd = r * fma(z, fma(z, fma(z, 1.0 / 5040.0, 1.0 / 120.0), 1.0 / 6.0), 1.0);  // sinh r
        float less = inverse * (odd - even);
        float w = (1.0 - inverse) + less;
        float e = inverse - less;
        float grown = p[i] * power;
        float major = d > 0.0 ? fma(grown, even + odd, grown) : p[i];
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
