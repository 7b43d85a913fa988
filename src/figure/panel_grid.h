#pragma once
#include <algorithm>

#include "figure/figure_content.h"

namespace divlens {

/// How panels are arranged: `rows` × `columns`, filled row by row; with `block` > 0 each so many panels begin a row,
/// those that share colours.
struct PanelGrid {
  int rows = 1, columns = 1, block = 0;
  int blockRows() const { return block ? (block + columns - 1) / columns : rows; }
  int row(int panel) const { return block ? panel / block * blockRows() + panel % block / columns : panel / columns; }
  int column(int panel) const { return (block ? panel % block : panel) % columns; }
};

/// Wide grids are stacked, others stand side by side, four at most in a row; panels that share colours have rows of
/// their own where there are as many for each scale.
inline PanelGrid panelGrid(const FigureContent& content) {
  const int panels = std::max(1, static_cast<int>(content.panels.size()));
  const int scales = static_cast<int>(content.scales.size());
  const bool wide = content.columns.count > 3 * content.rows.count;
  const int block = scales > 1 && panels > scales && panels % scales == 0 ? panels / scales : 0;
  bool blocks = block > 0;
  for (int panel = 0; blocks && panel < panels; ++panel) blocks = content.scale(panel) == panel / block;
  if (blocks) {
    const int columns = block <= 4 ? block : wide ? 2 : 4;
    return {scales * ((block + columns - 1) / columns), columns, block};
  }
  const int columns = wide ? (panels > 6 ? 2 : 1) : std::min(panels, 4);
  return {(panels + columns - 1) / columns, columns, 0};
}

/// True for the panels that have their scale's bar on their right: the last of a row with that scale. Scales with rows
/// of their own have it beside the rows, and a shared one has one bar as high as all panels.
inline bool hasOwnBar(const FigureContent& content, const PanelGrid& grid, int panel) {
  const int panels = std::max(1, static_cast<int>(content.panels.size())), next = panel + 1;
  if (grid.block || content.scales.size() < 2) return false;
  return next % grid.columns == 0 || next >= panels || content.scale(next) != content.scale(panel);
}

/// True where a panel of a column has.
inline bool columnHasBar(const FigureContent& content, const PanelGrid& grid, int column) {
  for (int panel = column; panel < static_cast<int>(content.panels.size()); panel += grid.columns)
    if (hasOwnBar(content, grid, panel)) return true;
  return false;
}

}  // namespace divlens
