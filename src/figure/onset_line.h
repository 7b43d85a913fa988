#pragma once
#include "figure/cell_marks.h"

namespace divlens {

/// Draws the onsets of the area's panel (FigureContent::onsets) as one line of steps: over each entry at the edge of
/// the layer from which the threshold holds, joined where neighbours both have one.
void addOnsetLine(Layout& out, const CellMarkParts& parts, const HeatmapArea& area);

}  // namespace divlens
