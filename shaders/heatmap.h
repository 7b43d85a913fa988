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
  float rowBegin;  // visible part of the grid, in cells; for a bar the colours' range
  float rowEnd;
  float columnBegin;
  float columnEnd;
  HeatmapUint rows;  // of the whole grid
  HeatmapUint columns;
  HeatmapUint firstRow;  // of the chunk that is drawn
  HeatmapUint chunkRows;
  HeatmapUint nextRows;  // of the chunk after it, 0: there is none
  HeatmapUint originUpper;
  HeatmapUint mode;
  HeatmapUint rules;  // hidden (low byte): picked cells show the background; dimmed (next byte): they are faded
  float hiddenValue;
  float dimmedValue;
  HeatmapUint rowEdges;  // number of edges where cells differ in size, else 0
  HeatmapUint columnEdges;
};

#ifdef __cplusplus
static_assert(sizeof(HeatmapPush) == 128);
}  // namespace divlens
#endif
#endif
