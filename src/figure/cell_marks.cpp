#include "figure/cell_marks.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "dump/escape.h"
#include "error.h"
#include "figure/cell_plane.h"
#include "figure/figure_texts.h"
#include "figure/number_format.h"
#include "figure/onset_line.h"
#include "figure/threshold_line.h"
#include "suggest.h"

namespace divlens {
namespace {

constexpr int64_t kMostAnnotated = 20000;

// seaborn's choice: dark on what has more than 0.408 of white's relative luminance (WCAG 2), over the background.
Color contrasting(Color cell, Color background) {
  const auto linear = [&](uint8_t top, uint8_t below) {
    const double v = (top * cell.a + below * (255 - cell.a)) / 65025.0;
    return v <= 0.03928 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
  };
  const double luminance = 0.2126 * linear(cell.r, background.r) + 0.7152 * linear(cell.g, background.g) +
                           0.0722 * linear(cell.b, background.b);
  return luminance > 0.408 ? Color{38, 38, 38} : Color{255, 255, 255};
}

constexpr float kLineHeight = 1.1f;

bool tooMany(const CellPlane& plane) {
  return (plane.endRow() - plane.firstRow()) * (plane.endColumn() - plane.firstColumn()) > kMostAnnotated;
}

/// What stands in the visible cells: texts of full size in their middle, in a colour that can be read.
struct CellTexts {
  std::vector<Text> texts;
  double wide = 1e9, high = 1e9;  ///< of the smallest cell that has a text
  bool crowded = false;           ///< some cells are too small to have one
};

/// Cells smaller than `least` pixels have no text, as NaN cells; --axis-scale makes such beside large ones.
template <typename TextOf>
CellTexts textsOfCells(const CellMarkParts& parts, const HeatmapArea& area, float least, const TextOf& textOf) {
  const CellPlane plane(area, parts.content);
  CellTexts out;
  for (int64_t r = plane.firstRow(); r < plane.endRow(); ++r)
    for (int64_t c = plane.firstColumn(); c < plane.endColumn(); ++c) {
      const float v = plane.value(r, c);
      const double x = plane.x(double(c) + 0.5), y = plane.y(double(r) + 0.5);
      const bool visible = x > area.rect.x && x < area.rect.right() && y > area.rect.y && y < area.rect.bottom();
      if (std::isnan(v) || !visible) continue;
      const double wide = plane.x(double(c + 1)) - plane.x(double(c));
      const double high = std::abs(plane.y(double(r + 1)) - plane.y(double(r)));
      if (wide < 1.5 * double(least) || high < double(least * kLineHeight)) {
        out.crowded = true;
        continue;
      }
      out.wide = std::min(out.wide, wide);
      out.high = std::min(out.high, high);
      const Color color = contrasting(cellColor(parts.content.scales[size_t(area.scale)], v), parts.style.background);
      out.texts.push_back(
          {textOf(r, c, v), float(x), float(y), parts.style.tickSize, HAlign::Center, VAlign::Middle, 0, color});
    }
  return out;
}

float widestOf(const std::vector<Text>& texts, TextShaper& shaper) {
  float widest = 1;
  for (const Text& text : texts) widest = std::max(widest, shaper.measure(text.utf8, text.sizePx).width);
  return widest;
}

void annotate(Layout& out, const CellMarkParts& parts, const HeatmapArea& area) {
  const NumberFormat format(parts.options.fmt, "--fmt");
  const auto tooSmall = [&] {
    warnOnce(out, "--annot: the cells are too small for their values; enlarge --figsize or shorten --fmt");
  };
  const float least = parts.style.px(4), full = parts.style.tickSize;
  if (tooMany(CellPlane(area, parts.content))) return tooSmall();
  CellTexts found = textsOfCells(parts, area, least, [&](int64_t, int64_t, float v) { return format(v); });
  if (found.crowded && found.texts.empty()) return tooSmall();
  const double shrink = std::min(
      {1.0, 0.92 * found.wide / double(widestOf(found.texts, parts.shaper)), found.high / double(full * kLineHeight)});
  const float size = float(double(full) * shrink);
  if (size < least) return tooSmall();
  if (found.crowded) warnOnce(out, "--annot: some cells are too small for their values; enlarge --figsize");
  warnOfSmallText(out, parts.style, size, "--annot: text");
  for (Text& text : found.texts) {
    text.sizePx = size;
    out.list.items.emplace_back(std::move(text));
  }
}

// The few longest tokens are elided rather than all of them made small.
void addTokens(Layout& out, const CellMarkParts& parts, const HeatmapArea& area) {
  if (!parts.content.token) return warnOnce(out, "--annot top1: tokens stand in files alone; save the figure");
  const auto tooSmall = [&] {
    warnOnce(out, "--annot top1: the cells are too small for their tokens; enlarge --figsize");
  };
  const float full = parts.style.tickSize, least = std::min(full, parts.style.px(5));
  if (tooMany(CellPlane(area, parts.content))) return tooSmall();
  CellTexts found = textsOfCells(parts, area, least,
                                 [&](int64_t r, int64_t c, float) { return parts.content.token(area.panel, r, c); });
  if (found.crowded) tooSmall();
  std::erase_if(found.texts, [](const Text& text) { return text.utf8.empty(); });
  const double high = found.high / double(kLineHeight), wide = 0.92 * found.wide;
  std::vector<float> widths{1};
  for (const Text& text : found.texts) widths.push_back(parts.shaper.measure(text.utf8, full).width);
  std::sort(widths.begin(), widths.end());
  const double fitting = double(full) * wide / double(widths[(widths.size() - 1) * 9 / 10]);
  const auto size = float(std::min(high, std::clamp(fitting, double(least), double(full))));
  if (fitting < double(least))
    warnOnce(out,
             "--annot top1: the cells are too narrow for many of their tokens, which are elided; enlarge --figsize");
  for (Text& text : found.texts) {
    text.sizePx = size;
    text.utf8 = parts.shaper.elide(text.utf8, size, float(1.03 * wide));  // what just fits, stays
    out.list.items.emplace_back(std::move(text));
  }
}

[[noreturn]] void malformedMark(const std::string& text) {
  throw Error(Exit::Usage, fmt::format("--mark '{}': give AXIS=ENTRY,AXIS=ENTRY, say layer=3,token=7", escaped(text)));
}

struct MarkPart {
  std::string axis, entry;
};

std::vector<MarkPart> parseMark(const std::string& text) {
  std::vector<MarkPart> out;
  for (size_t start = 0; start <= text.size();) {
    const size_t comma = std::min(text.find(',', start), text.size());
    const std::string item = text.substr(start, comma - start);
    const size_t equals = item.find('=');
    if (equals == item.npos || equals == 0 || equals + 1 == item.size() || out.size() == 2) malformedMark(text);
    out.push_back({item.substr(0, equals), item.substr(equals + 1)});
    start = comma + 1;
  }
  return out;
}

// A label, else a position, counted from the end where it is negative.
int64_t entryOf(const FigureAxis& axis, const MarkPart& part) {
  const auto label = std::find(axis.labels.begin(), axis.labels.end(), part.entry);
  if (label != axis.labels.end()) return label - axis.labels.begin();
  int64_t at = 0;
  const char* const end = part.entry.data() + part.entry.size();
  const auto read = std::from_chars(part.entry.data(), end, at);
  if (read.ec == std::errc() && read.ptr == end && at >= -axis.count && at < axis.count)
    return at < 0 ? at + axis.count : at;
  throw Error(Exit::Usage, fmt::format("--mark {}={}: no such entry{}; it has {} entries", axis.name,
                                       escaped(part.entry), didYouMean(part.entry, axis.labels), axis.count));
}

void mark(Layout& out, const CellMarkParts& parts, const HeatmapArea& area, const std::string& text) {
  const FigureAxis &rows = parts.content.rows, &columns = parts.content.columns;
  int64_t r0 = 0, r1 = rows.count, c0 = 0, c1 = columns.count;
  for (const MarkPart& part : parseMark(text)) {
    if (part.axis == rows.name)
      r0 = entryOf(rows, part), r1 = r0 + 1;
    else if (part.axis == columns.name)
      c0 = entryOf(columns, part), c1 = c0 + 1;
    else
      throw Error(Exit::Usage, fmt::format("--mark {}: no such axis in the figure; it has {} and {}",
                                           escaped(part.axis), rows.name, columns.name));
  }
  const CellPlane plane(area, parts.content);
  const double left = plane.x(double(c0)), right = plane.x(double(c1));
  const double top = plane.y(double(r0)), bottom = plane.y(double(r1));
  Outlines outlines(area, parts.style.px(1.4));
  outlines.line(left, top, right, top);
  outlines.line(left, bottom, right, bottom);
  outlines.line(left, top, left, bottom);
  outlines.line(right, top, right, bottom);
  outlines.draw(out.list);
}

}  // namespace

Color cellColor(const ColorScale& scale, float v) {
  switch (normClass(scale.norm.params, v)) {
    case kCellBad:
      return scale.colors.bad;
    case kCellInf:
      return scale.colors.inf;
    case kCellUnder:
      return scale.colors.under;
    case kCellOver:
      return scale.colors.over;
    default:
      return scale.colors.table[size_t(scale.norm.index(v))];
  }
}

void addCellMarks(Layout& out, const CellMarkParts& parts, const HeatmapArea& area) {
  if (!parts.content.message.empty()) {
    const Color color = contrasting(parts.content.scales[size_t(area.scale)].colors.bad, parts.style.background);
    const std::string text =
        fitted(out, parts.shaper, parts.content.message, parts.style.labelSize, area.rect.w, "the message");
    out.list.items.push_back(Text{text, area.rect.x + area.rect.w / 2, area.rect.y + area.rect.h / 2,
                                  parts.style.labelSize, HAlign::Center, VAlign::Middle, 0, color});
  }
  if (parts.options.annot == "top1")
    addTokens(out, parts, area);
  else if (!parts.options.annot.empty() && parts.content.cell)
    annotate(out, parts, area);
  if (parts.options.threshold && parts.content.cell) addThresholdLine(out, parts, area);
  addOnsetLine(out, parts, area);
  for (const std::string& text : parts.options.marks) mark(out, parts, area, text);
}

void checkCellMarks(const FigureOptions& options) {
  [[maybe_unused]] const NumberFormat checked(options.fmt, "--fmt");
  parseCellRule(options.mask, "--mask");
  parseAggregate(options.aggregate, Aggregate::Max);
  parseCellRule(options.dim, "--dim");
  for (const std::string& text : options.marks) parseMark(text);
}

}  // namespace divlens
