#include "figure/figure_style.h"

#include <fmt/format.h>

#include <algorithm>

#include "dump/escape.h"
#include "error.h"
#include "figure/label_text.h"
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
    {"paper", 7, 8, 9, 6, kInk, kGrey, kWhite},
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

std::vector<std::string> wrapText(TextShaper& shaper, const std::string& text, float sizePx, float width, size_t most) {
  // Line feeds of a title are wished-for breaks; other control characters are shown as escapes.
  std::vector<std::string> lines(1);
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find_first_of(" \n", at), text.size());
    const std::string word = end > at ? displayLabel(text.substr(at, end - at), false, 400) : "";
    const std::string joined = lines.back().empty() ? word : lines.back() + " " + word;
    const bool full = lines.size() == most;
    if (full || lines.back().empty() || shaper.measure(joined, sizePx).width <= width)
      lines.back() = joined;
    else
      lines.push_back(word);
    if (end < text.size() && text[end] == '\n' && lines.size() < most) lines.emplace_back();
    at = end + 1;
  }
  for (std::string& line : lines) line = shaper.elide(line, sizePx, width);
  std::erase(lines, std::string());
  return lines;
}

void warnOnce(Layout& out, const std::string& text) {
  if (std::find(out.warnings.begin(), out.warnings.end(), text) == out.warnings.end()) out.warnings.push_back(text);
}

void warnOfSmallText(Layout& out, const FigureStyle& style, float sizePx, const char* what) {
  const float points = 5 * sizePx / style.px(5);
  if (points > 4.99f) return;
  warnOnce(out,
           fmt::format("{} of {:.2g} pt is hard to read (under 5 pt); raise --font-size or --figsize", what, points));
}

void addFrame(DisplayList& list, const Rect& rect, float w, Color color) {
  list.items.push_back(FilledRect{{rect.x - w, rect.y - w, rect.w + 2 * w, w}, color});
  list.items.push_back(FilledRect{{rect.x - w, rect.bottom(), rect.w + 2 * w, w}, color});
  list.items.push_back(FilledRect{{rect.x - w, rect.y, w, rect.h}, color});
  list.items.push_back(FilledRect{{rect.right(), rect.y, w, rect.h}, color});
}

}  // namespace divlens
