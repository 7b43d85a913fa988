// Divergences from ONE read of the cells' rows, their normalisers unknown: with p = softmax(x / T) known and any
// constant c near ln Z_y - ln Z_x, d = (y - x)/T - c has
//   u = sum p expm1(d),  KL(p|q) = sum p (e^d - 1 - d) - (u - log1p(u))
// and the other sums of shaders/shared_merge.comp, where they become values. The terms e^d - 1 - d (a Bregman divergence)
// are never negative: nothing cancels, however close p and q are, as long as u^2 is not far above KL; the merge checks that.
// Where kTilted, the sums are those of Rényi's divergences instead (Hellinger's and chi^2 among them), for one b: with
// E(d) = expm1(d), sum p (b E(d) - E(b d)) has terms of one sign; sum p e^d and sum p e^(b d) serve where it is not small.
// c comes from the reference's largest elements, one of each lane.
#include "kernels.h"
#include "functions.glsl"
#include "rows.glsl"
#include "shared_rows.glsl"

layout(constant_id = 6) const bool kForward = true;   // KL(p|q) or Jeffreys is wanted
layout(constant_id = 7) const bool kBackward = false; // KL(q|p)
layout(constant_id = 8) const bool kProduct = false;  // KL(q|p) or Jeffreys
layout(constant_id = 9) const bool kTilted = false;   // alone

// e^d, e^d - 1 and e^d - 1 - d without cancellation, for d up to 80. With d = n ln 2 + r the last is (2^n - 1)(1 + r) - n ln 2 +
// 2^n (e^r - 1 - r), that in brackets a polynomial times r^2 (weighted least squares on Chebyshev nodes, relative error 1e-7);
// in all about 5e-7.
struct Exponential {
  float power, minusOne, bregman;
};
Exponential exponential(float d) {
  float n = roundEven(d * 1.44269504);
  n = n < -126.0 ? -126.0 : n;
  float r = fma(n, -kLn2, d);
  float e = fma(r, 0.00139012972, 0.00836317021);
  e = fma(r, e, 0.0416668537);
  e = fma(r, e, 0.166665771);
  e = fma(r, e, 0.5);
  float power = uintBitsToFloat(uint(int(n) + 127) << 23);
  float less = power - 1.0;
  float above = fma(r * r, e, r);  // e^r - 1
  return Exponential(fma(power, above, power), fma(power, above, less),
                     fma(power * r, r * e, fma(n, -kLn2, fma(less, r, less))));
}

// b E(d) - E(b d)
float tilted(Exponential one, Exponential tilt, float b) {
  bool near = abs(one.minusOne) < 0.5;
  return near ? fma(b, one.bregman, -tilt.bregman) : fma(b, one.minusOne, -tilt.minusOne);
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
  uint firstPartial = (push.firstReferenceStats + group.reference) * push.parts;
  uint row[kShared];
  float top[kShared];   // how far a cell's elements are above the reference's: where the reference is largest,
  float more[kShared];  // and on the average of the lanes' largest ones beyond that
  [[unroll]] for (uint g = 0u; g < kShared; ++g) {
    row[g] = numbers[entries[group.first + (g < group.count ? g : group.count - 1u)].cell];
    top[g] = 0.0;
    more[g] = 0.0;
  }
  // Loops over g are innermost, so that Mesa unrolls them: what they index stays in registers.
  for (uint i = 0u; i < push.parts; ++i) {
    StatsPartial part = statsPartials[firstPartial + i];
    bool largest = part.top == P.offset && part.count > 0.0;
    [[unroll]] for (uint g = 0u; g < kShared; ++g) top[g] = largest ? cellElement(row[g], part.entry) - part.top : top[g];
  }
  float weights = 0.0;
  for (uint i = 0u; i < push.parts; ++i) {
    StatsPartial part = statsPartials[firstPartial + i];
    float weight = part.count > 0.0 ? expNegative((part.top - P.offset) * inverseTemperature) : 0.0;
    weights += weight;
    [[unroll]] for (uint g = 0u; g < kShared; ++g)
      more[g] = part.count > 0.0 ? fma(weight, (cellElement(row[g], part.entry) - part.top) - top[g], more[g]) : more[g];
  }
  float c[kShared];
  Sums s[kShared];
  [[unroll]] for (uint g = 0u; g < kShared; ++g) {
    c[g] = top[g] + more[g] / weights;
    Sum none = Sum(0.0, 0.0);
    bool far = !(abs(c[g]) < kHighestShift) || !(abs(P.offset) < kHighestOffset);
    s[g] = Sums(none, none, none, none, none, far ? kGiveBack : 0.0, 0.0);
  }
  uint reference = numbers[push.firstReferenceStats + group.reference];
  float finiteSentinel = 0.0;
  float b1 = push.tilt;
  uint steps = (width + kLoad - 1u) / kLoad;
  for (uint step = gl_LocalInvocationID.x; step < steps; step += gl_WorkGroupSize.x) {
    float x[8];
    float p[8];
    loadReference(reference, step, x);
    uint counts = kMasked ? allowedBits(step, width, allowed[step / 4u], true) : 0xffu;
    if (kMasked) exclude(counts, kLogits, x);
    [[unroll]] for (int i = 0; i < 8; ++i) {
      // A finite element below the floor has a probability that underflows, but is not zero.
      if (kReferenceDtype != kF16) finiteSentinel = x[i] < kFloor && !isNegativeInfinity(x[i]) ? kGiveBack : finiteSentinel;
      x[i] = lifted(x[i], kFloor);
      p[i] = expNegative((x[i] - P.offset) * inverseTemperature) * P.scale;
    }
    [[unroll]] for (uint g = 0u; g < kShared; ++g) {
      float y[8];
      loadCell(row[g], step, y);
      if (kMasked) exclude(counts, kLogits, y);
      float lowest = kFloor + c[g];
      float b = 0.0, u = 0.0, d = 0.0, r = 0.0, j = 0.0;
      [[unroll]] for (int i = 0; i < 8; ++i) {
        float di = shiftedDifference(lifted(y[i], lowest), x[i], c[g]);
        if (kTempered) di *= inverseTemperature;
        s[g].high = di > s[g].high ? di : s[g].high;
        s[g].low = di < s[g].low ? di : s[g].low;
        if (kTilted) {
          float tilt = b1 * di;
          s[g].high = tilt > s[g].high ? tilt : s[g].high;
          // Written so that NaN stays NaN.
          Exponential one = exponential(di > 80.0 ? 80.0 : di);
          Exponential other = exponential(tilt > 80.0 ? 80.0 : tilt);
          b = fma(p[i], tilted(one, other, b1), b);
          u = fma(p[i], one.minusOne, u);
          r = fma(p[i], one.power, r);
          j = fma(p[i], other.power, j);
        } else {
          float bi = exponential(di).bregman;
          precise float ui = bi + di;  // expm1(d)
          b = fma(p[i], bi, b);
          u = fma(p[i], ui, u);
          d = fma(p[i], di, d);
          if (kBackward || kProduct) {
            precise float product = ui * di;
            if (kProduct) j = fma(p[i], product, j);
            if (kBackward) r = fma(p[i], product - bi, r);
          }
        }
      }
      if (kForward || kTilted) add(s[g].b, b);
      add(s[g].u, u);
      if (!kTilted) add(s[g].d, d);
      if (kBackward || kTilted) add(s[g].r, r);
      if (kProduct || kTilted) add(s[g].j, j);
    }
  }
  [[unroll]] for (uint g = 0u; g < kShared; ++g) {
    float high = finiteSentinel > s[g].high ? finiteSentinel : s[g].high;
    storePartial(group.first + g, g < group.count,
                 SharedPartial(s[g].b.value, s[g].u.value, s[g].d.value, s[g].r.value, s[g].j.value, high, s[g].low));
  }
}
