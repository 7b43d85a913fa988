// Bounded divergences of p = softmax(x / T) and q = softmax(y / T), both normalisers known (row_stats). With d = ln q - ln p and
// X = tanh(d/2) = (q - p) / (q + p), terms of one vocabulary entry:
//   JSD  (p + q) F(X), F = ((1 + X) ln(1 + X) + (1 - X) ln(1 - X)) / 4
//   TV   |q - p| / 2
//   JSD of weights b and r = 1 - b:  m (b F(p/m - 1) + r F(q/m - 1)), m = b p + r q, F(z) = (1 + z) ln(1 + z) - z
// The first F = Z A(Z) + (1 - Z) X d B(Z), Z = X^2, with polynomials A and B (weighted least squares, relative error 3e-7 for every d):
// no logarithm. lavapipe splits each fma: what counts there is products and sums.
#include "kernels.h"
#include "functions.glsl"
#include "rows.glsl"
#include "shared_rows.glsl"

layout(constant_id = 6) const bool kJsd = true;
layout(constant_id = 7) const bool kTv = false;
layout(constant_id = 8) const bool kWeighted = false;  // alone

// F of above.
vec4 jsdShare(vec4 X, vec4 d) {
  vec4 Z = X * X;
  vec4 s = fma(Z, vec4(-0.0408229157), vec4(0.273266017));
  s = fma(Z, s, vec4(-0.645053267));
  s = fma(Z, s, vec4(0.759183705));
  vec4 t = fma(Z, vec4(0.00254720962), vec4(-0.0465080403));
  t = fma(Z, t, vec4(0.173633486));
  t = fma(Z, t, vec4(-0.254591852));
  return fma(Z, s, (1.0 - Z) * (X * d) * t);
}

// 2^r - 1 for |r| <= 1/2, relative error 4e-7, less near 0: that of F is four times that of this.
vec4 exp2Minus1(vec4 r) {
  vec4 s = fma(r, vec4(0.00133414986), vec4(0.00966561399));
  s = fma(r, s, vec4(0.0555046387));
  s = fma(r, s, vec4(0.240223646));
  s = fma(r, s, vec4(0.693147182));
  return r * s;
}

// ln z for normal z > 0, near 1 with the digits of z - 1 that are given.
vec4 logNear(vec4 z, vec4 less) {
  uvec4 bits = floatBitsToUint(z) + (0x3f800000u - 0x3f3504f3u);
  vec4 e = vec4(ivec4(bits >> 23) - 127);
  vec4 m = uintBitsToFloat((bits & 0x007fffffu) + 0x3f3504f3u);
  vec4 above = mix(m - 1.0, less, equal(e, vec4(0.0)));
  vec4 s = above / (2.0 + above);
  vec4 q = s * s;
  vec4 t = fma(q, vec4(1.0 / 9.0), vec4(1.0 / 7.0));
  t = fma(q, t, vec4(0.2));
  t = fma(q, t, vec4(1.0 / 3.0));
  return fma(e, vec4(kLn2), 2.0 * fma(s * q, t, s));
}

// F(z) of a weighted JSD; logZ = ln(1 + z). A polynomial (weighted least squares, relative error 3e-7) near 0.
vec4 weightedShare(vec4 z, vec4 logZ) {
  vec4 s = fma(z, vec4(-0.0254485663), vec4(0.0350874886));
  s = fma(z, s, vec4(-0.0499462076));
  s = fma(z, s, vec4(0.0832915679));
  s = fma(z, s, vec4(-0.166667119));
  s = fma(z, s, vec4(0.500000119));
  return mix(fma(z, logZ, logZ) - z, z * z * s, lessThan(abs(z), vec4(0.25)));
}

// m/p (b F(p/m - 1) + r F(q/m - 1)), e^d and e^d - 1 being known.
vec4 weightedShares(vec4 d, vec4 power, vec4 less, float weight, float rest) {
  vec4 m = fma(vec4(rest), power, vec4(weight));
  vec4 z = less / m;
  vec4 logM = logNear(m, rest * less);
  return m * (weight * weightedShare(-rest * z, -logM) + rest * weightedShare(weight * z, d - logM));
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
    uint cell = cellOf(group, g);
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
  float weight = push.weight;
  float rest = push.tilt;
  uint steps = (width + kLoad - 1u) / kLoad;
  for (uint step = gl_LocalInvocationID.x; step < steps; step += gl_WorkGroupSize.x) {
    Step words[kShared];
    [[unroll]] for (uint g = 0u; g < kShared; ++g) words[g] = cellStep(row[g], step);
    uint counting = countingBits(step);
    Known known = knownStep(reference, step, counting, P);
    [[unroll]] for (uint g = 0u; g < kShared; ++g) {
      vec4 jsd = vec4(0.0), tv = vec4(0.0), rise = vec4(0.0), above = vec4(0.0);
      vec4 high;
      [[unroll]] for (uint h = 0u; h < 2u; ++h) {
        vec4 p = known.p[h];
        vec4 y = lifted(elements(words[g], kCellDtype, h, counting), kFloor + offset[g]);
        precise vec4 difference = y - known.x[h];
        vec4 d = shifted(difference, y, known.x[h], offset[g]);
        if (kTempered) d *= inverseTemperature;
        d -= logs[g];
        high = h == 0u ? d : larger(high, d);
        d = mix(d, vec4(-80.0), lessThan(d, vec4(-80.0)));
        vec4 octaves = d * 1.44269504;
        vec4 n = roundEven(octaves);
        vec4 power = uintBitsToFloat(0x3f800000u + (uvec4(ivec4(n)) << 23));  // 2^n
        vec4 part = power * exp2Minus1(octaves - n);
        vec4 less = (power - 1.0) + part;  // e^d - 1
        if (kJsd) {
          vec4 both = (power + 1.0) + part;
          jsd = fma(p * both, jsdShare(less / both, d), jsd);
        }
        if (kWeighted) jsd = fma(p, weightedShares(d, power + part, less, weight, rest), jsd);
        if (kTv) {
          vec4 change = p * less;
          tv += abs(change);
          rise += change;
          above += mix(-p - change, p + change, greaterThan(d, vec4(0.0)));
        }
      }
      s[g].high = larger(s[g].high, largest(high));
      if (kJsd || kWeighted) add(s[g].jsd, sumOf(jsd));
      if (kTv) {
        add(s[g].tv, sumOf(tv));
        add(s[g].rise, sumOf(rise));
        add(s[g].above, sumOf(above));
      }
    }
  }
  [[unroll]] for (uint g = 0u; g < kShared; ++g)
    storePartial(group.first + g, g < group.count,
                 SharedPartial(s[g].jsd.value, s[g].tv.value, s[g].rise.value, s[g].above.value, 0.0, s[g].high, 0.0));
}
