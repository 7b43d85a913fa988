// Sums over rows as they are stored, from one read of the cells' rows: x of the reference, y of the cell.
//   cosine  sum x y, sum x^2, sum y^2
//   l2      sum (y - x)^2
//   rank    how many y are above that of the target, where the reference is one
// A sum beyond float32 or of what is not finite, and a row that has no rank, is given back to pairs.comp.
#include "kernels.h"
#include "functions.glsl"
#include "rows.glsl"
#include "shared_rows.glsl"

layout(constant_id = 6) const bool kDot = true;
layout(constant_id = 7) const bool kApart = false;
layout(constant_id = 8) const bool kAbove = false;  // alone: there is no reference row
layout(constant_id = 9) const bool kRagged = false; // the last step is not full

void decode(Step words, uint dtype, out float x[8]) {
  if (dtype == kF32)
    decodeFloats(words.a, words.b, x);
  else
    decodeHalves(words.a, dtype, x);
}

struct Sums {
  Sum dot, squares, apart;
  float above;
  float top;
};

void main() {
  uint number = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
  if (number >= push.groups) return;
  PairGroup group = groups[number];
  uint row[kShared];
  float target[kShared];
  Sums s[kShared];
  [[unroll]] for (uint g = 0u; g < kShared; ++g) {
    row[g] = numbers[cellOf(group, g)];
    target[g] = kAbove ? cellElement(row[g], group.reference) : 0.0;
    Sum none = Sum(0.0, 0.0);
    s[g] = Sums(none, none, none, 0.0, -3.40282347e38);
  }
  Sum squares = Sum(0.0, 0.0);
  uint reference = kAbove ? 0u : numbers[push.firstReferenceStats + group.reference];
  // As in row_stats.glsl: NaN and +inf are the largest bits.
  int largestSigned = 0;
  uint largestUnsigned = 0u;
  uint steps = (width + kLoad - 1u) / kLoad;
  for (uint step = gl_LocalInvocationID.x; step < steps; step += gl_WorkGroupSize.x) {
    uint counts = kMasked || kRagged ? allowedBits(step, width, kMasked ? allowed[step / 4u] : 0u, kMasked) : 0xffu;
    float x[8];
    if (!kAbove) {
      decode(referenceStep(reference, step), kReferenceDtype, x);
      if (kMasked || kRagged) exclude(counts, kProbs, x);
      if (kDot)
        add(squares, ((x[0] * x[0] + x[1] * x[1]) + (x[2] * x[2] + x[3] * x[3])) + ((x[4] * x[4] + x[5] * x[5]) + (x[6] * x[6] + x[7] * x[7])));
    }
    [[unroll]] for (uint g = 0u; g < kShared; ++g) {
      float y[8];
      decode(cellStep(row[g], step), kCellDtype, y);
      if (kMasked || kRagged) exclude(counts, kAbove ? kLogits : kProbs, y);
      float xy[8];
      float yy[8];
      float apart[8];
      float above = 0.0;
      [[unroll]] for (int i = 0; i < 8; ++i) {
        if (kDot) {
          xy[i] = x[i] * y[i];
          yy[i] = y[i] * y[i];
        }
        if (kApart) apart[i] = (y[i] - x[i]) * (y[i] - x[i]);
        if (kAbove) {
          int bits = floatBitsToInt(y[i]);
          largestSigned = bits > largestSigned ? bits : largestSigned;
          largestUnsigned = uint(bits) > largestUnsigned ? uint(bits) : largestUnsigned;
          above += y[i] > target[g] ? 1.0 : 0.0;
          s[g].top = y[i] > s[g].top ? y[i] : s[g].top;
        }
      }
      if (kDot) {
        add(s[g].dot, ((xy[0] + xy[1]) + (xy[2] + xy[3])) + ((xy[4] + xy[5]) + (xy[6] + xy[7])));
        add(s[g].squares, ((yy[0] + yy[1]) + (yy[2] + yy[3])) + ((yy[4] + yy[5]) + (yy[6] + yy[7])));
      }
      if (kApart) add(s[g].apart, ((apart[0] + apart[1]) + (apart[2] + apart[3])) + ((apart[4] + apart[5]) + (apart[6] + apart[7])));
      if (kAbove) s[g].above += above;
    }
  }
  bool bad = largestSigned >= 0x7f800000 || largestUnsigned > 0xff800000u;
  [[unroll]] for (uint g = 0u; g < kShared; ++g) {
    // Of a rank, s4 says in how many lanes any element is not -inf.
    float some = s[g].top > -3.40282347e38 ? 1.0 : 0.0;
    storePartial(group.first + g, g < group.count,
                 SharedPartial(kAbove ? s[g].above : s[g].dot.value, squares.value, s[g].squares.value, s[g].apart.value, some,
                               bad ? kGiveBack : 0.0, 0.0));
  }
}
