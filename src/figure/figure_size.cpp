// How large a figure is: as --figsize and --dpi say, or so that the grid's cells come out well.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "dump/escape.h"
#include "error.h"
#include "figure/figure_style.h"
#include "figure/layout.h"
#include "figure/marginals.h"
#include "figure/panel_grid.h"
#include "suggest.h"

namespace divlens {
namespace {

struct LengthUnit {
  const char* name;
  double inches;  ///< 0: pixels
};
constexpr LengthUnit kUnits[] = {{"in", 1}, {"cm", 1 / 2.54}, {"mm", 1 / 25.4}, {"pt", 1 / 72.0}, {"px", 0}};

[[noreturn]] void malformed(const std::string& text) {
  throw Error(
      Exit::Usage,
      fmt::format("--figsize {}: give 'WIDTH,HEIGHT' with in, cm, mm, pt or px: 5.5,3 or 84mm,60mm", escaped(text)));
}

// A number with an optional unit; returns what follows.
std::string_view readLength(std::string_view text, const std::string& whole, double& value, const LengthUnit*& unit) {
  const auto number = std::from_chars(text.data(), text.data() + text.size(), value);
  if (number.ec != std::errc() || !std::isfinite(value)) malformed(whole);
  text.remove_prefix(static_cast<size_t>(number.ptr - text.data()));
  for (const LengthUnit& each : kUnits) {
    if (!text.starts_with(each.name)) continue;
    unit = &each;
    text.remove_prefix(2);
  }
  return text;
}

int pixels(double value, const LengthUnit& unit, const FigureOptions& options) {
  const double px = std::round(unit.inches > 0 ? value * unit.inches * options.dpi : value);
  if (px < 1 || px > kMaxFigurePixels)
    throw Error(Exit::Usage, fmt::format("--figsize {} at --dpi {}: {:.6g} pixels; a side has 1 to {} pixels",
                                         options.figsize.empty() ? "by default" : escaped(options.figsize), options.dpi,
                                         px, kMaxFigurePixels));
  return static_cast<int>(px);
}

// Widest label in characters, without looking at more than some thousand.
size_t longestLabel(const FigureAxis& axis) {
  size_t longest = axis.labels.empty() ? std::to_string(axis.count).size() : 0;
  for (size_t i = 0; i < std::min<size_t>(axis.labels.size(), 4096); ++i)
    longest = std::max(longest, axis.labels[i].size());
  return std::min<size_t>(longest, 24);
}

struct Inches {
  double width, height;
  double cells, rows;  ///< width and height of one panel's cells
};

Inches defaultSize(const FigureOptions& options, const FigureContent& content) {
  // Text grows with the style, and with it the room that it needs.
  const double text = FigureStyle(options).points / 9;
  const double cell = 0.22 * std::max(1.0, text), letter = 0.065 * text;
  const bool annot = !options.annot.empty();
  const double wide = annot ? (options.annot == "top1" ? 0.55 : 0.4) * text : cell;  // room for tokens or numbers
  const PanelGrid grid = panelGrid(content);
  const double larger = std::max(1.0, text);
  double width =
      std::clamp(wide * static_cast<double>(content.columns.count), 2.2 * larger, annot ? 12.0 : 5.4 * larger);
  double height = std::clamp(cell * static_cast<double>(content.rows.count), 0.95 * larger, annot ? 9.0 : 4.6 * larger);
  if (grid.columns > 1) width = std::max(1.6, std::min(width, 9.0 / grid.columns));
  if (grid.rows > 1) height = std::max(0.8, std::min(height, 9.0 / grid.rows));
  const bool titled = !options.title.value_or(content.title).empty();
  const double columnLabel = letter * static_cast<double>(longestLabel(content.columns));
  const bool turned =
      !content.columns.labels.empty() && columnLabel * static_cast<double>(content.columns.count) > width;
  const double left = 0.35 * text + letter * static_cast<double>(longestLabel(content.rows));
  int bars = 0;
  for (int column = 0; column < grid.columns; ++column) bars += columnHasBar(content, grid, column) ? 1 : 0;
  const double right = (options.cbar ? 0.85 : 0.15) * text;
  const double bottom =
      (0.4 + (options.note.value_or(content.parameters).empty() ? 0 : 0.2)) * text + (turned ? columnLabel : 0.1);
  const double top = (0.12 + (titled ? 0.22 : 0) + (content.panels.size() > 1 ? 0.15 : 0)) * text;
  const double marginal = double(marginalRoom(options, FigureStyle(options))) / options.dpi;
  return {left + (width + marginal) * grid.columns + 0.2 * (grid.columns - 1) + right * std::max(1, bars),
          top + (height + marginal) * grid.rows + 0.3 * (grid.rows - 1) + bottom, width, height};
}

struct Venue {
  const char* name;
  double column, full;  ///< inches; full 0: the column is all there is
};
constexpr Venue kVenues[] = {{"icml", 3.25, 6.75}, {"neurips", 5.5, 0},   {"iclr", 5.5, 0},
                             {"acl", 3.03, 6.30},  {"cvpr", 3.25, 6.875}, {"aaai", 3.3, 6.975}};

double venueWidth(const std::string& name) {
  std::vector<std::string> names;
  for (const Venue& venue : kVenues) {
    const std::string column = venue.name, full = column + "-full";
    if (name == column) return venue.column;
    if (name == full) return venue.full > 0 ? venue.full : venue.column;
    names.push_back(column);
    if (venue.full > 0) names.push_back(full);
  }
  throw Error(Exit::Usage, fmt::format("--size {}: no such venue{}; there are {}", escaped(name),
                                       didYouMean(name, names), listed(names)));
}

// The venue's width; cells as high as they are wide, within what a column of a paper can bear.
Inches venueSize(const FigureOptions& options, const FigureContent& content) {
  const Inches natural = defaultSize(options, content);
  const PanelGrid grid = panelGrid(content);
  const double width = venueWidth(options.size), text = FigureStyle(options).points / 9;
  const double around = natural.width - grid.columns * natural.cells;
  const double panel = std::max(0.5, (width - around) / grid.columns);
  const double aspect =
      static_cast<double>(content.rows.count) / static_cast<double>(std::max<int64_t>(1, content.columns.count));
  const double high = std::clamp(panel * aspect, 0.8 * text, 1.1 * width);
  return {width, natural.height + grid.rows * (high - natural.rows), 0, 0};
}

}  // namespace

namespace {

void checkDpi(const FigureOptions& options) {
  if (!std::isfinite(options.dpi) || options.dpi < 10 || options.dpi > 4800)
    throw Error(Exit::Usage, fmt::format("--dpi {}: give 10 to 4800", options.dpi));
}

struct Length {
  double value = 0;
  const LengthUnit* unit = nullptr;
  double inches(double dpi) const { return unit->inches > 0 ? value * unit->inches : value / dpi; }
};

struct AskedSize {
  Length width, height;
};

AskedSize figsizeOf(const std::string& text) {
  AskedSize out;
  std::string_view rest = readLength(text, text, out.width.value, out.width.unit);
  if (!rest.starts_with(',')) malformed(text);
  rest = readLength(rest.substr(1), text, out.height.value, out.height.unit);
  if (!rest.empty()) malformed(text);
  // One unit at the end holds for both.
  if (!out.height.unit) out.height.unit = out.width.unit ? out.width.unit : &kUnits[0];
  if (!out.width.unit) out.width.unit = out.height.unit;
  return out;
}

}  // namespace

PixelSize figureSize(const FigureOptions& options, const FigureContent& content) {
  checkDpi(options);
  if (!options.figsize.empty() && !options.size.empty())
    throw Error(Exit::Usage, "--size and --figsize: give one of them");
  if (options.figsize.empty()) {
    const bool venue = !options.size.empty();
    const Inches size = venue ? venueSize(options, content) : defaultSize(options, content);
    PixelSize all{pixels(size.width, kUnits[0], options), pixels(size.height, kUnits[0], options)};
    // A column is not to be overfull by half a pixel.
    if (venue && all.width > size.width * options.dpi && all.width > 1) --all.width;
    return all;
  }
  const AskedSize size = figsizeOf(options.figsize);
  return {pixels(size.width.value, *size.width.unit, options), pixels(size.height.value, *size.height.unit, options)};
}

PageSize pageSize(const FigureOptions& options, const FigureContent& content) {
  const PixelSize whole = figureSize(options, content);
  if (!options.figsize.empty()) {
    const AskedSize size = figsizeOf(options.figsize);
    return {size.width.inches(options.dpi), size.height.inches(options.dpi)};
  }
  const double width = options.size.empty() ? whole.width / options.dpi : venueWidth(options.size);
  return {width, whole.height / options.dpi};
}

}  // namespace divlens
