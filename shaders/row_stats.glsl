// Normaliser of each row, first part: for softmax rows the maximum M, how often it occurs and R = sum of e^((x - M)/T) over the
// others, so that ln Z - M = log1p(count - 1 + R) keeps its digits on peaked rows; for probabilities the maximum and the sum.
// Online over steps of eight elements; the running sum is compensated (Kahan). One workgroup a row.
#include "kernels.h"
#include "functions.glsl"
#include "rows.glsl"

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
// Where row i is among the rows that are bound, for rows that are read as texels.
layout(std430, set = 0, binding = 4) readonly buffer Numbers { uint numbers[]; };
layout(push_constant) uniform Push { RowsPush push; };

shared StatsPartial tree[gl_WorkGroupSize.x];

#include "load_row.glsl"

void load(uint row, uint step, out float x[8]) {
  loadStored(row, step, x);
  if (kMasked) exclude(allowedBits(step, push.width, allowed[step / 4u], true), kKind, x);
  if (kKind == kLogOfProbs)
    for (int i = 0; i < 8; ++i) x[i] = logOfProbability(x[i]);
}

// What is NaN or +inf, told from the bits: seen as signed numbers, +inf and positive NaN are the largest of all; as unsigned ones,
// negative NaN are, right above -inf.
int largestSigned = 0;
uint largestUnsigned = 0u;

// e^t for t <= 0, relative error about 1e-7; 0 below -87. A polynomial by weighted least squares on Chebyshev nodes.
float expBelow(float t) {
  float clamped = t < -87.0 ? -87.0 : t;
  float n = roundEven(clamped * 1.44269504);
  float r = fma(n, 2.12194440e-4, fma(n, -0.693359375, clamped));
  float s = fma(r, 0.00139505405, 0.00836891787);
  s = fma(r, s, 0.0416662051);
  s = fma(r, s, 0.166665186);
  s = fma(r, s, 0.5);
  float value = fma(r * r, s, r) + 1.0;
  return t < -87.0 ? 0.0 : value * uintBitsToFloat(uint(int(n) + 127) << 23);
}

void addSoftmax(inout StatsPartial s, inout float lost, inout float heatLost, uint number, float x[8]) {
  float best = x[0];
  for (int i = 0; i < 8; ++i) {
    int bits = floatBitsToInt(x[i]);
    largestSigned = bits > largestSigned ? bits : largestSigned;
    largestUnsigned = uint(bits) > largestUnsigned ? uint(bits) : largestUnsigned;
    best = x[i] > best ? x[i] : best;
    if (kNeedsLow && !isNegativeInfinity(x[i])) s.low = x[i] < s.low ? x[i] : s.low;
  }
  if (best > s.top) {
    float step = (s.top - best) * push.inverseTemperature;
    float factor = expBelow(step);
    if (kNeedsHeat) {
      // A first step from the lowest number holds nothing; infinite, it would make NaN of it.
      s.heat = factor > 0.0 ? factor * (s.heat - step * (s.count + s.rest)) : 0.0;
      heatLost *= factor;
    }
    s.rest = (s.count + s.rest) * factor;
    lost *= factor;
    s.count = 0.0;
    s.top = best;
    if (kNeedsTop)
      for (uint i = 0u; i < 8u; ++i) s.entry = x[7u - i] == best ? kLoad * number + (7u - i) : s.entry;
  }
  float e[8];
  for (int i = 0; i < 8; ++i) {
    bool top = x[i] == s.top;
    s.count += top ? 1.0 : 0.0;
    e[i] = top ? 0.0 : expBelow((x[i] - s.top) * push.inverseTemperature);
  }
  if (kNeedsHeat) {
    float w[8];
    for (int i = 0; i < 8; ++i) w[i] = e[i] > 0.0 ? (s.top - x[i]) * push.inverseTemperature * e[i] : 0.0;
    precise float more = (((w[0] + w[1]) + (w[2] + w[3])) + ((w[4] + w[5]) + (w[6] + w[7]))) - heatLost;
    precise float heat = s.heat + more;
    precise float kept = (heat - s.heat) - more;
    heatLost = kept;
    s.heat = heat;
  }
  precise float add = (((e[0] + e[1]) + (e[2] + e[3])) + ((e[4] + e[5]) + (e[6] + e[7]))) - lost;
  precise float sum = s.rest + add;
  precise float carried = (sum - s.rest) - add;
  lost = carried;
  s.rest = sum;
}

void addProbabilities(inout StatsPartial s, inout float lost, float x[8]) {
  for (int i = 0; i < 8; ++i) {
    uint bits = floatBitsToUint(x[i]);
    bool bad = isBad(x[i]) || ((bits >> 31) != 0u && bits != 0x80000000u);
    if (bad) s.flags |= kBadRow;
    x[i] = bad ? 0.0 : x[i];
    // The largest so far stays out of the sum; what it displaces goes in.
    float larger = x[i] > s.top ? x[i] : s.top;
    x[i] = x[i] > s.top ? s.top : x[i];
    s.top = larger;
  }
  precise float add = (((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]))) - lost;
  precise float sum = s.rest + add;
  precise float carried = (sum - s.rest) - add;
  lost = carried;
  s.rest = sum;
}

#include "merge_stats.glsl"

void main() {
  uint row = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
  if (row >= push.rows) return;
  if (kListed) row = list[row];
#ifdef ROWS_AS_TEXELS
  uint place = numbers[push.firstRow + row];
#else
  uint place = row;
#endif
  uint lane = gl_LocalInvocationID.x;
  // The lowest finite number: below every element but -inf.
  StatsPartial s = StatsPartial(kKind == kProbs ? 0.0 : -3.40282347e38, 0.0, 0.0, 0u, 3.4e38, 0u, 0.0);
  float lost = 0.0;
  float heatLost = 0.0;
  uint steps = (push.width + kLoad - 1u) / kLoad;
  for (uint step = lane; step < steps; step += gl_WorkGroupSize.x) {
    float x[8];
    load(place, step, x);
    if (kKind == kProbs)
      addProbabilities(s, lost, x);
    else
      addSoftmax(s, lost, heatLost, step, x);
  }
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
    if (lane < half1) tree[lane] = mergeStats(tree[lane], tree[lane + half1], kKind == kProbs, push.inverseTemperature);
  }
  if (lane < 8u) partials[at] = tree[lane];
}
