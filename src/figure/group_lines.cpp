#include "figure/group_lines.h"

#include <algorithm>
#include <cmath>

#include "figure/axis_scale.h"

namespace divlens {
namespace {

/// Calls `draw` with the pixel at which each line begins, counted along the axis.
template <typename Draw>
void eachLine(const FigureAxis& axis, double begin, double end, float length, float width, Draw draw) {
  for (const int64_t entry : axis.breaks) {
    const double share = (edgePosition(axis.edges, static_cast<double>(entry)) - begin) / (end - begin);
    if (share > 0 && share < 1) draw(std::round(static_cast<float>(share) * length - width / 2));
  }
}

}  // namespace

void addGroupLines(Layout& out, const CellMarkParts& parts, const HeatmapArea& area) {
  const Rect& rect = area.rect;
  const float w = std::max(1.0f, std::round(1.5f * parts.style.lineWidth));
  eachLine(parts.content.rows, area.rowBegin, area.rowEnd, rect.h, w, [&](float at) {
    const float y = area.originUpper ? rect.y + at : rect.bottom() - at - w;
    out.list.items.push_back(FilledRect{{rect.x, y, rect.w, w}, parts.style.ink});
  });
  eachLine(parts.content.columns, area.columnBegin, area.columnEnd, rect.w, w,
           [&](float at) { out.list.items.push_back(FilledRect{{rect.x + at, rect.y, w, rect.h}, parts.style.ink}); });
}

}  // namespace divlens
