// How cells become fewer: structures and constants that C++ and the shaders of the pyramid share.
#ifndef DIVLENS_PYRAMID_H
#define DIVLENS_PYRAMID_H
#include "heatmap.h"

#ifdef __cplusplus
namespace divlens {
#endif

// What stands for several cells.
const HeatmapUint kAggregateMax = 0u;
const HeatmapUint kAggregateMin = 1u;
const HeatmapUint kAggregateMean = 2u;     // of the finite ones
const HeatmapUint kAggregateExtreme = 3u;  // the one farthest from the center

// A node of level (i, j) stands for 8^i rows × 8^j columns; level (0, 0) are the cells themselves.
const HeatmapUint kLevelBits = 3u;
const HeatmapUint kMostLevels = 8u;
// A node among a span's: its level above its number.
const HeatmapUint kSegmentBits = 29u;

// Nodes lie row by row: a row of level i holds its nodes of every level j, one level after the other; for i = 0 those
// of level (0, 0), which are the cells, are left out.

// From one level to the next, eight rows or eight columns at a time.
struct PyramidPush {
  HeatmapUint source;        // first node; kFromCells: the cells
  HeatmapUint sourceStride;  // from row to row
  HeatmapUint sourceRows;
  HeatmapUint sourceColumns;
  HeatmapUint target;
  HeatmapUint targetStride;
  HeatmapUint targetRows;
  HeatmapUint targetColumns;
  HeatmapUint alongRows;
  HeatmapUint hiddenOp;
  float hiddenValue;
  float center;
};
const HeatmapUint kFromCells = 0xffffffffu;
const HeatmapUint kNoCells = 0xffffffffu;

// From nodes to what pixels show: `rows` × `columns` of the view, from row `firstRow` of its buffer on.
struct ViewPush {
  HeatmapUint rows;
  HeatmapUint columns;
  HeatmapUint firstRow;
  HeatmapUint rowSpans;  // where the spans' first segments are listed, one entry a row and one behind the last: two
                         // words each, where a row's cells begin (kNoCells: it is of a higher level) and its nodes
  HeatmapUint columnSpans;
  HeatmapUint cellColumns;  // of the chunk: a column's node before it is of the lowest level
  HeatmapUint join;         // 1: what the view holds already counts too
  HeatmapUint hiddenOp;
  float hiddenValue;
  float center;
};

#ifdef __cplusplus
static_assert(sizeof(PyramidPush) == 48 && sizeof(ViewPush) == 40);
}  // namespace divlens
#endif
#endif
