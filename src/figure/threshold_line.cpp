#include "figure/threshold_line.h"

#include <cmath>
#include <vector>

#include "figure/cell_plane.h"
#include "figure/figure_texts.h"

namespace divlens {
namespace {

constexpr double kLeastPixels = 3;
constexpr int64_t kMostCells = int64_t{1} << 22;  // whose values are looked at

/// Where blocks of entries begin, and the end of the last one. `place` gives the pixel at which an entry begins.
template <typename Place>
std::vector<int64_t> blocks(int64_t first, int64_t end, Place place) {
  std::vector<int64_t> bounds{first};
  const auto extent = [&](int64_t from, int64_t to) { return std::abs(place(to) - place(from)); };
  for (int64_t i = first + 1; i < end; ++i)
    if (extent(bounds.back(), i) >= kLeastPixels || extent(i, i + 1) >= kLeastPixels) bounds.push_back(i);
  bounds.push_back(end);
  return bounds;
}

/// Which blocks hold a cell at or above the threshold; those around the area hold none.
class Blocks {
 public:
  Blocks(const CellPlane& plane, double threshold)
      : rows_(blocks(plane.firstRow(), plane.endRow(), [&](int64_t i) { return plane.y(double(i)); })),
        columns_(blocks(plane.firstColumn(), plane.endColumn(), [&](int64_t i) { return plane.x(double(i)); })),
        above_(size_t(rows() * columns())) {
    for (int64_t i = 0; i < rows(); ++i)
      for (int64_t j = 0; j < columns(); ++j) {
        bool any = false;
        for (int64_t r = row(i); r < row(i + 1); ++r)
          for (int64_t c = column(j); c < column(j + 1); ++c) any = any || double(plane.value(r, c)) >= threshold;
        above_[size_t(i * columns() + j)] = any;
      }
  }
  int64_t rows() const { return int64_t(rows_.size()) - 1; }
  int64_t columns() const { return int64_t(columns_.size()) - 1; }
  int64_t row(int64_t i) const { return rows_[size_t(i)]; }
  int64_t column(int64_t j) const { return columns_[size_t(j)]; }
  bool above(int64_t i, int64_t j) const {
    return i >= 0 && j >= 0 && i < rows() && j < columns() && above_[size_t(i * columns() + j)];
  }

 private:
  std::vector<int64_t> rows_, columns_;
  std::vector<bool> above_;
};

}  // namespace

void addThresholdLine(Layout& out, const CellMarkParts& parts, const HeatmapArea& area) {
  const CellPlane plane(area, parts.content);
  const bool low = parts.content.rows.edges.empty() && plane.pitchY() < kLeastPixels;
  const bool narrow = parts.content.columns.edges.empty() && plane.pitchX() < kLeastPixels;
  const int64_t cells = (plane.endRow() - plane.firstRow()) * (plane.endColumn() - plane.firstColumn());
  if (low || narrow || cells > kMostCells)
    return warnOnce(out, "--threshold: the cells are too small for an outline; enlarge --figsize");
  const Blocks blocks(plane, *parts.options.threshold);
  Outlines outlines(area, parts.style.px(1));
  // Along each edge between two rows (or columns), runs of neighbours on different sides of the threshold are one line.
  for (int64_t i = 0; i <= blocks.rows(); ++i)
    for (int64_t j = 0, from = 0; j <= blocks.columns(); ++j) {
      if (j < blocks.columns() && blocks.above(i - 1, j) != blocks.above(i, j)) continue;
      const double y = plane.y(double(blocks.row(i)));
      if (j > from) outlines.line(plane.x(double(blocks.column(from))), y, plane.x(double(blocks.column(j))), y);
      from = j + 1;
    }
  for (int64_t j = 0; j <= blocks.columns(); ++j)
    for (int64_t i = 0, from = 0; i <= blocks.rows(); ++i) {
      if (i < blocks.rows() && blocks.above(i, j - 1) != blocks.above(i, j)) continue;
      const double x = plane.x(double(blocks.column(j)));
      if (i > from) outlines.line(x, plane.y(double(blocks.row(from))), x, plane.y(double(blocks.row(i))));
      from = i + 1;
    }
  outlines.draw(out.list);
}

}  // namespace divlens
