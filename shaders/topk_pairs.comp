#version 450
#extension GL_GOOGLE_include_directive : require
// Lower bounds of metrics for pairs of lists that know k entries of each row. Entries in both lists stand for themselves. Let the
// reference alone list probability a and leave r open, the cell alone list b and leave s open. Of all pairs of distributions that
// have these entries, an f-divergence D is smallest where every unknown probability lies in proportion to what it is compared with:
//   a b <= r s:  one more bin, D(a + r, b + s): the rest of both rows lumped together (data-processing inequality);
//   else:        two, D(a, s) + D(r, b): all that the cell leaves open lies on the reference's entries and the other way round.
// D(p, q) = q f(p/q) is convex and homogeneous, so that each set is best filled at one ratio; a corner is optimal where its ratios
// a/s > r/b still differ, since d/dq D falls and d/dp D rises with p/q. The same completion is best for every f, hence for
// monotone functions of f-divergences too. One invocation a pair walks through both lists, which are sorted by id.
#include "kernels.h"
#include "topk.h"
#include "metrics.h"
#include "functions.glsl"
#include "terms.glsl"
#ifdef DIVLENS_USER_METRIC
#include "user_metric.glsl"
#endif

#include "metric_ids.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kMetric = 0;
layout(constant_id = 2) const uint kRule = 0;
layout(constant_id = 3) const uint kUnitKind = 0;           // 0 plain, 1 information, 2 its square root
layout(constant_id = 4) const bool kNeedsReference = true;  // else each row is compared with itself
layout(constant_id = 5) const bool kTarget = false;         // the reference is one entry, `reference` of the pair

layout(std430, set = 0, binding = 0) readonly buffer Lists { ListEntry lists[]; };
layout(std430, set = 0, binding = 1) readonly buffer Stats { ListStats stats[]; };
layout(std430, set = 0, binding = 2) readonly buffer Entries { PairEntry entries[]; };
layout(std430, set = 0, binding = 3) writeonly buffer Values { uint values[]; };
layout(push_constant) uniform Push { ListPairsPush push; };

struct Sums {
  vec3 sum;
  vec3 lost;
  vec2 top;
};

Contribution term(Pair t, float a, float c) {
  float width = 1.0;
  switch (kMetric) {
#define METRIC(id, enumerator, name, formula, symbol, needs, direction, unit, sums, term_, finish) \
  case id: return term_;
    METRICS(METRIC)
#undef METRIC
#ifdef DIVLENS_USER_METRIC
  case kUserMetric: return sumOf(userTerm(t));
#endif
  }
  return sumOf(0.0);
}

float finished(vec3 s, vec2 m, float a, float c) {
  float width = 1.0;
  switch (kMetric) {
#define METRIC(id, enumerator, name, formula, symbol, needs, direction, unit, sums, term, finish_) \
  case id: return finish_;
    METRICS(METRIC)
#undef METRIC
  case kUserMetric: return s.x;
  }
  return 0.0;
}

void addValue(inout Sums c, vec3 v) {
  precise vec3 add = v - c.lost;
  precise vec3 sum = c.sum + add;
  precise vec3 carried = (sum - c.sum) - add;
  for (int i = 0; i < 3; ++i)
    if (!isFiniteBits(floatBitsToUint(sum[i]))) carried[i] = 0.0;
  c.lost = carried;
  c.sum = sum;
}

void addTerm(inout Sums c, Contribution one) {
  vec2 old = c.top;
  c.top = vec2(one.top.x > old.x ? one.top.x : old.x, one.top.y > old.y ? one.top.y : old.y);
  if (sumsExponentials(kMetric) && one.top.x > kLowest) {
    float factor = expNegative(old.x - c.top.x);
    c.sum.z *= factor;
    c.lost.z *= factor;
    one.sum.z = expNegative(one.top.x - c.top.x);
  }
  addValue(c, one.sum);
}

void add(inout Sums c, Pair t, float p, float q) {
  addTerm(c, term(completed(t, p, q), push.parameter, push.complement));
}

Pair pairOf(float lnP, float lnQ, bool zeroP, bool zeroQ) {
  return Pair(0.0, 0.0, lnP, lnQ, 0.0, 0.0, 0.0, 0.0, zeroP, zeroQ, 0.0, 0.0, 0.0, false, false, 0.0, false, false, true, 0.0, 0.0, -100.0);
}

// An entry of both lists.
void addShared(inout Sums c, ListEntry x, ListEntry y, ListStats P, ListStats Q, inout float moved, inout float lost, inout float turnover) {
  float lnP = x.high - P.logTotal;
  float lnQ = y.high - Q.logTotal;
  Pair t = pairOf(lnP, lnQ, isNegativeInfinity(x.high), isNegativeInfinity(y.high));
  float p = t.zeroP ? 0.0 : expAny(lnP) * (1.0 + x.low);
  float q = t.zeroQ ? 0.0 : expAny(lnQ) * (1.0 + y.low);
  precise float difference = y.high - x.high;
  precise float taken = difference - y.high;
  precise float kept = difference - taken;
  precise float rounded = (y.high - kept) - (x.high + taken);  // Knuth's TwoSum
  if (!t.zeroP && !t.zeroQ) t.d = difference + ((rounded + (y.low - x.low)) - (Q.logTotal - P.logTotal));
  Pair done = completed(t, p, q);
  precise float add1 = (done.zeroQ || (!done.zeroP && done.d < 0.0) ? done.major * done.w : -done.major * done.w) - lost;
  precise float next = moved + add1;
  precise float carried = (next - moved) - add1;
  lost = carried;
  moved = next;
  turnover += done.major * done.w;
  addTerm(c, term(done, push.parameter, push.complement));
}

// A bin of probability p in the reference and q in the cell, q - p known better than they say.
void addBin(inout Sums c, float p, float q, float difference) {
  Pair t = pairOf(logPositive(p), logPositive(q), p == 0.0, q == 0.0);
  float s = difference / (p + q);
  if (!t.zeroP && !t.zeroQ) t.d = abs(s) < 0.3 ? atanhTwice(s) : t.lnQ - t.lnP;
  if (p > 0.0 || q > 0.0) add(c, t, p, q);
}

ListEntry entryAt(uint first, uint k, uint i) {
  if (i < k) return lists[first + i];
  return ListEntry(kNoId, 0.0, 0.0);
}

void store(PairEntry entry, uint bits) { values[push.firstValue + entry.slot] = bits; }

void main() {
  uint pair = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (pair >= push.pairs) return;
  PairEntry entry = entries[pair];
  if (entry.missing == 2u || (kNeedsReference && entry.missing == 1u)) {
    store(entry, entry.missing == 2u ? kMaskedBits : kNanBits);
    return;
  }
  ListStats Q = stats[entry.cell];
  ListStats P = Q;
  uint cellFirst = entry.cell * push.k;
  uint first = cellFirst;
  uint referenceK = push.k;
  if (kTarget && kNeedsReference) {
    P = ListStats(0.0, 0.0, 0u);
    referenceK = 1u;
  } else if (kNeedsReference) {
    P = stats[push.referenceFirstRow + entry.reference];
    first = push.referenceFirst + entry.reference * push.referenceK;
    referenceK = push.referenceK;
  }
  if (((P.flags | Q.flags) & kBadRow) != 0u) {
    store(entry, kNanBits);
    return;
  }
  Sums c = Sums(vec3(0.0), vec3(0.0), vec2(kLowest));
  infiniteTerm = false;
  float moved = 0.0;  // sum of p - q over shared entries: what the rest of the cell has more than the reference's
  float lost = 0.0;
  float turnover = 0.0;  // sum of |p - q| over shared entries
  float onlyP = 0.0;
  float onlyQ = 0.0;
  float onlyCost = 0.0;  // -p ln p of the reference's own entries
  float largestQ = 0.0;
  uint j = 0u;
  for (uint i = 0u; i < push.k || j < referenceK;) {
    ListEntry y = entryAt(cellFirst, push.k, i);
    ListEntry x = entryAt(first, referenceK, j);
    if (kTarget && kNeedsReference && j == 0u) x = ListEntry(entry.reference, 0.0, 0.0);
    if (x.id == kNoId && y.id == kNoId) break;
    if (x.id == y.id) {
      addShared(c, x, y, P, Q, moved, lost, turnover);
      ++i;
      ++j;
    } else if (x.id < y.id) {
      float lnP = x.high - P.logTotal;
      float p = isNegativeInfinity(x.high) ? 0.0 : expAny(lnP) * (1.0 + x.low);
      onlyP += p;
      onlyCost -= p > 0.0 ? p * lnP : 0.0;
      ++j;
    } else {
      float q = isNegativeInfinity(y.high) ? 0.0 : expAny(y.high - Q.logTotal) * (1.0 + y.low);
      onlyQ += q;
      largestQ = q > largestQ ? q : largestQ;
      ++i;
    }
  }
  float restP = P.rest * expNegative(-P.logTotal);
  float restQ = Q.rest * expNegative(-Q.logTotal);
  if (kRule == kClosest) {
    bool fullP = (P.flags & kFullList) != 0u;
    bool fullQ = (Q.flags & kFullList) != 0u;
    // A rest that only rounding can hide is as much like the other side's as it may be.
    if (onlyP == 0.0 && onlyQ == 0.0 && fullP) restP = restP < restQ ? restP : restQ;
    if (onlyP == 0.0 && onlyQ == 0.0 && fullQ) restQ = restQ < restP ? restQ : restP;
    // ln(p/q) of such a rest says nothing, and the maximum would take it.
    bool limit = kMetric == kRenyiId && floatBitsToUint(push.parameter) == 0x7f800000u && (fullP || fullQ);
    if (limit) {
    } else if (onlyP * onlyQ <= restP * restQ) {
      float p = onlyP + restP;
      float q = onlyQ + restQ;
      // The rests are good to about 1e-9; what moved between them to seven digits.
      addBin(c, p, q, turnover < 0.01 + onlyP + onlyQ && !(fullP || fullQ) ? moved : q - p);
    } else {
      addBin(c, onlyP, restQ, restQ - onlyP);
      addBin(c, restP, onlyQ, onlyQ - restP);
    }
  } else if (kRule == kLeastCross) {
    if (onlyP > 0.0 && restQ == 0.0) infiniteTerm = true;
    if (onlyP > 0.0 && restQ > 0.0) addValue(c, vec3(onlyCost + onlyP * (logPositive(onlyP) - logPositive(restQ)), 0.0, 0.0));
    float most = largestQ > restQ ? largestQ : restQ;
    if (restP > 0.0 && most > 0.0) addValue(c, vec3(-restP * logPositive(most), 0.0, 0.0));
  }
  if (kRule == kListed && c.top.x < 0.0) c.top = vec2(0.0);  // an empty list
  if (kMetric == kRenyiId) c.sum.y = 0.0;  // not all entries are in it
  bool infinite = infiniteTerm;
  float value = finished(infinite ? vec3(1.0, 0.0, 0.0) : c.sum, infinite ? vec2(1.0) : c.top, push.parameter, push.complement);
  if (kUnitKind == 1u) value *= push.unitScale;
  if (kUnitKind == 2u) value *= sqrt(push.unitScale);
  store(entry, infinite ? kInfBits : floatBitsToUint(value));
}
