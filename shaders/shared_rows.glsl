// What the kernels share that compare one reference row with several cells' rows: each element of the reference is decoded, and
// its probability taken, once for all of them. Rows hold logits or log-probabilities.
//
// An element of -inf is a probability of zero. It is lifted to kFloor, far below every logit that has a probability in
// float32, and on the cell's side to kFloor + c: where both sides are zero, the difference is zero too. Where only one is, the
// difference is so large that the pair is given back (see kSafeHigh) to the kernel that knows the zero rules.
#ifndef DIVLENS_SHARED_ROWS_GLSL
#define DIVLENS_SHARED_ROWS_GLSL

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kCellDtype = 0;
layout(constant_id = 2) const uint kReferenceDtype = 0;
layout(constant_id = 3) const bool kTempered = false;  // T != 1
layout(constant_id = 4) const bool kMasked = false;    // some entries are excluded
layout(constant_id = 5) const uint kShared = 1;        // cells that a workgroup compares with its reference row

// lavapipe reads storage buffers lane by lane, in a loop of some forty instructions for each, and texels in one go.
#ifdef ROWS_AS_TEXELS
layout(set = 0, binding = 0) uniform utextureBuffer cellTexels;
layout(set = 0, binding = 1) uniform utextureBuffer referenceTexels;
uvec4 cellWords(uint i) { return texelFetch(cellTexels, int(i)); }
uvec4 referenceWords(uint i) { return texelFetch(referenceTexels, int(i)); }
#else
layout(std430, set = 0, binding = 0) readonly buffer Cells { uvec4 cellRows[]; };
layout(std430, set = 0, binding = 1) readonly buffer References { uvec4 referenceRows[]; };
uvec4 cellWords(uint i) { return cellRows[i]; }
uvec4 referenceWords(uint i) { return referenceRows[i]; }
#endif
layout(std430, set = 0, binding = 2) readonly buffer Stats { RowStats stats[]; };
layout(std430, set = 0, binding = 3) readonly buffer StatsPartials { StatsPartial statsPartials[]; };
layout(std430, set = 0, binding = 4) readonly buffer Entries { PairEntry entries[]; };
layout(std430, set = 0, binding = 5) readonly buffer Groups { PairGroup groups[]; };
layout(std430, set = 0, binding = 6) writeonly buffer Partials { SharedPartial partials[]; };
layout(std430, set = 0, binding = 7) readonly buffer Allowed { uint allowed[]; };
// Where a row starts among the uvec4 that are bound: that of a cell, and from firstReferenceStats on that of a reference row.
layout(std430, set = 0, binding = 8) readonly buffer Numbers { uint numbers[]; };
layout(push_constant) uniform Push { SharedPush push; };

// Read once: lavapipe gathers a push constant lane by lane, forty instructions each time.
uint width = push.width;
uint cellVectors = push.cellVectors;
uint referenceVectors = push.referenceVectors;
float inverseTemperature = push.inverseTemperature;

shared SharedPartial tree[gl_WorkGroupSize.x];

const float kFloor = -1.0e5;
// Rows whose largest element, or pairs whose difference, is beyond these may touch kFloor: they are given back.
const float kHighestOffset = 5.0e4;
const float kHighestShift = kCellDtype == kF32 || kReferenceDtype == kF32 ? 2.0e4 : 256.0;  // halves farther apart differ inexactly
const float kGiveBack = 3.0e38;  // a `high` that no pair keeps

// The eight elements of a step as they are stored. They are computed with as two vectors of four, which Mesa compiles sooner
// than arrays of floats, and LLVM makes better code of (6 % of KL's whole time).
struct Step {
  uvec4 a, b;  // b for floats alone
};

// Of the row that starts at uvec4 number `base`.
Step cellStep(uint base, uint step) {
  if (kCellDtype != kF32) return Step(cellWords(base + step), uvec4(0u));
  uint i = 2u * step;
  return Step(cellWords(base + i), i + 1u < cellVectors ? cellWords(base + i + 1u) : padding(kLogits));
}
Step referenceStep(uint base, uint step) {
  if (kReferenceDtype != kF32) return Step(referenceWords(base + step), uvec4(0u));
  uint i = 2u * step;
  return Step(referenceWords(base + i), i + 1u < referenceVectors ? referenceWords(base + i + 1u) : padding(kLogits));
}

// Which elements of a step count, a bit each; used only where kMasked.
uint countingBits(uint step) { return kMasked ? allowedBits(step, width, allowed[step / 4u], true) : 0xffu; }

// Elements 4h to 4h + 3 of a step; those that do not count are -inf.
vec4 elements(Step words, uint dtype, uint h, uint counting) {
  vec4 x;
  if (dtype == kF32)
    x = uintBitsToFloat(h == 0u ? words.a : words.b);
  else
    x = h == 0u ? vec4(decodePair(words.a.x, dtype), decodePair(words.a.y, dtype))
                : vec4(decodePair(words.a.z, dtype), decodePair(words.a.w, dtype));
  if (kMasked) {
    uvec4 bits = (uvec4(counting >> (4u * h)) >> uvec4(0u, 1u, 2u, 3u)) & 1u;
    x = mix(uintBitsToFloat(uvec4(padding(kLogits).x)), x, notEqual(bits, uvec4(0u)));
  }
  return x;
}

// The cell's row of a group's pair g, its last one's beyond its end.
uint cellOf(PairGroup group, uint g) {
  return entries[group.first + (g < group.count ? g : group.count - 1u)].cell;
}

// One element of the row that starts at uvec4 number `base`.
float cellElement(uint base, uint entry) {
  if (kCellDtype == kF32) return uintBitsToFloat(cellWords(base + entry / 4u)[entry % 4u]);
  vec2 two = decodePair(cellWords(base + entry / 8u)[(entry / 2u) % 4u], kCellDtype);
  return (entry & 1u) == 0u ? two.x : two.y;
}

// Written so that NaN stays NaN.
vec4 lifted(vec4 x, float lowest) { return mix(x, vec4(lowest), lessThan(x, vec4(lowest))); }

// The larger and the smaller of two; of four. Not max() and min(): lavapipe looks for NaN in those.
float larger(float a, float b) { return a < b ? b : a; }
float smaller(float a, float b) { return b < a ? b : a; }
vec4 larger(vec4 a, vec4 b) { return mix(a, b, lessThan(a, b)); }
vec4 smaller(vec4 a, vec4 b) { return mix(a, b, lessThan(b, a)); }
float largest(vec4 x) { return larger(larger(x.x, x.y), larger(x.z, x.w)); }
float smallest(vec4 x) { return smaller(smaller(x.x, x.y), smaller(x.z, x.w)); }
float sumOf(vec4 x) { return (x.x + x.y) + (x.z + x.w); }

// What y - x loses when it is rounded (Knuth 1969, TwoSum).
float lostBy(float y, float x, float difference) {
  precise float taken = difference - y;
  precise float kept = difference - taken;
  precise float lost = (y - kept) - (x + taken);
  return lost;
}
vec4 lostBy(vec4 y, vec4 x, vec4 difference) {
  precise vec4 taken = difference - y;
  precise vec4 kept = difference - taken;
  precise vec4 lost = (y - kept) - (x + taken);
  return lost;
}
const bool kFloats = kCellDtype == kF32 || kReferenceDtype == kF32;

// (y - x) - c without the rounding of `above`, which is y - x: halves that are near differ exactly, floats far from zero do not.
vec4 shifted(vec4 above, vec4 y, vec4 x, float c) {
  precise vec4 d = above - c;
  if (kFloats) {
    precise vec4 whole = d + lostBy(y, x, above);
    return whole;
  }
  return d;
}

#include "sum.glsl"

// Elements of a step of the reference, x lifted to kFloor, and their probabilities, each of which serves several cells.
struct Known {
  vec4 x[2];
  vec4 p[2];
  float sentinel;  // kGiveBack where a finite element is below the floor: its probability underflows, but is not zero
};
Known knownStep(uint base, uint step, uint counting, RowStats P) {
  Step words = referenceStep(base, step);
  Known known;
  known.sentinel = 0.0;
  [[unroll]] for (uint h = 0u; h < 2u; ++h) {
    vec4 x = elements(words, kReferenceDtype, h, counting);
    if (kReferenceDtype != kF16) {
      bvec4 finite = notEqual(floatBitsToUint(x), uvec4(0xff800000u));
      bvec4 low = lessThan(x, vec4(kFloor));
      if (any(bvec4(uvec4(finite) & uvec4(low)))) known.sentinel = kGiveBack;
    }
    known.x[h] = lifted(x, kFloor);
    known.p[h] = expNegative((known.x[h] - P.offset) * inverseTemperature) * P.scale;
  }
  return known;
}

SharedPartial mergedParts(SharedPartial a, SharedPartial b) {
  return SharedPartial(a.s0 + b.s0, a.s1 + b.s1, a.s2 + b.s2, a.s3 + b.s3, a.s4 + b.s4, a.high > b.high ? a.high : b.high,
                       a.low < b.low ? a.low : b.low);
}

// Leaves push.parts partials of a pair: each lane's own, or eight of a tree over the lanes.
void storePartial(uint pair, bool wanted, SharedPartial s) {
  uint lane = gl_LocalInvocationID.x;
  if (gl_WorkGroupSize.x <= 8u) {
    if (wanted) partials[pair * gl_WorkGroupSize.x + lane] = s;
    return;
  }
  tree[lane] = s;
  for (uint half1 = gl_WorkGroupSize.x / 2u; half1 >= 8u; half1 /= 2u) {
    barrier();
    if (lane < half1) tree[lane] = mergedParts(tree[lane], tree[lane + half1]);
  }
  if (lane < 8u && wanted) partials[pair * 8u + lane] = tree[lane];
  barrier();
}
#endif
