// What C++ and GLSL share about rows of which only k entries are known (kind topk).
#ifndef DIVLENS_TOPK_H
#define DIVLENS_TOPK_H

#ifdef __cplusplus
#include <cstdint>
namespace divlens::kernels {
using uint = uint32_t;
#endif

// One entry of a list; lists are sorted by id, and kNoId fills them up.
struct ListEntry {
  uint id;
  float high;  // the log-probability is high + low
  float low;
};
const uint kNoId = 0xffffffffu;

// What a list leaves open.
struct ListStats {
  float rest;      // probability outside of the list
  float logTotal;  // ln of the list's sum and the rest; 0 unless the sum is above 1
  uint flags;      // kBadRow, kFullList
};
const uint kFullList = 8u;  // the rest is what rounding can hide, and may be anything below

// How the unknown entries bound a metric.
const uint kClosest = 0u;     // the completion of both lists that brings them closest (every f-divergence)
const uint kListed = 1u;      // from the listed entries alone
const uint kLeastCross = 2u;  // the cell's rest lies where it costs least cross entropy

struct ListRowsPush {
  uint rows;
  uint first;      // entry at which the lists start
  uint k;          // entries of a list
  uint firstRow;   // of ListStats
  float roundoff;  // unit round-off of the stored log-probabilities
};

struct ListPairsPush {
  uint pairs;
  uint k;
  uint referenceFirst;  // entry at which the reference's lists start
  uint referenceK;
  uint referenceFirstRow;  // of ListStats
  uint firstValue;
  float unitScale;
  float parameter;
  float complement;  // 1 less the parameter, rounded after the subtraction
};

#ifdef __cplusplus
static_assert(sizeof(ListEntry) == 12 && sizeof(ListStats) == 12 && sizeof(ListRowsPush) == 20 &&
              sizeof(ListPairsPush) == 36);
}  // namespace divlens::kernels
#endif
#endif
