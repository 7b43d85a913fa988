#pragma once
#include "figure/cell_marks.h"

namespace divlens {

/// Draws the means of an area's rows to its right and those of its columns above it, as bars from zero in the cells'
/// own colours, shares of them as bars from 0 to 1; `room` pixels on each side, a gap included. Panels that share
/// colours share the bars' scale.
void addMarginals(Layout& out, const CellMarkParts& parts, const HeatmapArea& area, float room);
/// Pixels of that room.
float marginalRoom(const FigureOptions& options, const FigureStyle& style);

}  // namespace divlens
