#include "figure/colorbar_layout.h"

#include <algorithm>
#include <cmath>

namespace divlens {
namespace {

struct LegendEntry {
  const char* text;
  Color color;
};

std::vector<LegendEntry> legendEntries(const ColorScale& content) {
  std::vector<LegendEntry> entries;
  if (content.hasBad || content.notPositive > 0)
    entries.push_back({content.notPositive == 0 ? "NaN" : content.hasBad ? "NaN, ≤ 0" : "≤ 0", content.colors.bad});
  if (content.hasInf) entries.push_back({"∞", content.colors.inf});
  return entries;
}

float legendHeight(const FigureParts& parts) {
  const auto entries = static_cast<float>(legendEntries(parts.scale).size());
  return entries > 0 ? entries * parts.style.line(parts.style.tickSize) + parts.style.px(5) : 0;
}

// Position of a value along the bar, 0 at its lower end.
double fraction(const Norm& norm, double value) {
  const double t0 = norm.t(norm.vmin), t1 = norm.t(norm.vmax);
  return t1 > t0 ? (norm.t(value) - t0) / (t1 - t0) : 0;
}

// Ticks of curved norms can crowd: later ones that would touch an earlier one go.
NumericTicks spaced(const Norm& norm, const NumericTicks& ticks, float height, float least, float leastMinor) {
  NumericTicks kept;
  kept.offset = ticks.offset;
  double before = -1e30;
  for (size_t i = 0; i < ticks.values.size(); ++i) {
    const double at = fraction(norm, ticks.values[i]) * height;
    if (!std::isfinite(at) || at - before < least || at < -0.5 || at > height + 0.5) continue;
    kept.values.push_back(ticks.values[i]);
    kept.labels.push_back(ticks.labels[i]);
    before = at;
  }
  // All of the small ones, or none where they would run together.
  std::vector<double> places;
  for (const double v : ticks.minor) places.push_back(fraction(norm, v) * height);
  std::sort(places.begin(), places.end());
  for (size_t i = 1; i < places.size(); ++i)
    if (places[i] - places[i - 1] < leastMinor) return kept;
  kept.minor = ticks.minor;
  return kept;
}

float extendLength(const FigureStyle& style, float room) {
  return std::round(std::min(style.barWidth * 0.8f, room * 0.08f));
}

// An arrow on [x0, x1] from `base` to `apex`: a dark triangle with the coloured one inside.
void addArrow(DisplayList& list, float x0, float x1, float base, float apex, float edge, Color ink, Color color) {
  const float middle = (x0 + x1) / 2, inner = apex + (apex < base ? 2 : -2) * edge;
  list.items.push_back(Triangle{x0 - edge, base, x1 + edge, base, middle, apex, ink});
  if ((apex < base) == (inner < base))
    list.items.push_back(Triangle{x0 + edge, base, x1 - edge, base, middle, inner, color});
}

}  // namespace

ColorbarSpace measureColorbar(const FigureParts& parts, const std::string& label, float room, float labelRoom,
                              bool labelled) {
  const FigureStyle& style = parts.style;
  ColorbarSpace space;
  const float legend = legendHeight(parts), line = style.line(style.tickSize);
  space.legend = legend > 0 && room - legend > 2 * line;
  space.labelRoom = std::max(0.0f, labelRoom);
  space.barHeight = std::max(1.0f, room - (space.legend ? legend : 0));
  const Extend& extend = parts.scale.extend;
  const float arrows = extendLength(style, room) * static_cast<float>(int(extend.min) + int(extend.max));
  const float length = std::max(1.0f, space.barHeight - arrows);
  // As many as matplotlib's AutoLocator.
  const int most = std::clamp(static_cast<int>(length / (2 * style.tickSize)), 1, 9);
  space.ticks =
      spaced(parts.scale.norm, colorbarTicks(parts.options, parts.scale.norm, most), length, line, 2 * style.lineWidth);
  float longest = 0;
  for (const std::string& text : space.ticks.labels)
    longest = std::max(longest, parts.shaper.measure(text, style.tickSize).width);
  if (space.legend)
    for (const LegendEntry& entry : legendEntries(parts.scale))
      longest = std::max(longest, parts.shaper.measure(entry.text, style.tickSize).width);
  space.width = style.barWidth + style.tickGap() + longest;
  if (!labelled) return space;
  const std::string factor = space.ticks.offset.empty() ? "" : "(" + space.ticks.offset + ")";
  const std::string whole = label.empty() || factor.empty() ? label + factor : label + " " + factor;
  space.label = wrapText(parts.shaper, whole, style.labelSize, space.labelRoom, 2);
  if (!space.label.empty()) space.width += style.px(3) + space.label.height(style, style.labelSize);
  return space;
}

void addColorbar(Layout& out, const FigureParts& parts, const Rect& span, const ColorbarSpace& space, float top,
                 float bottom) {
  const FigureStyle& style = parts.style;
  const ColorScale& scale = parts.scale;
  auto& items = out.list.items;
  const float x = std::round(span.x), w = style.barWidth, arrow = extendLength(style, span.h), edge = style.lineWidth;
  const float over = scale.extend.max ? arrow : 0, under = scale.extend.min ? arrow : 0;
  const Rect bar{x, std::round(span.y + over), w, std::max(1.0f, std::floor(space.barHeight - over - under))};
  const auto t0 = scale.norm.t(scale.norm.vmin), t1 = scale.norm.t(scale.norm.vmax);
  if (over > 0) addArrow(out.list, x, x + w, bar.y - edge, bar.y - over, edge, style.ink, scale.colors.over);
  if (under > 0)
    addArrow(out.list, x, x + w, bar.bottom() + edge, bar.bottom() + under, edge, style.ink, scale.colors.under);
  items.push_back(ColorbarArea{bar, parts.index, true, t0, t1, scale.norm.vmin, scale.norm.vmax});
  addFrame(out.list, bar, edge, style.ink);
  const auto place = [&](double value) {
    return bar.bottom() - static_cast<float>(std::clamp(fraction(scale.norm, value), 0.0, 1.0)) * bar.h;
  };
  const auto mark = [&](float y, float length) {
    const float from = std::clamp(std::floor(y - edge / 2 + 0.5f), bar.y - edge, bar.bottom());
    items.push_back(FilledRect{{bar.right() + edge, from, length, edge}, style.ink});
  };
  for (const double value : space.ticks.minor) mark(place(value), std::max(1.0f, std::round(0.6f * style.tickLength)));
  for (size_t i = 0; i < space.ticks.values.size(); ++i) {
    const float y = place(space.ticks.values[i]);
    mark(y, style.tickLength);
    items.push_back(Text{space.ticks.labels[i], bar.right() + style.tickGap(), y, style.tickSize, HAlign::Left,
                         VAlign::Middle, 0, style.ink});
  }
  if (space.legend) {
    const float line = style.line(style.tickSize), side = std::round(style.tickSize * 0.75f);
    float y = std::round(span.y + space.barHeight + style.px(5) + edge);
    for (const LegendEntry& entry : legendEntries(scale)) {
      const Rect swatch{x, std::round(y + (line - side) / 2), w, side};
      items.push_back(FilledRect{swatch, entry.color});
      addFrame(out.list, swatch, edge, style.ink);
      items.push_back(Text{entry.text, bar.right() + style.tickGap(), y + line / 2, style.tickSize, HAlign::Left,
                           VAlign::Middle, 0, style.ink});
      y += line;
    }
  } else if (legendHeight(parts) > 0) {
    out.warnings.emplace_back("the figure is too low to explain the colours of NaN and ∞; enlarge --figsize");
  }
  if (space.label.shortened) warnOfShortened(out, "the colour bar's label");
  float right = span.x + space.width - space.label.height(style, style.labelSize);
  for (const std::string& text : space.label.lines) {
    const float half = parts.shaper.measure(text, style.labelSize).width / 2;
    const float y = std::max(top + half, std::min(bar.y + bar.h / 2, bottom - half));
    items.push_back(Text{text, right, y, style.labelSize, HAlign::Center, VAlign::Top, 90, style.ink});
    right += style.line(style.labelSize);
  }
}

}  // namespace divlens
