#include "app/picture.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "app/describe.h"
#include "figure/layout.h"
#include "figure/overlay.h"
#include "figure/png.h"

namespace divlens {
namespace {

constexpr const char* kSequentialMap = "viridis";
constexpr const char* kDivergingMap = "RdBu_r";

/// Metrics that take both signs look best on a diverging map.
const char* defaultMap(const Plan& plan, const FigureOptions& options) {
  const bool signedMetric =
      !plan.metrics.empty() && std::string_view(plan.metrics.front().metric->name) == "entropy-difference";
  const bool centered = options.center || options.norm == "centered" || options.norm == "two-slope";
  return signedMetric || centered ? kDivergingMap : kSequentialMap;
}

/// Finite cells of all panels, sorted where percentiles are asked for.
DataRange dataRange(const Cells& cells, bool percentiles, bool& hasBad, bool& hasInf) {
  DataRange range;
  auto finite = std::make_shared<std::vector<float>>();
  for (const auto& panel : cells)
    for (float v : panel) {
      hasBad = hasBad || std::isnan(v);
      hasInf = hasInf || std::isinf(v);
      if (!std::isfinite(v)) continue;
      range.min = range.cells == 0 ? double(v) : std::min(range.min, double(v));
      range.max = range.cells == 0 ? double(v) : std::max(range.max, double(v));
      if (v > 0) range.minPositive = range.minPositive == 0 ? double(v) : std::min(range.minPositive, double(v));
      ++range.cells;
      if (percentiles) finite->push_back(v);
    }
  std::sort(finite->begin(), finite->end());
  range.percentile = [finite](double p) {
    const double at = p / 100 * double(finite->size() - 1);
    const auto lower = size_t(at);
    const size_t upper = std::min(lower + 1, finite->size() - 1);
    return double((*finite)[lower]) + (double((*finite)[upper]) - double((*finite)[lower])) * (at - double(lower));
  };
  return range;
}

FigureAxis figureAxis(const PlanAxis& axis) {
  FigureAxis out{.name = axis.name, .count = int64_t(axis.positions.size())};
  for (size_t i = 0; i < axis.positions.size(); ++i) out.labels.push_back(axis.label(i));
  // One column of values needs neither a tick nor a name.
  if (axis.name == "value" && out.count == 1) out.labels = {" "}, out.name = "";
  return out;
}

FigureContent figureContent(const Session& session, const Cells& cells, const Settings& settings) {
  FigureContent content;
  content.rows = figureAxis(session.plan.rows);
  content.columns = figureAxis(session.plan.columns);
  content.panels.clear();
  for (size_t panel = 0; panel < cells.size(); ++panel) content.panels.push_back(panelLabel(session, panel));
  content.title = session.dump.title;
  content.colorbarLabel = colorbarLabel(session);
  content.parameters = parameterLine(session);
  const DataRange range = dataRange(cells, !settings.figure.robust.empty(), content.hasBad, content.hasInf);
  content.norm = makeNorm(settings.figure, range);
  content.extend = makeExtend(settings.figure, content.norm, range);
  content.colors = cellColors(settings.figure, defaultMap(session.plan, settings.figure));
  return content;
}

}  // namespace

void checkFigureOptions(const Settings& settings) {
  cellColors(settings.figure, kSequentialMap);
  makeNorm(settings.figure,
           {.cells = 2, .min = 0.25, .max = 0.75, .minPositive = 0.25, .percentile = [](double p) { return p / 100; }});
  figureSize(settings.figure, {.rows = {.count = 1}, .columns = {.count = 1}});
}

std::vector<uint8_t> renderPng(const Session& session, const Cells& cells, const Settings& settings) {
  const FigureContent content = figureContent(session, cells, settings);
  TextShaper shaper;
  const Layout layout = layoutFigure(settings.figure, content, shaper, figureSize(settings.figure, content));
  for (const std::string& warning : layout.warnings) say(settings, "warning: " + warning);
  const std::vector<uint8_t> pixels =
      drawOffscreen(*session.context, layout.list, shaper, session.result->grid, content.norm, content.colors);
  const std::vector<std::string> missing = shaper.missingCharacters();
  if (!missing.empty())
    say(settings,
        fmt::format("warning: no font here has {}; install one (Debian: fonts-noto)", fmt::join(missing, ", ")));
  PngHeader header{
      .width = layout.list.width, .height = layout.list.height, .channels = 4, .dpi = layout.list.dpi, .text = {}};
  for (auto& [key, value] : pictureMetadata(session, settings)) header.text.push_back({key, value});
  return encodePng(header, pixels, size_t(layout.list.width) * 4);
}

}  // namespace divlens
