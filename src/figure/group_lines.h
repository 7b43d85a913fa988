#pragma once
#include "figure/cell_marks.h"

namespace divlens {

/// Draws lines over an area between groups of rows and of columns (FigureAxis::breaks).
void addGroupLines(Layout& out, const CellMarkParts& parts, const HeatmapArea& area);

}  // namespace divlens
