#include "figure/figure_texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "figure/label_text.h"

namespace divlens {

void warnOnce(Layout& out, const std::string& text) {
  if (std::find(out.warnings.begin(), out.warnings.end(), text) == out.warnings.end()) out.warnings.push_back(text);
}

void warnOfSmallText(Layout& out, const FigureStyle& style, float sizePx, const char* what) {
  const float points = 5 * sizePx / style.px(5);
  if (points > 4.99f) return;
  warnOnce(out,
           fmt::format("{} of {:.2g} pt is hard to read (under 5 pt); raise --font-size or --figsize", what, points));
}

void warnOfShortened(Layout& out, const char* what) {
  warnOnce(out, fmt::format("{}: not all fits, '…' stands for the rest; enlarge --figsize or lower --font-size", what));
}

WrappedText wrapText(TextShaper& shaper, const std::string& text, float sizePx, float width, size_t most) {
  // Line feeds of a title are wished-for breaks; other control characters are shown as escapes.
  WrappedText out;
  std::vector<std::string>& lines = out.lines;
  lines.resize(1);
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
  for (std::string& line : lines) {
    std::string whole = std::exchange(line, shaper.elide(line, sizePx, width));
    out.shortened = out.shortened || line != whole;
  }
  std::erase(lines, std::string());
  return out;
}

WrappedText wrapFacts(TextShaper& shaper, const std::string& text, float sizePx, float width, size_t most) {
  constexpr std::string_view kBetween = " · ";
  WrappedText out;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(kBetween, at), text.size());
    const std::string fact = displayLabel(text.substr(at, end - at), false, 400);
    const std::string joined = out.empty() ? fact : out.lines.back() + std::string(kBetween) + fact;
    const auto fits = [&](const std::string& line) { return shaper.measure(line, sizePx).width <= width; };
    if (!fits(fact)) return wrapText(shaper, text, sizePx, width, most);
    if (out.empty() || !fits(joined))
      out.lines.push_back(fact);
    else
      out.lines.back() = joined;
    at = end + (end < text.size() ? kBetween.size() : 1);
  }
  return out.lines.size() <= most ? out : wrapText(shaper, text, sizePx, width, most);
}

std::string fitted(Layout& out, TextShaper& shaper, const std::string& text, float sizePx, float width,
                   const char* what) {
  std::string shown = shaper.elide(text, sizePx, width);
  if (shown != text) warnOfShortened(out, what);
  return shown;
}

void addText(Layout& out, Text text) {
  if (!text.utf8.empty()) out.list.items.emplace_back(std::move(text));
}

namespace {

/// The middle of a text along [begin, end] as near to `wanted` as lets it stay inside.
float kept(float wanted, float half, float begin, float end) {
  return std::max(begin + half, std::min(wanted, end - half));
}

}  // namespace

void addTitle(Layout& out, TextShaper& shaper, const FigureStyle& style, const WrappedText& title, const Rect& inner) {
  if (title.shortened) warnOfShortened(out, "the title");
  float y = style.margin;
  for (const std::string& line : title.lines) {
    const float half = shaper.measure(line, style.titleSize).width / 2;
    const float x = kept(inner.x + inner.w / 2, half, style.margin, static_cast<float>(out.list.width) - style.margin);
    addText(out, {line, x, y, style.titleSize, HAlign::Center, VAlign::Top, 0, style.ink});
    y += style.line(style.titleSize);
  }
}

void addXLabel(Layout& out, TextShaper& shaper, const FigureStyle& style, const std::string& label, const Rect& inner,
               float bottom) {
  const float width = static_cast<float>(out.list.width) - 2 * style.margin;
  const std::string text = fitted(out, shaper, label, style.labelSize, width, "the x label");
  const float half = shaper.measure(text, style.labelSize).width / 2;
  const float x = kept(inner.x + inner.w / 2, half, style.margin, style.margin + width);
  addText(out, {text, x, bottom, style.labelSize, HAlign::Center, VAlign::Bottom, 0, style.ink});
}

void addYLabel(Layout& out, TextShaper& shaper, const FigureStyle& style, const std::string& label, const Rect& inner,
               float right, const Rect& span) {
  const std::string text = fitted(out, shaper, label, style.labelSize, span.h, "the y label");
  const float half = shaper.measure(text, style.labelSize).width / 2;
  const float y = kept(inner.y + inner.h / 2, half, span.y, span.bottom());
  addText(out, {text, right, y, style.labelSize, HAlign::Center, VAlign::Bottom, 90, style.ink});
}

void addFoot(Layout& out, const FigureStyle& style, const WrappedText& foot) {
  if (foot.shortened) warnOfShortened(out, "the parameter line");
  float y = static_cast<float>(out.list.height) - style.margin - foot.height(style, style.noteSize);
  for (const std::string& line : foot.lines) {
    addText(out, {line, style.margin, y, style.noteSize, HAlign::Left, VAlign::Top, 0, style.note});
    y += style.line(style.noteSize);
  }
}

}  // namespace divlens
