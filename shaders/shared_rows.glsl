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

// Eight elements of the row that starts at uvec4 number `base`.
void loadCell(uint base, uint step, out float y[8]) {
  if (kCellDtype == kF32) {
    uint i = 2u * step;
    decodeFloats(cellWords(base + i), i + 1u < cellVectors ? cellWords(base + i + 1u) : padding(kLogits), y);
  } else {
    decodeHalves(cellWords(base + step), kCellDtype, y);
  }
}

void loadReference(uint base, uint step, out float x[8]) {
  if (kReferenceDtype == kF32) {
    uint i = 2u * step;
    decodeFloats(referenceWords(base + i), i + 1u < referenceVectors ? referenceWords(base + i + 1u) : padding(kLogits), x);
  } else {
    decodeHalves(referenceWords(base + step), kReferenceDtype, x);
  }
}

// One element of the row that starts at uvec4 number `base`.
float cellElement(uint base, uint entry) {
  if (kCellDtype == kF32) return uintBitsToFloat(cellWords(base + entry / 4u)[entry % 4u]);
  vec2 two = decodePair(cellWords(base + entry / 8u)[(entry / 2u) % 4u], kCellDtype);
  return (entry & 1u) == 0u ? two.x : two.y;
}

// Written so that NaN stays NaN.
float lifted(float x, float lowest) { return x < lowest ? lowest : x; }

// What y - x loses when it is rounded (Knuth 1969, TwoSum).
float lostBy(float y, float x, float difference) {
  precise float taken = difference - y;
  precise float kept = difference - taken;
  precise float lost = (y - kept) - (x + taken);
  return lost;
}
const bool kFloats = kCellDtype == kF32 || kReferenceDtype == kF32;

// (y - x) - c without the rounding of y - x: halves that are near differ exactly, floats far from zero do not.
float shiftedDifference(float y, float x, float c) {
  precise float difference = y - x;
  precise float d = difference - c;
  if (kFloats) {
    precise float whole = d + lostBy(y, x, difference);
    return whole;
  }
  return d;
}

#include "sum.glsl"

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
