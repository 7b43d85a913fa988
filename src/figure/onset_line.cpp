#include "figure/onset_line.h"

#include <cmath>

#include "figure/cell_plane.h"

namespace divlens {
namespace {

constexpr Color kRed{214, 39, 40};

}  // namespace

void addOnsetLine(Layout& out, const CellMarkParts& parts, const HeatmapArea& area) {
  if (parts.content.onsets.size() <= size_t(area.panel)) return;
  const std::vector<std::optional<double>>& edges = parts.content.onsets[size_t(area.panel)];
  const CellPlane plane(area, parts.content);
  const bool down = parts.content.onsetDown;
  const int64_t first = down ? plane.firstColumn() : plane.firstRow();
  const int64_t end = down ? plane.endColumn() : plane.endRow();
  Outlines line(area, parts.style.px(1.4), kRed);  // beside the dark outlines of a threshold
  const auto segment = [&](double across0, double along0, double across1, double along1) {
    if (down)
      line.line(plane.x(across0), plane.y(along0), plane.x(across1), plane.y(along1));
    else
      line.line(plane.x(along0), plane.y(across0), plane.x(along1), plane.y(across1));
  };
  for (int64_t i = first; i < end; ++i) {
    const std::optional<double>& edge = edges[size_t(i)];
    if (!edge) continue;
    segment(double(i), *edge, double(i + 1), *edge);
    const bool joined = i + 1 < end && edges[size_t(i + 1)];
    if (joined && *edges[size_t(i + 1)] != *edge) segment(double(i + 1), *edge, double(i + 1), *edges[size_t(i + 1)]);
  }
  line.draw(out.list);
}

}  // namespace divlens
