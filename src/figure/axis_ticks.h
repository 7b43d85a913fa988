#pragma once
#include "figure/axis_labels.h"
#include "figure/figure_content.h"
#include "figure/figure_style.h"

namespace divlens {

/// The ticks of one axis, placed, and the pixels that its labels may take.
struct AxisTicks {
  const AxisLabels& labels;
  const AxisLabels::Placement& placement;
  float room;
  TextShaper& shaper;
  const FigureStyle& style;
};

/// Tick marks and labels on the left of an area; a label that is wider than its room is shortened, with a warning.
void addRowTicks(Layout& out, const AxisTicks& ticks, const Rect& area, bool originUpper);
/// The same below an area.
void addColumnTicks(Layout& out, const AxisTicks& ticks, const Rect& area);

}  // namespace divlens
