#pragma once
#include <algorithm>

#include "figure/figure_content.h"

namespace divlens {

/// How panels are arranged: `rows` × `columns`, filled row by row.
struct PanelGrid {
  int rows = 1, columns = 1;
};

/// Wide grids are stacked, others stand side by side, four at most in a row; groups that share scales have a row each.
inline PanelGrid panelGrid(const FigureContent& content) {
  const int panels = std::max(1, static_cast<int>(content.panels.size()));
  const int scales = static_cast<int>(content.scales.size());
  if (scales > 1 && panels > scales && panels % scales == 0 && panels / scales <= 4) return {scales, panels / scales};
  const bool wide = content.columns.count > 3 * content.rows.count;
  const int columns = wide ? (panels > 6 ? 2 : 1) : std::min(panels, 4);
  return {(panels + columns - 1) / columns, columns};
}

}  // namespace divlens
