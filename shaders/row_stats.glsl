// Normaliser of each row, first part: for softmax rows the maximum M, how often it occurs and R = sum of e^((x - M)/T) over the
// others, so that ln Z - M = log1p(count - 1 + R) keeps its digits on peaked rows; for probabilities the maximum and the sum.
// The largest element so far stays out of the sum, what it displaces goes in. The sum is relative to c, the largest of a few
// elements all over the row, so that it need not be scaled each time a larger one is met (1.8 times faster on lavapipe); the few
// rows whose maximum is far from c are summed once more. The running sum is compensated (Kahan). One workgroup a row.
#include "kernels.h"
#include "functions.glsl"
#include "rows.glsl"
#include "power.glsl"
#include "sum.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kDtype = 0;
layout(constant_id = 2) const uint kKind = 0;
layout(constant_id = 3) const bool kMasked = false;   // some entries are excluded
layout(constant_id = 4) const bool kNeedsLow = false; // the smallest element is wanted
layout(constant_id = 5) const bool kListed = false;   // only the rows of the list
layout(constant_id = 6) const bool kNeedsTop = false; // where the largest element first is
layout(constant_id = 7) const bool kNeedsHeat = false; // sum of -t e^t, for the entropy

#include "row_words.glsl"
layout(std430, set = 0, binding = 1) writeonly buffer Partials { StatsPartial partials[]; };
layout(std430, set = 0, binding = 2) readonly buffer Allowed { uint allowed[]; };
layout(std430, set = 0, binding = 3) readonly buffer List { uint list[]; };
// Where row i starts among the texels that are bound, for rows that are read so.
layout(std430, set = 0, binding = 4) readonly buffer Numbers { uint numbers[]; };
layout(push_constant) uniform Push { RowsPush push; };

shared StatsPartial tree[gl_WorkGroupSize.x];

#include "load_row.glsl"
float inverseTemperature = push.inverseTemperature;
uint width = push.width;

void load(uint base, uint step, out float x[8]) {
  loadStored(base, step, x);
  if (kMasked) exclude(allowedBits(step, width, allowed[step / 4u], true), kKind, x);
  if (kKind == kLogOfProbs)
    for (int i = 0; i < 8; ++i) x[i] = logOfProbability(x[i]);
}

// What is NaN or +inf, told from the bits: seen as signed numbers, +inf and positive NaN are the largest of all; as unsigned ones,
// negative NaN are, right above -inf.
int largestSigned = 0;
uint largestUnsigned = 0u;

const float kLowest = -3.40282347e38;  // no element but -inf is below
const float kFar = 32.0;               // of the maximum from c, in octaves: what is more loses digits

// Vectors of four here: 2 times slower as a tree of comparisons (LLVM compares two numbers just made of halves one lane at a
// time), equal where only the powers are.
void addSoftmax(inout StatsPartial s, inout Sum rest, inout Sum heat, float c, uint number, float x[8]) {
  float octaves = inverseTemperature * kOctave;
  float e[8];
  float w[8];
  for (int i = 0; i < 8; ++i) {
    int bits = floatBitsToInt(x[i]);
    largestSigned = bits > largestSigned ? bits : largestSigned;
    largestUnsigned = uint(bits) > largestUnsigned ? uint(bits) : largestUnsigned;
    if (kNeedsLow && !isNegativeInfinity(x[i])) s.low = x[i] < s.low ? x[i] : s.low;
    if (kNeedsTop) s.entry = x[i] > s.top ? kLoad * number + uint(i) : s.entry;
    float smaller = x[i] > s.top ? s.top : x[i];
    s.top = x[i] > s.top ? x[i] : s.top;
    float t = (smaller - c) * octaves;
    t = t < -126.0 ? -126.0 : t;
    e[i] = power(t);
    if (kNeedsHeat) w[i] = t * e[i];
  }
  add(rest, ((e[0] + e[1]) + (e[2] + e[3])) + ((e[4] + e[5]) + (e[6] + e[7])));
  if (kNeedsHeat) add(heat, ((w[0] + w[1]) + (w[2] + w[3])) + ((w[4] + w[5]) + (w[6] + w[7])));
}

void addProbabilities(inout StatsPartial s, inout Sum rest, float x[8]) {
  for (int i = 0; i < 8; ++i) {
    uint bits = floatBitsToUint(x[i]);
    bool bad = isBad(x[i]) || ((bits >> 31) != 0u && bits != 0x80000000u);
    if (bad) s.flags |= kBadRow;
    x[i] = bad ? 0.0 : x[i];
    float larger = x[i] > s.top ? x[i] : s.top;
    x[i] = x[i] > s.top ? s.top : x[i];
    s.top = larger;
  }
  add(rest, ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7])));
}

// From sums relative to c to those relative to the maximum, which is not below c.
void finishSoftmax(inout StatsPartial s, float heat, float c) {
  if (s.top == kLowest) {  // each element that is not -inf is kLowest itself, and c too
    s.count = s.rest > 0.5 ? 1.0 : 0.0;
    s.rest = s.rest > 0.5 ? s.rest - 1.0 : 0.0;
    return;
  }
  // What each of the others adds at least (see power) is nothing where it is all.
  if (s.rest <= float(width) * 1.2e-38) {
    s.rest = 0.0;
    heat = 0.0;
  }
  float t = (c - s.top) * inverseTemperature;
  float factor = expNegative(t);
  s.count = 1.0;
  s.heat = factor * -fma(heat, kLn2, t * s.rest);
  s.rest *= factor;
}

#include "merge_stats.glsl"

void main() {
  uint row = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
  if (row >= push.rows) return;
  if (kListed) row = list[row];
#ifdef ROWS_AS_TEXELS
  uint place = numbers[push.firstRow + row];
#else
  uint place = row * rowVectors;
#endif
  uint lane = gl_LocalInvocationID.x;
  uint steps = (width + kLoad - 1u) / kLoad;
  // A few lanes look at four places each, many at one.
  uint stride = gl_WorkGroupSize.x <= 8u ? max(steps / 4u, 1u) : steps;
  StatsPartial s;
  Sum rest, heat;
  float c = 0.0;
  for (uint attempt = kKind == kProbs ? 1u : 0u;; ++attempt) {
    s = StatsPartial(kKind == kProbs ? 0.0 : kLowest, 0.0, 0.0, 0u, 3.4e38, 0u, 0.0);
    rest = Sum(0.0, 0.0);
    heat = Sum(0.0, 0.0);
    if (attempt > 0u) stride = gl_WorkGroupSize.x;
    for (uint step = lane; step < steps; step += stride) {
      float x[8];
      load(place, step, x);
      if (kKind == kProbs)
        addProbabilities(s, rest, x);
      else
        addSoftmax(s, rest, heat, c, step, x);
    }
    if (attempt == 2u || (attempt == 1u && (kKind == kProbs || (s.top - c) * inverseTemperature * kOctave <= kFar))) break;
    c = s.top;
  }
  s.rest = rest.value;
  if (kKind != kProbs) finishSoftmax(s, heat.value, c);
  if (largestSigned >= 0x7f800000 || largestUnsigned > 0xff800000u) s.flags |= kBadRow;
  // Eight partials stay, for the merging kernel: fewer lanes need no barrier, which costs lavapipe more than the whole row.
  uint at = (push.firstRow + row) * push.parts + lane;
  if (gl_WorkGroupSize.x <= 8u) {
    partials[at] = s;
    return;
  }
  tree[lane] = s;
  for (uint half1 = gl_WorkGroupSize.x / 2u; half1 >= 8u; half1 /= 2u) {
    barrier();
    if (lane < half1) tree[lane] = mergeStats(tree[lane], tree[lane + half1], kKind == kProbs, inverseTemperature);
  }
  if (lane < 8u) partials[at] = tree[lane];
}
