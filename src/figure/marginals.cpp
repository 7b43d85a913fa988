#include "figure/marginals.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "figure/axis_scale.h"

namespace divlens {
namespace {

/// From the bar's zero to its longest.
struct Span {
  float low = 0, high = 0;
  bool empty() const { return !(high > low); }
};

Span spanOf(const FigureContent& content, int scale) {
  Span span;
  for (size_t panel = 0; panel < content.marginals.size(); ++panel) {
    if (content.scale(static_cast<int>(panel)) != scale) continue;
    const Marginals& means = content.marginals[panel];
    for (const std::vector<float>* side : {&means.rows, &means.columns})
      for (const float v : *side)
        if (std::isfinite(v)) span.low = std::min(span.low, v), span.high = std::max(span.high, v);
  }
  return span;
}

/// Calls `draw(from, to, value)` for entries of an axis from `begin` on; where several share a pixel, for their mean
/// or, of shares, the largest one, as the window's margins do. Pixels count from where the axis begins.
template <typename Draw>
void eachBar(const std::vector<float>& values, const std::vector<float>& edges, double begin, double end, float length,
             bool largest, Draw draw) {
  const double pitch = length / (end - begin);
  const auto at = [&](int64_t entry) {
    const double place = (edgePosition(edges, static_cast<double>(entry)) - begin) * pitch;
    return std::round(std::clamp(place, 0.0, static_cast<double>(length)));
  };
  double sum = 0, most = 0, from = -1;
  int64_t count = 0;
  for (int64_t i = 0; i < static_cast<int64_t>(values.size()); ++i) {
    const double to = at(i + 1);
    if (at(i) >= length || to <= 0) continue;
    if (from < 0) from = at(i);
    if (const double v = static_cast<double>(values[static_cast<size_t>(i)]); std::isfinite(v)) {
      most = count == 0 ? v : std::max(most, v);
      sum += v;
      ++count;
    }
    if (to - from < 1 && i + 1 < static_cast<int64_t>(values.size())) continue;
    if (count > 0)
      draw(static_cast<float>(from), static_cast<float>(to),
           static_cast<float>(largest ? most : sum / static_cast<double>(count)));
    sum = 0;
    count = 0;
    from = -1;
  }
}

/// Along its axis [from, to), and from the zero or to it.
struct Bar {
  float from = 0, to = 0, low = 0, high = 0;
  Color color;
};

/// Adds the bars where `place` puts them. What two neighbours have in common lies under both: viewers that smooth edges
/// would show the background between them.
template <typename Place>
void addBars(DisplayList& list, const std::vector<Bar>& bars, Place place) {
  for (size_t i = 1; i < bars.size(); ++i) {
    const Bar &a = bars[i - 1], &b = bars[i];
    const Bar both{b.from - 1, b.from + 1, std::max(a.low, b.low), std::min(a.high, b.high), b.color};
    if (a.to == b.from && a.to - a.from >= 1 && b.to - b.from >= 1 && both.high > both.low)
      list.items.push_back(FilledRect{place(both), both.color});
  }
  for (const Bar& bar : bars) list.items.push_back(FilledRect{place(bar), bar.color});
}

}  // namespace

float marginalRoom(const FigureOptions& options, const FigureStyle& style) {
  return options.marginals.empty() ? 0 : std::round(style.px(20));
}

void addMarginals(Layout& out, const CellMarkParts& parts, const HeatmapArea& area, float room) {
  if (static_cast<size_t>(area.panel) >= parts.content.marginals.size()) return;
  const ColorScale& scale = parts.content.scales[static_cast<size_t>(area.scale)];
  const Marginals& means = parts.content.marginals[static_cast<size_t>(area.panel)];
  const bool shares = parts.options.marginals == "beyond";
  const Span span = shares ? Span{0, 1} : spanOf(parts.content, area.scale);
  if (span.empty()) return;
  const float gap = std::round(room / 6), longest = room - gap;
  const auto along = [&](float v) { return std::round((v - span.low) / (span.high - span.low) * longest); };
  const float zero = along(0), line = parts.style.lineWidth;
  const auto bars = [&](const std::vector<float>& values, const FigureAxis& axis, double begin, double end,
                        float length) {
    std::vector<Bar> found;
    eachBar(values, axis.edges, begin, end, length, shares, [&](float from, float to, float mean) {
      const float tip = along(mean);
      const Color color = shares ? parts.style.note : cellColor(scale, mean);
      found.push_back({from, to, std::min(zero, tip), std::max(zero, tip), color});
    });
    return found;
  };
  // The frame lies outside the cells.
  const Rect& cells = area.rect;
  const float right = cells.right() + gap, above = cells.y - gap;
  addBars(out.list, bars(means.rows, parts.content.rows, area.rowBegin, area.rowEnd, cells.h), [&](const Bar& bar) {
    const float y = area.originUpper ? cells.y + bar.from : cells.bottom() - bar.to;
    return Rect{right + bar.low, y, bar.high - bar.low, bar.to - bar.from};
  });
  addBars(out.list, bars(means.columns, parts.content.columns, area.columnBegin, area.columnEnd, cells.w),
          [&](const Bar& bar) {
            return Rect{cells.x + bar.from, above - bar.high, bar.to - bar.from, bar.high - bar.low};
          });
  out.list.items.push_back(FilledRect{{right + zero, cells.y, line, cells.h}, parts.style.ink});
  out.list.items.push_back(FilledRect{{cells.x, above - zero, cells.w, line}, parts.style.ink});
}

}  // namespace divlens
