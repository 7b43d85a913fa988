// Divergences from ONE read of the cells' rows, their normalisers unknown: with p = softmax(x / T) known and any
// constant c near ln Z_y - ln Z_x, d = (y - x)/T - c has
//   u = sum p expm1(d),  KL(p|q) = sum p (e^d - 1 - d) - (u - log1p(u))
// and the other sums of shaders/shared_merge.comp, where they become values. The terms e^d - 1 - d (a Bregman divergence)
// are never negative: nothing cancels, however close p and q are, as long as u^2 is not far above KL; the merge checks that.
// Where kTilted, the sums are those of Rényi's divergences instead (Hellinger's and chi^2 among them), for one b: with
// E(d) = expm1(d), sum p (b E(d) - E(b d)) has terms of one sign; sum p e^d and sum p e^(b d) serve where it is not small.
#include "kernels.h"
#include "functions.glsl"
#include "rows.glsl"
#include "shared_rows.glsl"
#include "reference_shift.glsl"

layout(constant_id = 6) const bool kForward = true;   // KL(p|q) or Jeffreys is wanted
layout(constant_id = 7) const bool kBackward = false; // KL(q|p)
layout(constant_id = 8) const bool kProduct = false;  // KL(q|p) or Jeffreys
layout(constant_id = 9) const bool kTilted = false;   // alone

// e^d, e^d - 1 and e^d - 1 - d without cancellation, for d up to 80. With d = n ln 2 + r the last is (2^n - 1)(1 + r) - n ln 2 +
// 2^n (e^r - 1 - r), that in brackets a polynomial times r^2 (weighted least squares on Chebyshev nodes, relative error 1e-7);
// in all about 5e-7.
struct Exponential {
  vec4 power, minusOne, bregman;
};
Exponential exponential(vec4 d) {
  vec4 n = roundEven(d * 1.44269504);
  n = mix(n, vec4(-126.0), lessThan(n, vec4(-126.0)));
  vec4 r = fma(n, vec4(-kLn2), d);
  vec4 e = fma(r, vec4(0.00139012972), vec4(0.00836317021));
  e = fma(r, e, vec4(0.0416668537));
  e = fma(r, e, vec4(0.166665771));
  e = fma(r, e, vec4(0.5));
  vec4 power = uintBitsToFloat(uvec4(ivec4(n) + 127) << 23);
  vec4 less = power - 1.0;
  vec4 above = fma(r * r, e, r);  // e^r - 1
  return Exponential(fma(power, above, power), fma(power, above, less),
                     fma(power * r, r * e, fma(n, vec4(-kLn2), fma(less, r, less))));
}

// b E(d) - E(b d)
vec4 tilted(Exponential one, Exponential tilt, float b) {
  return mix(fma(vec4(b), one.minusOne, -tilt.minusOne), fma(vec4(b), one.bregman, -tilt.bregman),
             lessThan(abs(one.minusOne), vec4(0.5)));
}

struct Sums {
  Sum b, u, d, r, j;
  float high, low;
};

void main() {
  uint number = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
  if (number >= push.groups) return;
  PairGroup group = groups[number];
  RowStats P = stats[push.firstReferenceStats + group.reference];
  uint row[kShared];
  [[unroll]] for (uint g = 0u; g < kShared; ++g)
    row[g] = numbers[cellOf(group, g)];
  float c[kShared];
  float near[kShared];
  referenceShift(P, (push.firstReferenceStats + group.reference) * push.parts, row, c, near);
  Sums s[kShared];
  [[unroll]] for (uint g = 0u; g < kShared; ++g) {
    Sum none = Sum(0.0, 0.0);
    bool far = !(abs(c[g]) < kHighestShift) || !(abs(P.offset) < kHighestOffset);
    s[g] = Sums(none, none, none, none, none, far ? kGiveBack : 0.0, 0.0);
  }
  uint reference = numbers[push.firstReferenceStats + group.reference];
  float sentinel = 0.0;
  float b1 = push.tilt;
  uint steps = (width + kLoad - 1u) / kLoad;
  for (uint step = gl_LocalInvocationID.x; step < steps; step += gl_WorkGroupSize.x) {
    Step words[kShared];
    [[unroll]] for (uint g = 0u; g < kShared; ++g) words[g] = cellStep(row[g], step);
    uint counting = countingBits(step);
    Known known = knownStep(reference, step, counting, P);
    sentinel = larger(sentinel, known.sentinel);
    [[unroll]] for (uint g = 0u; g < kShared; ++g) {
      vec4 b = vec4(0.0), u = vec4(0.0), d = vec4(0.0), r = vec4(0.0), j = vec4(0.0);
      vec4 high, low;
      [[unroll]] for (uint h = 0u; h < 2u; ++h) {
        vec4 p = known.p[h];
        vec4 y = lifted(elements(words[g], kCellDtype, h, counting), kFloor + c[g]);
        precise vec4 above = y - known.x[h];
        vec4 di = shifted(above, y, known.x[h], c[g]);
        if (kTempered) di *= inverseTemperature;
        high = h == 0u ? di : larger(high, di);
        low = h == 0u ? di : smaller(low, di);
        if (kTilted) {
          vec4 tilt = b1 * di;
          high = larger(high, tilt);
          // Written so that NaN stays NaN.
          Exponential one = exponential(mix(di, vec4(80.0), greaterThan(di, vec4(80.0))));
          Exponential other = exponential(mix(tilt, vec4(80.0), greaterThan(tilt, vec4(80.0))));
          b = fma(p, tilted(one, other, b1), b);
          u = fma(p, one.minusOne, u);
          r = fma(p, one.power, r);
          j = fma(p, other.power, j);
        } else {
          vec4 bi = exponential(di).bregman;
          precise vec4 ui = bi + di;  // expm1(d)
          b = fma(p, bi, b);
          u = fma(p, ui, u);
          d = fma(p, di, d);
          if (kBackward || kProduct) {
            precise vec4 product = ui * di;
            if (kProduct) j = fma(p, product, j);
            if (kBackward) r = fma(p, product - bi, r);
          }
        }
      }
      s[g].high = larger(s[g].high, largest(high));
      s[g].low = smaller(s[g].low, smallest(low));
      if (kForward || kTilted) add(s[g].b, sumOf(b));
      add(s[g].u, sumOf(u));
      if (!kTilted) add(s[g].d, sumOf(d));
      if (kBackward || kTilted) add(s[g].r, sumOf(r));
      if (kProduct || kTilted) add(s[g].j, sumOf(j));
    }
  }
  [[unroll]] for (uint g = 0u; g < kShared; ++g)
    storePartial(group.first + g, g < group.count,
                 SharedPartial(s[g].b.value, s[g].u.value, s[g].d.value, s[g].r.value, s[g].j.value,
                               larger(sentinel, s[g].high), s[g].low));
}
