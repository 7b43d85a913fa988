// Divergences that are not small, from ONE read of the cells' rows, their normalisers unknown: with p = softmax(x / T)
// known and any constant c near ln Z_y - ln Z_x, d = (y - x)/T - c,
//   W = sum p e^d, each p e^d as a power of y alone, D = sum p d, R = sum p e^d d
//   KL(p|q) = ln W - D,  KL(q|p) = R/W - ln W,  Jeffreys their sum
// A third fewer instructions than one_read.glsl; but ln W is off by some 1e-7 nats, so that small values are found there
// (see plain_merge.comp). Where the reference's largest elements promise less than kPlainNear, this is not even tried: which
// kernel a pair's value is from depends on its two rows alone.
// Tried on lavapipe: touching each page of a row some steps ahead gains nothing, nor do rows copied to a ring of 16 MiB.
#include "kernels.h"
#include "functions.glsl"
#include "rows.glsl"
#include "shared_rows.glsl"
#include "reference_shift.glsl"
#include "power.glsl"

layout(constant_id = 6) const bool kForward = true;   // D is wanted
layout(constant_id = 7) const bool kBackward = false; // R is
layout(constant_id = 8) const bool kNative = false;   // the device has exp2: one instruction for twelve, good to 2 ulp

struct Sums {
  Sum w, d, r;
  float high;  // of y - x
  float low;   // of d
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
  float offset[kShared];  // of the cell's raw logits, for the powers
  Sums s[kShared];
  bool far[kShared];
  bool wanted = false;
  [[unroll]] for (uint g = 0u; g < kShared; ++g) {
    precise float sum = c[g] + P.offset;
    offset[g] = sum;
    if (!(near[g] < kPlainNear)) wanted = true;
    Sum none = Sum(0.0, 0.0);
    s[g] = Sums(none, none, none, c[g], 0.0);
    far[g] = !(abs(c[g]) < kHighestShift) || !(abs(P.offset) < kHighestOffset);
  }
  uint reference = numbers[push.firstReferenceStats + group.reference];
  float sentinel = 0.0;
  float octaves = inverseTemperature * kOctave;
  uint steps = wanted ? (width + kLoad - 1u) / kLoad : 0u;
  for (uint step = gl_LocalInvocationID.x; step < steps; step += gl_WorkGroupSize.x) {
    // All words first: what must come from memory comes at once.
    Step words[kShared];
    [[unroll]] for (uint g = 0u; g < kShared; ++g) words[g] = cellStep(row[g], step);
    uint counting = countingBits(step);
    Known known = knownStep(reference, step, counting, P);
    sentinel = larger(sentinel, known.sentinel);
    [[unroll]] for (uint g = 0u; g < kShared; ++g) {
      vec4 w = vec4(0.0), d = vec4(0.0), r = vec4(0.0);
      vec4 high, low;
      [[unroll]] for (uint h = 0u; h < 2u; ++h) {
        vec4 y = lifted(elements(words[g], kCellDtype, h, counting), kFloor + c[g]);
        precise vec4 above = y - known.x[h];
        vec4 di = shifted(above, y, known.x[h], c[g]);
        if (kTempered) di *= inverseTemperature;
        // The extremes of two numbers, each of which serves for one: so LLVM sees a maximum and a minimum.
        high = h == 0u ? above : larger(high, above);
        low = h == 0u ? di : smaller(low, di);
        vec4 t = (y - offset[g]) * octaves;
        vec4 e = kNative ? exp2(t) : power(mix(t, vec4(-126.0), lessThan(t, vec4(-126.0))));
        w += e;
        if (kForward) d = fma(known.p[h], di, d);
        if (kBackward) r = fma(e, di, r);
      }
      s[g].high = larger(s[g].high, largest(high));
      s[g].low = smaller(s[g].low, smallest(low));
      add(s[g].w, sumOf(w));
      if (kForward) add(s[g].d, sumOf(d));
      if (kBackward) add(s[g].r, sumOf(r));
    }
  }
  [[unroll]] for (uint g = 0u; g < kShared; ++g) {
    float high = far[g] ? kGiveBack : larger(sentinel, (s[g].high - c[g]) * inverseTemperature);
    // What rounding took from the offset.
    float lost = lostBy(c[g], -P.offset, offset[g]) * inverseTemperature;
    bool once = gl_LocalInvocationID.x == 0u;  // these two are no sums
    storePartial(group.first + g, g < group.count,
                 SharedPartial(once ? near[g] : 0.0, s[g].w.value, s[g].d.value, s[g].r.value, once ? lost : 0.0, high, s[g].low));
  }
}
