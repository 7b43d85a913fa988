#include "figure/figure_style.h"

#include <fmt/format.h>

#include <algorithm>

#include "dump/escape.h"
#include "error.h"
#include "suggest.h"

namespace divlens {
namespace {

struct StyleRow {
  const char* name;
  float tick, label, title, note;  ///< points
  Color ink, noteInk, background;
};
constexpr Color kInk{26, 26, 26}, kGrey{110, 110, 110}, kWhite{255, 255, 255};
constexpr StyleRow kStyles[] = {
    {"", 8, 9, 10, 6.5f, kInk, kGrey, kWhite},
    {"paper", 7, 8, 9, 7, kInk, kGrey, kWhite},
    {"slide", 14, 16, 19, 10, kInk, kGrey, kWhite},
    {"dark", 8, 9, 10, 6.5f, {230, 230, 230}, {160, 160, 160}, {24, 24, 28}},
};

const StyleRow& findStyle(const std::string& name) {
  std::vector<std::string> names;
  for (const StyleRow& row : kStyles) {
    if (name == row.name) return row;
    if (*row.name) names.emplace_back(row.name);
  }
  throw Error(Exit::Usage, fmt::format("--style {}: no such style{}; there are {}", escaped(name),
                                       didYouMean(name, names), listed(names)));
}

}  // namespace

FigureStyle::FigureStyle(const FigureOptions& options) : dpi(options.dpi) {
  if (options.fontSize && !(*options.fontSize >= 3 && *options.fontSize <= 96))
    throw Error(Exit::Usage, fmt::format("--font-size {}: give 3 to 96 points", *options.fontSize));
  const StyleRow& row = findStyle(options.style.empty() && !options.size.empty() ? "paper" : options.style);
  points = options.fontSize.value_or(double(row.label));
  const double scale = points / double(row.label), parts = points / 9;
  labelSize = px(points);
  tickSize = px(row.tick * scale);
  titleSize = px(row.title * scale);
  noteSize = px(row.note * scale);
  margin = std::ceil(px(4 * parts));
  barGap = std::round(px(9 * parts));
  barWidth = std::round(px(10 * parts));
  tickLength = std::max(1.0f, std::round(px(2.5 * parts)));
  tickPad = px(2 * parts);
  lineWidth = std::max(1.0f, std::round(px(0.6 * parts)));
  ink = row.ink;
  note = row.noteInk;
  background = row.background;
}

void addFrame(DisplayList& list, const Rect& rect, float w, Color color) {
  list.items.push_back(FilledRect{{rect.x - w, rect.y - w, rect.w + 2 * w, w}, color});
  list.items.push_back(FilledRect{{rect.x - w, rect.bottom(), rect.w + 2 * w, w}, color});
  list.items.push_back(FilledRect{{rect.x - w, rect.y, w, rect.h}, color});
  list.items.push_back(FilledRect{{rect.right(), rect.y, w, rect.h}, color});
}

}  // namespace divlens
