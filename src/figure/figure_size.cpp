// How large a figure is: as --figsize and --dpi say, or so that the grid's cells come out well.
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "dump/escape.h"
#include "error.h"
#include "figure/layout.h"
#include "figure/panel_grid.h"

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
};

Inches defaultSize(const FigureOptions& options, const FigureContent& content) {
  constexpr double kCell = 0.22, kLetter = 0.065;
  const PanelGrid grid = panelGrid(content);
  double width = std::clamp(kCell * static_cast<double>(content.columns.count), 2.2, 5.4);
  double height = std::clamp(kCell * static_cast<double>(content.rows.count), 0.95, 4.6);
  if (grid.columns > 1) width = std::max(1.6, std::min(width, 9.0 / grid.columns));
  if (grid.rows > 1) height = std::max(0.8, std::min(height, 9.0 / grid.rows));
  const bool titled = !options.title.empty() || !content.title.empty();
  const double columnLabel = kLetter * static_cast<double>(longestLabel(content.columns));
  const bool turned =
      !content.columns.labels.empty() && columnLabel * static_cast<double>(content.columns.count) > width;
  const double left = 0.35 + kLetter * static_cast<double>(longestLabel(content.rows));
  const double right = options.cbar ? 0.85 : 0.15;
  const double bottom = 0.4 + (turned ? columnLabel : 0.1) + (content.parameters.empty() ? 0 : 0.2);
  const double top = 0.12 + (titled ? 0.22 : 0);
  return {left + width * grid.columns + 0.2 * (grid.columns - 1) + right,
          top + height * grid.rows + 0.3 * (grid.rows - 1) + bottom};
}

}  // namespace

PixelSize figureSize(const FigureOptions& options, const FigureContent& content) {
  if (!std::isfinite(options.dpi) || options.dpi < 10 || options.dpi > 4800)
    throw Error(Exit::Usage, fmt::format("--dpi {}: give 10 to 4800", options.dpi));
  if (options.figsize.empty()) {
    const Inches size = defaultSize(options, content);
    return {pixels(size.width, kUnits[0], options), pixels(size.height, kUnits[0], options)};
  }
  double width = 0, height = 0;
  const LengthUnit *widthUnit = nullptr, *heightUnit = nullptr;
  std::string_view rest = readLength(options.figsize, options.figsize, width, widthUnit);
  if (!rest.starts_with(',')) malformed(options.figsize);
  rest = readLength(rest.substr(1), options.figsize, height, heightUnit);
  if (!rest.empty()) malformed(options.figsize);
  // One unit at the end holds for both.
  if (!heightUnit) heightUnit = widthUnit ? widthUnit : &kUnits[0];
  if (!widthUnit) widthUnit = heightUnit;
  return {pixels(width, *widthUnit, options), pixels(height, *heightUnit, options)};
}

}  // namespace divlens
