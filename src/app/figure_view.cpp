#include "app/figure_view.h"

#include <algorithm>
#include <cmath>

namespace divlens {
namespace {

constexpr double kLeastCells = 0.5;

/// [begin, end) of at most `count` cells, moved inside of [0, count].
void keepInside(double& begin, double& end, double count) {
  const double least = std::min(kLeastCells, count);
  const double size = std::clamp(end - begin, least, count);
  const double centre = (begin + end) / 2;
  begin = std::clamp(centre - size / 2, 0.0, count - size);
  end = begin + size;
}

/// The entry whose cell holds the point `at` of an axis.
int64_t entryAt(const FigureAxis& axis, double at) {
  int64_t entry = int64_t(std::floor(at));
  if (!axis.edges.empty())
    entry = std::upper_bound(axis.edges.begin(), axis.edges.end(), float(at)) - axis.edges.begin() - 1;
  return std::clamp<int64_t>(entry, 0, std::max<int64_t>(axis.count - 1, 0));
}

}  // namespace

void FigureView::show(int64_t rows, int64_t columns) {
  if (rows_ == double(rows) && columns_ == double(columns)) return;
  rows_ = double(rows);
  columns_ = double(columns);
  fit();
}

void FigureView::fit() { span_ = whole(); }

void FigureView::see(const Span& span) {
  span_ = span;
  keepInside(span_.rowBegin, span_.rowEnd, rows_);
  keepInside(span_.columnBegin, span_.columnEnd, columns_);
}

void FigureView::pan(double columns, double rows) {
  see({span_.rowBegin + rows, span_.rowEnd + rows, span_.columnBegin + columns, span_.columnEnd + columns});
}

void FigureView::zoom(double u, double v, double wide, double high) {
  const auto scaled = [](double& begin, double& end, double at, double by, double count) {
    // Never past the whole or below the least: the point would slide away.
    const double size = end - begin, next = std::clamp(size * by, std::min(kLeastCells, count), count);
    begin = at - (at - begin) * (next / size);
    end = begin + next;
  };
  Span next = span_;
  scaled(next.columnBegin, next.columnEnd, u, wide, columns_);
  scaled(next.rowBegin, next.rowEnd, v, high, rows_);
  see(next);
}

std::optional<Spot> spotAt(const Layout& layout, const FigureContent& content, float x, float y) {
  for (const DisplayItem& item : layout.list.items) {
    const auto* area = std::get_if<HeatmapArea>(&item);
    if (!area) continue;
    const Rect& r = area->rect;
    if (x < r.x || y < r.y || x >= r.right() || y >= r.bottom()) continue;
    const double across = double(x - r.x) / double(r.w), down = double(y - r.y) / double(r.h);
    Spot spot{.panel = area->panel};
    spot.u = area->columnBegin + across * (area->columnEnd - area->columnBegin);
    spot.v = area->rowBegin + (area->originUpper ? down : 1 - down) * (area->rowEnd - area->rowBegin);
    spot.row = entryAt(content.rows, spot.v);
    spot.column = entryAt(content.columns, spot.u);
    return spot;
  }
  return std::nullopt;
}

PixelPoint pixelOf(const HeatmapArea& area, double u, double v) {
  const double across = (u - area.columnBegin) / (area.columnEnd - area.columnBegin);
  const double down = (v - area.rowBegin) / (area.rowEnd - area.rowBegin);
  const Rect& r = area.rect;
  return {r.x + float(across) * r.w, r.y + float(area.originUpper ? down : 1 - down) * r.h};
}

const HeatmapArea* areaOf(const Layout& layout, int panel) {
  for (const DisplayItem& item : layout.list.items)
    if (const auto* area = std::get_if<HeatmapArea>(&item); area && area->panel == panel) return area;
  return nullptr;
}

const ColorbarArea* barOf(const Layout& layout, int scale) {
  for (const DisplayItem& item : layout.list.items)
    if (const auto* bar = std::get_if<ColorbarArea>(&item); bar && bar->scale == scale) return bar;
  return nullptr;
}

}  // namespace divlens
