#version 450
#extension GL_GOOGLE_include_directive : require
// Sums of up to four metrics over the vocabulary for pairs of rows, normalisers known (row_stats): one workgroup a pair.
// Steps of eight elements are summed as a tree before they join the running sum, which is compensated (Kahan).
#include "kernels.h"
#include "metrics.h"
#include "functions.glsl"
#include "metric_ids.glsl"
#include "rows.glsl"
#include "terms.glsl"
#include "tops.glsl"
#ifdef DIVLENS_USER_METRIC
#include "user_metric.glsl"
#endif

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kCellDtype = 0;
layout(constant_id = 2) const uint kCellKind = 0;
layout(constant_id = 3) const uint kReferenceDtype = 0;
layout(constant_id = 4) const uint kReferenceKind = 0;
layout(constant_id = 5) const uint kMetric0 = 0;
layout(constant_id = 6) const uint kMetric1 = kNoMetric;
layout(constant_id = 7) const uint kMetric2 = kNoMetric;
layout(constant_id = 8) const uint kMetric3 = kNoMetric;
layout(constant_id = 9) const bool kMasked = false;    // some entries are excluded
layout(constant_id = 10) const bool kQuantised = false; // the reference's log-probabilities in 16 bits are wanted
layout(constant_id = 11) const bool kTops = false;      // the k largest entries of both rows are wanted
layout(constant_id = 12) const uint kCellShift = 0;     // see TopPush
layout(constant_id = 13) const uint kReferenceShift = 0;
layout(constant_id = 14) const bool kCellSplit = false;     // rows of logits that are the sum of two, one behind the other
layout(constant_id = 15) const bool kReferenceSplit = false;
layout(constant_id = 16) const bool kCentred = false;       // sums of kTvId are known: see centreOf

layout(std430, set = 0, binding = 0) readonly buffer Cells { uvec4 cellRows[]; };
layout(std430, set = 0, binding = 1) readonly buffer References { uvec4 referenceRows[]; };
layout(std430, set = 0, binding = 2) readonly buffer CellStats { RowStats cellStats[]; };
layout(std430, set = 0, binding = 3) readonly buffer ReferenceStats { RowStats referenceStats[]; };
layout(std430, set = 0, binding = 4) readonly buffer Entries { PairEntry entries[]; };
layout(std430, set = 0, binding = 5) writeonly buffer Partials { SumPartial partials[]; };
layout(std430, set = 0, binding = 6) readonly buffer Allowed { uint allowed[]; };
layout(std430, set = 0, binding = 7) readonly buffer Tops { TopState tops[]; };
layout(std430, set = 0, binding = 8) readonly buffer Centres { SumPartial centres[]; };
layout(push_constant) uniform Push { PairsPush push; };

shared SumPartial tree[gl_WorkGroupSize.x];

void loadCell(uint row, uint step, out float y[8]) {
  uint base = row * push.cellVectors;
  if (kCellDtype == kF32) {
    uint i = 2u * step;
    decodeFloats(cellRows[base + i], i + 1u < push.cellVectors ? cellRows[base + i + 1u] : padding(kCellKind), y);
  } else {
    decodeHalves(cellRows[base + step], kCellDtype, y);
  }
}

void loadReference(uint row, uint step, out float x[8]) {
  if (kReferenceDtype == kUniform || kReferenceDtype == kOneHot) {
    for (uint i = 0u; i < 8u; ++i) {
      uint entry = kLoad * step + i;
      bool some = kReferenceDtype == kUniform ? entry < push.width : entry == row;
      x[i] = some ? 0.0 : uintBitsToFloat(0xff800000u);
    }
    return;
  }
  uint base = row * push.referenceVectors;
  if (kReferenceDtype == kF32) {
    uint i = 2u * step;
    decodeFloats(referenceRows[base + i], i + 1u < push.referenceVectors ? referenceRows[base + i + 1u] : padding(kReferenceKind), x);
  } else {
    decodeHalves(referenceRows[base + step], kReferenceDtype, x);
  }
}

// The second parts of split rows, cell less reference: what the logits' difference lacks.
void loadLowDifference(PairEntry entry, uint step, out float low[8]) {
  for (int i = 0; i < 8; ++i) low[i] = 0.0;
  float part[8];
  if (kCellSplit) {
    uint at = entry.cell * push.cellVectors + push.cellVectors / 2u + 2u * step;
    decodeFloats(cellRows[at], cellRows[at + 1u], low);
  }
  if (kReferenceSplit) {
    uint at = entry.reference * push.referenceVectors + push.referenceVectors / 2u + 2u * step;
    decodeFloats(referenceRows[at], referenceRows[at + 1u], part);
    for (int i = 0; i < 8; ++i) low[i] -= part[i];
  }
}

// ln p as llama.cpp's perplexity tool stores it: 65,535 steps between the smallest logit, at most 16 below the largest, and the
// largest.
float quantised(float x, RowStats P) {
  float low = P.low > P.offset - 16.0 ? P.low : P.offset - 16.0;
  float scale = (P.offset - low) / 65535.0;
  float lowest = low - P.offset - P.logSum;
  return scale > 0.0 && x > low ? scale * roundEven((x - low) / scale) + lowest : lowest;
}

// One side's probability, its logarithm, and whether it is exactly zero.
void side(inout float x, uint kind, RowStats stats, out float p, out float lnP, out bool zero) {
  if (kind == kProbs) {
    zero = (floatBitsToUint(x) & 0x7fffffffu) == 0u;
    p = x * stats.scale;
    lnP = zero ? 0.0 : logRatio(x, stats.offset) - stats.logSum;
    return;
  }
  if (kind == kLogOfProbs) x = logOfProbability(x);
  zero = isNegativeInfinity(x);
  float t = ((zero ? stats.offset : x) - stats.offset) * push.inverseTemperature;
  p = expNegative(t) * stats.scale;
  lnP = t - stats.logSum;
}

// Of the pair: what ln q - ln p is less than the logits' difference, or than ln(y/x) of probabilities.
float normalisers = 0.0;
float offsets = 0.0;
float centre = 0.0;

void compareNormalisers(RowStats P, RowStats Q) {
  normalisers = logOfNormalisers(P.logSum, P.scale, Q.logSum, Q.scale);
  // The scales of probabilities are of the sums themselves.
  if (kReferenceKind == kProbs && kCellKind == kProbs && arePeaked(P.logSum, Q.logSum)) offsets = logRatio(Q.offset, P.offset);
}

// What ln q - ln p is off by, the same for all entries: as much as sum q - p is, which ought to be 0. Terms with a kink at q = p see
// it where rows are close.
float centreOf(uint pair) {
  float sum = 0.0;
  uint parts = gl_WorkGroupSize.x <= 8u ? gl_WorkGroupSize.x : 1u;
  for (uint i = 0u; i < parts; ++i) sum += centres[pair * parts + i].y;
  return abs(sum) < 1.0e-3 ? sum : 0.0;
}

// What y - x loses when it is rounded (Knuth 1969, TwoSum); 0 where the difference is no float.
float lostBy(float y, float x, float difference) {
  precise float taken = difference - y;
  precise float kept = difference - taken;
  precise float lost = (y - kept) - (x + taken);
  return isFiniteBits(floatBitsToUint(difference)) ? lost : 0.0;
}

// ln q - ln p from the raw logits, whatever their distance from zero and from each other.
float logitDifference(float x, float y, float low, RowStats P, RowStats Q) {
  precise float difference = y - x;
  precise float offset = Q.offset - P.offset;
  precise float d = difference - offset;
  d += lostBy(y, x, difference) - lostBy(Q.offset, P.offset, offset);
  if (kCellSplit || kReferenceSplit) d += low;
  return d * push.inverseTemperature - normalisers;
}

Pair makePair(float x, float y, float low, RowStats P, RowStats Q, uint index, bool counts, float target) {
  Pair t;
  t.x = counts ? x : 0.0;
  t.y = counts ? y : 0.0;
  t.counts = counts;
  t.index = float(index);
  t.target = counts ? target : 0.0;  // padding is never more probable
  t.inTopP = false;
  t.inTopQ = false;
  t.quantisedLnP = kQuantised && counts ? quantised(x, P) : -100.0;
  float p, q;
  float rawX = x;
  float rawY = y;
  side(x, kReferenceKind, P, p, t.lnP, t.zeroP);
  side(y, kCellKind, Q, q, t.lnQ, t.zeroQ);
  t.topP = x == P.offset;  // after side(), which takes logarithms where the row statistics did
  t.topQ = y == Q.offset;
  if (t.zeroP || t.zeroQ)
    t.d = 0.0;
  else if (kReferenceKind == kProbs && kCellKind == kProbs)
    t.d = (logRatio(y, x) - offsets) - normalisers;
  else if (kReferenceKind == kLogOfProbs && kCellKind == kLogOfProbs)
    t.d = (logRatio(rawY, rawX) - (Q.offset - P.offset)) * push.inverseTemperature - normalisers;
  else if (kReferenceKind == kProbs || kCellKind == kProbs)
    t.d = p > 1.0e-30 && q > 1.0e-30 ? logRatio(q, p) : t.lnQ - t.lnP;
  else
    t.d = logitDifference(x, y, low, P, Q);
  if (kCentred && !t.zeroP && !t.zeroQ) t.d -= centre;
  return completed(t, p, q);
}

Contribution term(uint metric, Pair t, float a, float c) {
  float width = float(push.allowed);
  switch (metric) {
#define METRIC(id, enumerator, name, formula, symbol, needs, direction, unit, sums, term_, finish) \
  case id: return term_;
    METRICS(METRIC)
#undef METRIC
#define CONVENTION(tool, id, name, formula, symbol, needs, direction, unit, sums, term_, finish, difference) \
  case id: return term_;
    CONVENTIONS(CONVENTION)
#undef CONVENTION
#ifdef DIVLENS_USER_METRIC
  case kUserMetric: return sumOf(userTerm(t));
#endif
  }
  return sumOf(0.0);
}

struct Channel {
  vec3 sum;
  vec3 lost;
  vec2 top;
  uint flags;
};

void accumulate(inout Channel c, uint metric, Pair t[8], float a, float complement) {
  if (metric == kNoMetric) return;
  vec3 v[8];
  float u[8];
  float old = c.top.x;
  infiniteTerm = false;
  nanTerm = false;
  for (int i = 0; i < 8; ++i) {
    Contribution one = term(metric, t[i], a, complement);
    v[i] = one.sum;
    u[i] = one.top.x;
    c.top = vec2(one.top.x > c.top.x ? one.top.x : c.top.x, one.top.y > c.top.y ? one.top.y : c.top.y);
  }
  if (sumsExponentials(metric)) {
    float factor = expNegative(old - c.top.x);
    c.sum.z *= factor;
    c.lost.z *= factor;
    for (int i = 0; i < 8; ++i) v[i].z = u[i] > kLowest ? expNegative(u[i] - c.top.x) : 0.0;
  }
  if (infiniteTerm) c.flags |= kInfinite;
  if (nanTerm) c.flags |= kNan;
  precise vec3 add = (((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]))) - c.lost;
  precise vec3 sum = c.sum + add;
  precise vec3 carried = (sum - c.sum) - add;
  // Beyond float32 a sum stays infinite: what it carries would be inf - inf.
  for (int i = 0; i < 3; ++i)
    if (!isFiniteBits(floatBitsToUint(sum[i]))) carried[i] = 0.0;
  c.lost = carried;
  c.sum = sum;
}

#include "merge_sums.glsl"

// Partials of a pair lie as [channel][lane] for up to 8 lanes, [channel] for more.
void store(uint pair, uint channel, uint metric, Channel c) {
  uint lane = gl_LocalInvocationID.x;
  SumPartial s = SumPartial(c.sum.x, c.sum.y, c.sum.z, c.top.x, c.top.y, c.flags);
  if (gl_WorkGroupSize.x <= 8u) {
    partials[(pair * push.channels + channel) * gl_WorkGroupSize.x + lane] = s;
    return;
  }
  tree[lane] = s;
  for (uint half1 = gl_WorkGroupSize.x / 2u; half1 > 0u; half1 /= 2u) {
    barrier();
    if (lane < half1) tree[lane] = merged(tree[lane], tree[lane + half1], sumsExponentials(metric));
  }
  if (lane == 0u) partials[pair * push.channels + channel] = tree[0];
  barrier();
}

void main() {
  uint pair = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
  if (pair >= push.pairs) return;
  PairEntry entry = entries[pair];
  RowStats Q = cellStats[entry.cell];
  RowStats P = RowStats(0.0, 0.0, 1.0, 0u, 0.0, 0.0, 0u);
  if (kReferenceDtype <= kF32) P = referenceStats[push.firstReferenceStats + entry.reference];
  if (kReferenceDtype == kUniform) P = RowStats(0.0, logPositive(float(push.allowed)), 1.0 / float(push.allowed), 0u, 0.0, 0.0, 0u);
  compareNormalisers(P, Q);
  if (kCentred) centre = centreOf(pair);
  TopState topQ = TopState(0u, 0u, 0u, 0u);
  TopState topP = topQ;
  if (kTops) {
    topQ = tops[entry.cell];
    if (kReferenceDtype <= kF32)
      topP = tops[push.firstReferenceStats + entry.reference];
    else
      topP = topsOfMade(kReferenceDtype == kUniform, entry.reference, kReferenceShift, push.lastOfK, push.lastBeforeK);
  }
  float target = 0.0;
  if (kReferenceDtype == kOneHot) {
    float y[8];
    loadCell(entry.cell, entry.reference / kLoad, y);
    for (uint i = 0u; i < 8u; ++i) target = i == entry.reference % kLoad ? y[i] : target;
  }
  Channel c[4];
  for (int i = 0; i < 4; ++i) c[i] = Channel(vec3(0.0), vec3(0.0), vec2(kLowest), 0u);
  uint steps = (push.width + kLoad - 1u) / kLoad;
  for (uint step = gl_LocalInvocationID.x; step < steps; step += gl_WorkGroupSize.x) {
    float x[8];
    float y[8];
    loadReference(entry.reference, step, x);
    loadCell(entry.cell, step, y);
    uint counts = allowedBits(step, push.width, kMasked ? allowed[step / 4u] : 0u, kMasked);
    if (kMasked) {
      exclude(counts, kReferenceDtype <= kF32 ? kReferenceKind : kLogits, x);
      exclude(counts, kCellKind, y);
    }
    float low[8];
    loadLowDifference(entry, step, low);
    Pair t[8];
    for (int i = 0; i < 8; ++i) t[i] = makePair(x[i], y[i], low[i], P, Q, kLoad * step + uint(i), (counts >> i & 1u) != 0u, target);
    if (kTops)
      for (uint i = 0u; i < 8u; ++i) {
        t[i].inTopP = (counts >> i & 1u) != 0u && isTop(topKey(x[i], kReferenceShift), kLoad * step + i, topP);
        t[i].inTopQ = (counts >> i & 1u) != 0u && isTop(topKey(y[i], kCellShift), kLoad * step + i, topQ);
      }
    accumulate(c[0], kMetric0, t, push.parameters[0], push.complements[0]);
    accumulate(c[1], kMetric1, t, push.parameters[1], push.complements[1]);
    accumulate(c[2], kMetric2, t, push.parameters[2], push.complements[2]);
    accumulate(c[3], kMetric3, t, push.parameters[3], push.complements[3]);
  }
  store(pair, 0u, kMetric0, c[0]);
  if (kMetric1 != kNoMetric) store(pair, 1u, kMetric1, c[1]);
  if (kMetric2 != kNoMetric) store(pair, 2u, kMetric2, c[2]);
  if (kMetric3 != kNoMetric) store(pair, 3u, kMetric3, c[3]);
}
