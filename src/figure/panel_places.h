#pragma once
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "figure/display_list.h"
#include "figure/panel_grid.h"

namespace divlens {

/// Where panels lie, in pixels: `inner` holds all of them and the gaps between them; bars of --marginals take
/// `marginal` on the right of each one's cells and above them.
struct PanelPlaces {
  PanelGrid grid;
  int panels = 1;
  float marginal = 0, gapY = 0;
  std::vector<float> gapsX;  ///< behind each column but the last
  Rect inner;

  /// Of one panel's cells.
  float width() const { return (inner.w - gapBefore(grid.columns - 1)) / static_cast<float>(grid.columns) - marginal; }
  float height() const {
    return (inner.h - gapY * static_cast<float>(grid.rows - 1)) / static_cast<float>(grid.rows) - marginal;
  }
  /// A panel's cells, on whole pixels.
  Rect rect(int panel) const {
    const auto row = static_cast<float>(grid.row(panel)), column = static_cast<float>(grid.column(panel));
    const float x = std::round(inner.x + column * (width() + marginal) + gapBefore(grid.column(panel)));
    const float y = std::round(inner.y + row * (height() + marginal + gapY) + marginal);
    return {x, y, std::max(1.0f, std::floor(width())), std::max(1.0f, std::floor(height()))};
  }
  /// True where no panel lies below.
  bool lowest(int panel) const {
    for (int below = panel + 1; below < panels; ++below)
      if (grid.column(below) == grid.column(panel)) return false;
    return true;
  }
  /// What the gaps on the left of a column take together.
  float gapBefore(int column) const {
    const auto count = std::min(static_cast<size_t>(column), gapsX.size());
    return std::accumulate(gapsX.begin(), gapsX.begin() + static_cast<std::ptrdiff_t>(count), 0.0f);
  }
  /// The narrowest gap; 0 where there is one column.
  float leastGap() const { return gapsX.empty() ? 0 : *std::min_element(gapsX.begin(), gapsX.end()); }
};

}  // namespace divlens
