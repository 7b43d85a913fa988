#pragma once
#include "figure/figure_content.h"
#include "figure/figure_style.h"

namespace divlens {

struct CellMarkParts {
  const FigureOptions& options;
  const FigureContent& content;
  TextShaper& shaper;
  const FigureStyle& style;
};

/// The colour of a cell with that value.
Color cellColor(const ColorScale& scale, float v);
/// Draws what --annot, --threshold and --mark put over the cells of an area; what does not fit becomes a warning.
void addCellMarks(Layout& out, const CellMarkParts& parts, const HeatmapArea& area);
/// Checks --fmt, --mark's grammar and --mask without data; Error(Usage).
void checkCellMarks(const FigureOptions& options);

}  // namespace divlens
