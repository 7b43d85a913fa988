#pragma once
#include <algorithm>
#include <cmath>

#include "figure/display_list.h"
#include "figure/panel_grid.h"

namespace divlens {

/// Where panels lie, in pixels: `inner` holds all of them and the gaps between them; bars of --marginals take
/// `marginal` on the right of each one's cells and above them.
struct PanelPlaces {
  PanelGrid grid;
  int panels = 1;
  float marginal = 0, gapX = 0, gapY = 0;
  Rect inner;

  /// Of one panel's cells.
  float width() const { return share(inner.w, gapX, grid.columns); }
  float height() const { return share(inner.h, gapY, grid.rows); }
  /// A panel's cells, on whole pixels.
  Rect rect(int panel) const {
    const auto row = static_cast<float>(grid.row(panel)), column = static_cast<float>(grid.column(panel));
    const float x = std::round(inner.x + column * (width() + marginal + gapX));
    const float y = std::round(inner.y + row * (height() + marginal + gapY) + marginal);
    return {x, y, std::max(1.0f, std::floor(width())), std::max(1.0f, std::floor(height()))};
  }
  /// True where no panel lies below.
  bool lowest(int panel) const {
    for (int below = panel + 1; below < panels; ++below)
      if (grid.column(below) == grid.column(panel)) return false;
    return true;
  }

 private:
  float share(float all, float gap, int count) const {
    return (all - gap * static_cast<float>(count - 1)) / static_cast<float>(count) - marginal;
  }
};

}  // namespace divlens
