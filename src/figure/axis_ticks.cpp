#include "figure/axis_ticks.h"

#include <cmath>

#include "figure/figure_texts.h"

namespace divlens {
namespace {

/// Calls `draw` with each tick and where it is, in pixels from the beginning of an axis so long.
template <typename Draw>
void eachTick(const AxisTicks& ticks, float length, Draw draw) {
  const AxisLabels& labels = ticks.labels;
  const double pitch = length / (labels.end() - labels.begin());
  for (const AxisLabels::Tick& tick : ticks.placement.ticks)
    draw(tick, static_cast<float>((labels.centre(tick.entry) - labels.begin()) * pitch));
}

}  // namespace

void addRowTicks(Layout& out, const AxisTicks& ticks, const Rect& area, bool originUpper) {
  const FigureStyle& style = ticks.style;
  const float w = style.lineWidth;
  if (ticks.placement.cut) warnOnce(out, "--yticklabels: long labels are cut in the middle; give shorter ones");
  eachTick(ticks, area.h, [&](const AxisLabels::Tick& tick, float along) {
    const float y = originUpper ? area.y + along : area.bottom() - along, mark = std::floor(y - w / 2 + 0.5f);
    out.list.items.push_back(FilledRect{{area.x - w - style.tickLength, mark, style.tickLength, w}, style.ink});
    const std::string text = fitted(out, ticks.shaper, tick.text, style.tickSize, ticks.room + 1, "y tick labels");
    addText(out, {text, area.x - style.tickGap(), y, style.tickSize, HAlign::Right, VAlign::Middle, 0, style.ink});
  });
}

void addColumnTicks(Layout& out, const AxisTicks& ticks, const Rect& area) {
  const FigureStyle& style = ticks.style;
  const float w = style.lineWidth, y = area.bottom() + style.tickGap();
  const bool turned = ticks.placement.rotated;
  if (ticks.placement.cut) warnOnce(out, "--xticklabels: long labels are cut in the middle; give shorter ones");
  eachTick(ticks, area.w, [&](const AxisLabels::Tick& tick, float along) {
    const float x = area.x + along, mark = std::floor(x - w / 2 + 0.5f);
    out.list.items.push_back(FilledRect{{mark, area.bottom() + w, w, style.tickLength}, style.ink});
    const std::string text = fitted(out, ticks.shaper, tick.text, style.tickSize, ticks.room + 1, "x tick labels");
    if (turned)
      addText(out, {text, x, y, style.tickSize, HAlign::Right, VAlign::Middle, 90, style.ink});
    else
      addText(out, {text, x, y, style.tickSize, HAlign::Center, VAlign::Top, 0, style.ink});
  });
}

}  // namespace divlens
