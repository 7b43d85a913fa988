#pragma once
#include "figure/cell_marks.h"

namespace divlens {

/// Outlines what lies at or above --threshold. Neighbours too small for an outline of their own, as --axis-scale makes
/// them, share one: around all of them where one is. A warning where equal cells are too small.
void addThresholdLine(Layout& out, const CellMarkParts& parts, const HeatmapArea& area);

}  // namespace divlens
