#pragma once
#include <cstdint>
#include <optional>

#include "figure/figure_content.h"

namespace divlens {

/// The visible part of a grid, in cells; equal for all panels.
struct Span {
  double rowBegin = 0, rowEnd = 1, columnBegin = 0, columnEnd = 1;
  bool operator==(const Span&) const = default;
};

/// A point over the cells of a panel.
struct Spot {
  int panel = 0;
  int64_t row = 0, column = 0;
  double v = 0, u = 0;  ///< where along the rows' and columns' axes, in cells
};

/// Moves about a grid of rows × columns cells: what is seen stays inside, and never gets smaller than a cell or so.
class FigureView {
 public:
  /// Shows all of a grid; one of the same size stays as it is seen.
  void show(int64_t rows, int64_t columns);
  void fit();
  /// Sees this part, as far as it lies inside.
  void see(const Span& span);
  /// Moves what is seen by so many cells.
  void pan(double columns, double rows);
  /// Makes the seen part that many times as wide and high; the point (u, v) stays where it is.
  void zoom(double u, double v, double wide, double high);
  const Span& span() const { return span_; }
  bool zoomed() const { return !(span_ == whole()); }

 private:
  Span whole() const { return {0, rows_, 0, columns_}; }
  double rows_ = 0, columns_ = 0;
  Span span_;
};

/// The cell under a pixel of the laid-out figure; none beside the cells.
std::optional<Spot> spotAt(const Layout& layout, const FigureContent& content, float x, float y);
/// Where the axes' points (u, v) are on an area, in pixels.
struct PixelPoint {
  float x = 0, y = 0;
};
PixelPoint pixelOf(const HeatmapArea& area, double u, double v);
/// The area of a panel; null where it is not in the layout.
const HeatmapArea* areaOf(const Layout& layout, int panel);
/// The colour bar of a scale; null where it is not in the layout.
const ColorbarArea* barOf(const Layout& layout, int scale);

}  // namespace divlens
