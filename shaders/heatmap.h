// Push constants of the heatmap's fragment shader, shared by C++ and GLSL.
#ifndef DIVLENS_HEATMAP_H
#define DIVLENS_HEATMAP_H
#include "norms.h"

#ifdef __cplusplus
#include <cstdint>
namespace divlens {
using HeatmapUint = uint32_t;
#define HEATMAP_FUNCTION inline
#else
#define HeatmapUint uint
#define HEATMAP_FUNCTION
#endif

// Entries of the colour table behind its 256 colours.
const int kColorUnder = 256;
const int kColorOver = 257;
const int kColorBad = 258;
const int kColorInf = 259;
const int kFirstEdge = 260;  // then the boundaries of classes, as bits

// Of the sums of a view of means, so that those of huge cells stay finite.
const float kMeanUnit = 16777216.0;
const HeatmapUint kDrawCells = 0u;
const HeatmapUint kDrawBarVertical = 1u;
const HeatmapUint kDrawBarHorizontal = 2u;

// Comparisons that pick cells (--mask).
const HeatmapUint kRuleNone = 0u;
const HeatmapUint kRuleBelow = 1u;
const HeatmapUint kRuleAtMost = 2u;
const HeatmapUint kRuleAbove = 3u;
const HeatmapUint kRuleAtLeast = 4u;
const HeatmapUint kRuleEqual = 5u;
const HeatmapUint kRuleOther = 6u;

// What is left of the colour of a cell that is faded (--dim), over the background.
const float kDimmedAlpha = 0.25f;

HEATMAP_FUNCTION bool rulePicks(HeatmapUint op, float value, float cell) {
  if (op == kRuleNone || isnan(cell)) return false;
  if (op == kRuleBelow) return cell < value;
  if (op == kRuleAtMost) return cell <= value;
  if (op == kRuleAbove) return cell > value;
  if (op == kRuleAtLeast) return cell >= value;
  return (cell == value) == (op == kRuleEqual);
}

struct HeatmapPush {
  NormParams norm;
  float x;  // of the area, pixels
  float y;
  float w;
  float h;
  float tBegin;  // of a bar: where its colours begin and end
  float tEnd;
  HeatmapUint firstRow;  // of the view's rows that are in the buffer
  HeatmapUint bandRows;
  HeatmapUint columns;  // of the view
  HeatmapUint means;    // 1: its cells are sums and numbers
  HeatmapUint mode;
  HeatmapUint dimmedOp;  // cells that are picked are faded
  float dimmedValue;
};

#ifdef __cplusplus
static_assert(sizeof(HeatmapPush) == 100);
}  // namespace divlens
#endif
#endif
