#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "figure/axis_scale.h"
#include "figure/figure_content.h"

namespace divlens {

/// The visible cells of an area and where each is.
class CellPlane {
 public:
  CellPlane(const HeatmapArea& area, const FigureContent& content)
      : area_(area),
        content_(content),
        pitchX_(area.rect.w / (area.columnEnd - area.columnBegin)),
        pitchY_(area.rect.h / (area.rowEnd - area.rowBegin)) {}

  int64_t firstRow() const { return content_.rows.edges.empty() ? int64_t(std::floor(area_.rowBegin)) : 0; }
  int64_t endRow() const {
    return content_.rows.edges.empty() ? std::min(content_.rows.count, int64_t(std::ceil(area_.rowEnd)))
                                       : content_.rows.count;
  }
  int64_t firstColumn() const { return content_.columns.edges.empty() ? int64_t(std::floor(area_.columnBegin)) : 0; }
  int64_t endColumn() const {
    return content_.columns.edges.empty() ? std::min(content_.columns.count, int64_t(std::ceil(area_.columnEnd)))
                                          : content_.columns.count;
  }
  /// Of the smallest cell.
  double pitchX() const { return pitchX_ * smallest(content_.columns.edges); }
  double pitchY() const { return pitchY_ * smallest(content_.rows.edges); }
  double x(double column) const {
    return area_.rect.x + (edgePosition(content_.columns.edges, column) - area_.columnBegin) * pitchX_;
  }
  double y(double row) const {
    const double along = (edgePosition(content_.rows.edges, row) - area_.rowBegin) * pitchY_;
    return area_.originUpper ? area_.rect.y + along : area_.rect.bottom() - along;
  }
  /// NaN outside of the grid and for hidden cells.
  float value(int64_t row, int64_t column) const {
    if (row < 0 || column < 0 || row >= content_.rows.count || column >= content_.columns.count) return NAN;
    const float v = content_.cell(area_.panel, row, column);
    return area_.reduction.hidden.picks(v) ? NAN : v;
  }

 private:
  static double smallest(const std::vector<float>& edges) {
    double least = 1;
    for (size_t i = 1; i < edges.size(); ++i) least = std::min(least, double(edges[i]) - double(edges[i - 1]));
    return least;
  }
  const HeatmapArea& area_;
  const FigureContent& content_;
  double pitchX_, pitchY_;
};

/// Outlines over cells of any colour: a dark line with a white one around it, inside of the area.
class Outlines {
 public:
  Outlines(const HeatmapArea& area, float width, Color dark = {20, 20, 20})
      : area_(area.rect), width_(std::max(1.0f, std::round(width))), color_(dark) {}
  void line(double x0, double y0, double x1, double y1) {
    dark_.push_back(around(x0, y0, x1, y1, width_));
    white_.push_back(around(x0, y0, x1, y1, width_ + 2 * std::max(1.0f, std::round(width_ / 2))));
  }
  void draw(DisplayList& list) const {
    for (const Rect& rect : white_) list.items.push_back(FilledRect{rect, {255, 255, 255}});
    for (const Rect& rect : dark_) list.items.push_back(FilledRect{rect, color_});
  }

 private:
  Rect around(double x0, double y0, double x1, double y1, float width) const {
    const auto low = [&](double v) { return std::floor(float(v) - width / 2 + 0.5f); };
    const float left = std::max(area_.x, low(std::min(x0, x1))), top = std::max(area_.y, low(std::min(y0, y1)));
    const float right = std::min(area_.right(), low(std::max(x0, x1)) + width);
    const float bottom = std::min(area_.bottom(), low(std::max(y0, y1)) + width);
    return {left, top, std::max(0.0f, right - left), std::max(0.0f, bottom - top)};
  }
  Rect area_;
  float width_;
  Color color_;
  std::vector<Rect> white_, dark_;
};

}  // namespace divlens
