#include "figure/colormap_sheet.h"

#include <algorithm>
#include <cmath>

#include "figure/color_vision.h"
#include "figure/figure_style.h"

namespace divlens {

namespace {

ColorTable seenTable(ColorTable table, Vision vision) {
  for (Color& color : table) color = asSeen(color, vision);
  return table;
}

}  // namespace

ColormapSheet colormapSheet(const FigureOptions& options, TextShaper& shaper) {
  constexpr int kColumns = 3;
  constexpr float kBarWidth = 256;  // a pixel for each colour
  const FigureStyle style(options);
  ColormapSheet sheet;
  const std::vector<std::string> names = colormapNames();
  float widest = 0;
  for (const std::string& name : names) widest = std::max(widest, shaper.measure(name, style.tickSize).width);
  const float gap = style.px(6), line = std::ceil(1.9f * style.line(style.tickSize));
  const float left = std::ceil(widest) + gap, column = left + kBarWidth + 3 * gap;
  const auto perColumn = static_cast<int>((names.size() + kColumns - 1) / kColumns);
  sheet.list.width = static_cast<int>(std::ceil(kColumns * column + gap));
  sheet.list.height = static_cast<int>(std::ceil(static_cast<float>(perColumn) * line + 2 * gap));
  sheet.list.dpi = options.dpi;
  sheet.list.background = style.background;
  for (size_t i = 0; i < names.size(); ++i) {
    const auto number = static_cast<int>(i);
    const int columnIndex = number / perColumn;
    const float x = std::round(gap + static_cast<float>(columnIndex) * column + left);
    const float y = std::round(gap + static_cast<float>(number % perColumn) * line);
    // The map, and under it what is left of it in grey and for those who see no green.
    const ColorTable table = colormap(names[i]);
    const float bars = line - 4, thin = std::floor(bars / 4);
    const auto addBar = [&](const ColorTable& colors, float top, float height) {
      sheet.scales.push_back({.label = names[i], .norm = {}, .extend = {}, .colors = {}});
      sheet.scales.back().colors.table = colors;
      sheet.list.items.push_back(ColorbarArea{
          .rect = {x, top, kBarWidth, height}, .scale = static_cast<int>(sheet.scales.size()) - 1, .vertical = false});
    };
    addBar(table, y + 2, bars - 2 * thin);
    addBar(seenTable(table, Vision::Grey), y + 2 + bars - 2 * thin, thin);
    addBar(seenTable(table, Vision::Deuteranopia), y + 2 + bars - thin, thin);
    sheet.list.items.push_back(
        Text{names[i], x - gap, y + line / 2, style.tickSize, HAlign::Right, VAlign::Middle, 0, style.ink});
  }
  return sheet;
}

}  // namespace divlens
