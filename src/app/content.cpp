#include "app/content.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <tuple>

#include "app/describe.h"
#include "divergence/onset.h"
#include "dump/escape.h"
#include "error.h"
#include "figure/axis_scale.h"
#include "figure/cell_rule.h"
#include "figure/grid_percentiles.h"
#include "figure/ticks.h"
#include "shaders/kernels.h"

namespace divlens {
namespace {

constexpr const char* kSequentialMap = "viridis";
constexpr const char* kDivergingMap = "RdBu_r";

/// Differences and metrics of both signs: their colours stand around 0.
bool takesBothSigns(const ResultPanel& panel) {
  return panel.minus || (panel.metric && std::string_view(panel.metric->metric->name) == "entropy-difference");
}

bool centers(const FigureOptions& options) {
  return options.center || options.norm == "centered" || options.norm == "two-slope";
}

/// Cells that are hidden or masked count for nothing.
CellSummary summary(const Session& session, const ShownCells& cells, const std::vector<int64_t>& panels,
                    const FigureOptions& options) {
  CellSummary out;
  DataRange& range = out.range;
  const CellRule hidden = parseCellRule(options.mask, "--mask");
  const auto add = [&](std::span<const float> part) {
    for (const float v : part) {
      if (std::bit_cast<uint32_t>(v) == kernels::kMaskedBits || hidden.picks(v)) continue;
      out.bad = out.bad || std::isnan(v);
      out.inf = out.inf || std::isinf(v);
      if (!std::isfinite(v)) continue;
      range.min = range.cells == 0 ? double(v) : std::min(range.min, double(v));
      range.max = range.cells == 0 ? double(v) : std::max(range.max, double(v));
      out.notPositive += v <= 0 ? 1 : 0;
      if (v > 0) range.minPositive = range.minPositive == 0 ? double(v) : std::min(range.minPositive, double(v));
      ++range.cells;
    }
  };
  for (const int64_t panel : panels) cells.each(size_t(panel), add);
  auto found = std::make_shared<GridPercentiles>(*session.context, session.result->grid, panels, hidden);
  range.percentiles = [found](std::span<const double> percents) { return found->at(percents); };
  return out;
}

void checkScaledAxes(const FigureOptions& options, const Plan& plan) {
  for (const std::string& text : options.axisScale) {
    const std::string axis = text.substr(0, text.find('='));
    if (axis == plan.rows.name || axis == plan.columns.name) continue;
    throw Error(Exit::Usage,
                fmt::format("--axis-scale {}: the figure has no axis '{}'; its axes are {} and {}", escaped(text),
                            escaped(axis), escaped(plan.rows.name), escaped(plan.columns.name)));
  }
}

FigureAxis figureAxis(const PlanAxis& axis, const FigureOptions& options, const std::string& limits,
                      const char* option) {
  FigureAxis out{.name = axis.name, .count = int64_t(axis.positions.size())};
  // Positions that count from 0 need no words: there may be millions.
  const bool stands = axis.labels.empty() && axis.coordinates.size() == axis.positions.size();
  bool counts = axis.labels.empty() && !stands;
  for (size_t i = 0; counts && i < axis.positions.size(); ++i) counts = axis.positions[i] == int64_t(i);
  for (size_t i = 0; !counts && i < axis.positions.size(); ++i)
    out.labels.push_back(stands ? fmt::format("{}", axis.coordinates[i]) : axis.label(i));
  for (size_t i = 1; i < axis.groups.size(); ++i)
    if (axis.groups[i] != axis.groups[i - 1]) out.breaks.push_back(int64_t(i));
  const std::string scale = axisScale(options, axis.name);
  std::vector<double> coordinates = axis.coordinates;
  if (coordinates.empty() && scale != "category") {
    coordinates = labelCoordinates(out.labels);
    for (size_t i = 0; counts && i < axis.positions.size(); ++i) coordinates.push_back(double(i));
  }
  out.edges = cellEdges(coordinates, scale, axis.name);
  out.places = cellPlaces(coordinates, scale, axis.name);
  std::tie(out.begin, out.end) = visibleRange(limits, option, out.count);
  // One column of values needs neither a tick nor a name.
  if (axis.name == "value" && out.count == 1) out.labels = {" "}, out.name = "";
  return out;
}

/// Which panels share colours: those of one metric, differences apart from the others, unless --share-scale or
/// --no-share-scale says otherwise.
std::vector<int> scalesOfPanels(const Result& result, const FigureOptions& options) {
  std::vector<int> scales;
  std::vector<std::pair<const MetricUse*, bool>> seen;
  for (size_t panel = 0; panel < result.panels.size(); ++panel) {
    const std::pair kind(result.panels[panel].metric, result.panels[panel].minus.has_value());
    const auto found = std::find(seen.begin(), seen.end(), kind);
    const auto number = int(found - seen.begin());
    if (found == seen.end()) seen.push_back(kind);
    scales.push_back(options.shareScale ? (*options.shareScale ? 0 : int(panel)) : number);
  }
  return scales;
}

}  // namespace

Marginals marginalsOf(const ShownCells& cells, size_t panel, size_t columns, const CellRule& hidden,
                      std::optional<double> threshold) {
  struct Mean {
    double sum = 0;
    size_t count = 0;
    float value() const { return count ? float(sum / double(count)) : std::numeric_limits<float>::quiet_NaN(); }
  };
  std::vector<Mean> down, across(columns);
  cells.each(panel, [&](std::span<const float> part) {
    for (size_t i = 0; i < part.size(); ++i) {
      if (i % columns == 0) down.emplace_back();
      const bool counts = threshold ? !std::isnan(part[i]) : std::isfinite(part[i]);
      if (!counts || hidden.picks(part[i])) continue;
      for (Mean* mean : {&down.back(), &across[i % columns]}) {
        mean->sum += !threshold ? double(part[i]) : double(part[i]) >= *threshold ? 1.0 : 0.0;
        ++mean->count;
      }
    }
  });
  Marginals out;
  for (const Mean& mean : down) out.rows.push_back(mean.value());
  for (const Mean& mean : across) out.columns.push_back(mean.value());
  return out;
}

std::pair<double, double> visibleRange(const std::string& text, const char* option, int64_t count) {
  if (text.empty()) return {0, 0};
  const size_t comma = text.find(',');
  const double begin = parseNumber(text.substr(0, comma), option);
  const double end = comma == text.npos ? begin : parseNumber(text.substr(comma + 1), option);
  if (begin < 0 || !(end > begin))
    throw Error(Exit::Usage, fmt::format("{} {}: give BEGIN,END with 0 ≤ BEGIN < END", option, escaped(text)));
  if (count > 0 && end > double(count))
    throw Error(Exit::Usage, fmt::format("{} {}: the axis ends at {}", option, escaped(text), count));
  return {begin, end};
}

std::vector<CellSummary> summarise(const Session& session, const ShownCells& cells, const FigureOptions& options) {
  const std::vector<int> scaleOf = scalesOfPanels(*session.result, options);
  std::vector<CellSummary> out;
  for (int scale = 0; scale <= *std::max_element(scaleOf.begin(), scaleOf.end()); ++scale) {
    std::vector<int64_t> panels;
    for (size_t panel = 0; panel < cells.panels(); ++panel)
      if (scaleOf[panel] == scale) panels.push_back(int64_t(panel));
    out.push_back(summary(session, cells, panels, options));
  }
  return out;
}

std::vector<ColorScale> colorScales(const Session& session, const FigureOptions& options,
                                    const std::vector<CellSummary>& summaries) {
  const std::vector<ResultPanel>& panels = session.result->panels;
  const std::vector<int> scaleOf = scalesOfPanels(*session.result, options);
  std::vector<ColorScale> out;
  for (size_t scale = 0; scale < summaries.size(); ++scale) {
    const ResultPanel* first = nullptr;
    bool mixed = false;
    for (size_t panel = 0; panel < panels.size(); ++panel) {
      if (scaleOf[panel] != int(scale)) continue;
      if (!first) first = &panels[panel];
      mixed = mixed || panels[panel].metric != first->metric;
    }
    const CellSummary& data = summaries[scale];
    const bool bothSigns = takesBothSigns(*first);
    FigureOptions ownOptions = options;
    if (bothSigns && !options.center && options.norm == "linear") ownOptions.center = 0;
    const bool diverging = bothSigns || centers(options);
    // Differences beside what they are differences of: the range and map that were asked for are the others'.
    const bool beside =
        first->minus && std::any_of(panels.begin(), panels.end(), [](const auto& p) { return !p.minus; });
    if (beside) {
      ownOptions.vmin = ownOptions.vmax = ownOptions.center = ownOptions.linthresh = ownOptions.gamma = {};
      ownOptions.norm = "centered";
      ownOptions.cmap = "";
    }
    ColorScale colors{
        .label = (first->minus ? "difference of " : "") + colorbarLabel(session, mixed ? nullptr : first->metric),
        .norm = makeNorm(ownOptions, data.range),
        .extend = {},
        .colors = cellColors(ownOptions, diverging ? kDivergingMap : kSequentialMap),
        .aggregate = parseAggregate(options.aggregate, diverging ? Aggregate::Extreme : Aggregate::Max),
        .center = float(options.center.value_or(0)),
        .hasBad = data.bad,
        .hasInf = data.inf};
    if (colors.norm.params.kind == kNormLog) colors.notPositive = data.notPositive;
    colors.extend = makeExtend(ownOptions, colors.norm, data.range);
    out.push_back(std::move(colors));
  }
  return out;
}

void setOnsets(FigureContent& content, const Session& session, const ShownCells& cells, const Settings& settings) {
  const FigureOptions& options = settings.figure;
  const Plan& plan = session.plan;
  content.parameters = parameterLine(session, settings.plan);
  if (options.ciMask && plan.confidence > 0)
    content.parameters = fmt::format("blank: the {} % interval includes {} · {}", 100 * plan.confidence,
                                     *options.ciMask, content.parameters);
  content.onsets.clear();
  if (settings.plan.onset.empty()) return;
  const Threshold threshold = parseThreshold(settings.plan.onset, "--onset");
  content.onsetDown = onsetDown(plan);
  for (size_t panel = 0; panel < cells.panels(); ++panel) {
    const Onset onset = findOnset(plan, session.whole.empty() ? cells.all(panel) : session.whole[panel], threshold,
                                  settings.plan.persist);
    content.onsets.push_back(onsetEdges(plan, onset));
  }
}

FigureContent figureContent(const Session& session, const ShownCells& cells, const Settings& settings,
                            const std::vector<CellSummary>& summaries) {
  const FigureOptions& options = settings.figure;
  FigureContent content;
  checkScaledAxes(options, session.plan);
  content.rows = figureAxis(session.plan.rows, options, options.ylim, "--ylim");
  content.columns = figureAxis(session.plan.columns, options, options.xlim, "--xlim");
  content.panels.clear();
  if (!options.panelLabels.empty())
    content.panels = parseLabels(options.panelLabels, "--panel-labels", int64_t(cells.panels()));
  else
    for (size_t panel = 0; panel < cells.panels(); ++panel) content.panels.push_back(panelLabel(session, panel));
  content.title = session.dump.title;
  setOnsets(content, session, cells, settings);
  content.scaleOf = scalesOfPanels(*session.result, options);
  content.scales = colorScales(session, options, summaries);
  const bool any = std::any_of(summaries.begin(), summaries.end(), [](const auto& s) { return s.range.cells > 0; });
  if (!any) content.message = "no finite values";
  content.cell = [cells](int panel, int64_t row, int64_t column) { return cells.at(size_t(panel), row, column); };
  if (!options.marginals.empty()) {
    const CellRule hidden = parseCellRule(options.mask, "--mask");
    const bool shares = options.marginals == "beyond";
    for (size_t panel = 0; panel < cells.panels(); ++panel)
      content.marginals.push_back(
          marginalsOf(cells, panel, size_t(content.columns.count), hidden, shares ? options.threshold : std::nullopt));
    content.parameters += shares ? fmt::format(" · bars: shares of cells of {} or more", *options.threshold)
                                 : std::string(" · bars: means of rows and columns");
  }
  return content;
}

}  // namespace divlens
