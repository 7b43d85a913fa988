// How order statistics of a grid's cells are found: structures and constants that C++ and percentiles.comp share.
#ifndef DIVLENS_PERCENTILES_H
#define DIVLENS_PERCENTILES_H
#include "heatmap.h"

#ifdef __cplusplus
namespace divlens {
#endif

const HeatmapUint kDigitBits = 8u;
const HeatmapUint kDigits = 256u;
const HeatmapUint kMostPrefixes = 4u;       // looked for in one pass
const HeatmapUint kCellsPerGroup = 16384u;  // of one workgroup

// Keys order like the finite floats whose bits they are made from.
HEATMAP_FUNCTION HeatmapUint orderedKey(HeatmapUint bits) {
  return (bits & 0x80000000u) != 0u ? ~bits : bits | 0x80000000u;
}

struct PercentilesPush {
  HeatmapUint cells;
  HeatmapUint firstCount;  // of this buffer's kMostPrefixes · kDigits counts
  HeatmapUint shift;       // of the digit that is counted
  HeatmapUint mask;        // the digits above it, in which a key and a prefix agree
  HeatmapUint prefixes;    // different ones
  HeatmapUint prefix[4];
  HeatmapUint hiddenOp;
  float hiddenValue;
};

#ifdef __cplusplus
static_assert(sizeof(PercentilesPush) == 44 && kMostPrefixes == 4);
}  // namespace divlens
#endif
#endif
