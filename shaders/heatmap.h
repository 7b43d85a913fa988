// Push constants of the heatmap's fragment shader, shared by C++ and GLSL.
#ifndef DIVLENS_HEATMAP_H
#define DIVLENS_HEATMAP_H
#include "norms.h"

#ifdef __cplusplus
#include <cstdint>
namespace divlens {
using HeatmapUint = uint32_t;
#else
#define HeatmapUint uint
#endif

// Entries of the colour table behind its 256 colours.
const int kColorUnder = 256;
const int kColorOver = 257;
const int kColorBad = 258;
const int kColorInf = 259;

const HeatmapUint kDrawCells = 0u;
const HeatmapUint kDrawBarVertical = 1u;
const HeatmapUint kDrawBarHorizontal = 2u;

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
  HeatmapUint originUpper;
  HeatmapUint mode;
};

#ifdef __cplusplus
static_assert(sizeof(HeatmapPush) == 104);
}  // namespace divlens
#endif
#endif
