#include "app/picture.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "app/describe.h"
#include "dump/escape.h"
#include "error.h"
#include "figure/axis_scale.h"
#include "figure/cell_image.h"
#include "figure/cell_marks.h"
#include "figure/layout.h"
#include "figure/overlay.h"
#include "figure/png.h"
#include "figure/vector_painter.h"
#include "shaders/kernels.h"
#include "suggest.h"

namespace divlens {
namespace {

constexpr const char* kSequentialMap = "viridis";
constexpr const char* kDivergingMap = "RdBu_r";
constexpr double kVectorDpi = 300;
constexpr int64_t kMostRectangles = 10000;

/// Metrics that take both signs look best on a diverging map.
const char* defaultMap(const ResultPanel& panel, const FigureOptions& options) {
  const bool signedMetric = panel.metric && std::string_view(panel.metric->metric->name) == "entropy-difference";
  const bool centered = options.center || options.norm == "centered" || options.norm == "two-slope";
  return signedMetric || centered ? kDivergingMap : kSequentialMap;
}

/// What the shown cells of some panels hold: their range and which special cells there are.
struct CellSummary {
  DataRange range;
  bool bad = false, inf = false;
};

/// Cells that are hidden or masked count for nothing; finite ones are sorted where percentiles are asked for.
CellSummary summary(const Cells& cells, const std::vector<size_t>& panels, const FigureOptions& options) {
  CellSummary out;
  DataRange& range = out.range;
  const CellRule hidden = parseCellRule(options.mask, "--mask");
  const bool percentiles = !options.robust.empty();
  auto finite = std::make_shared<std::vector<float>>();
  for (const size_t panel : panels)
    for (const float v : cells[panel]) {
      if (std::bit_cast<uint32_t>(v) == kernels::kMaskedBits || hidden.picks(v)) continue;
      out.bad = out.bad || std::isnan(v);
      out.inf = out.inf || std::isinf(v);
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
  return out;
}

FigureAxis figureAxis(const PlanAxis& axis, const FigureOptions& options) {
  FigureAxis out{.name = axis.name, .count = int64_t(axis.positions.size())};
  for (size_t i = 0; i < axis.positions.size(); ++i) out.labels.push_back(axis.label(i));
  const std::string scale = axisScale(options, axis.name);
  out.edges = cellEdges(axis.coordinates.empty() ? labelCoordinates(out.labels) : axis.coordinates, scale, axis.name);
  // One column of values needs neither a tick nor a name.
  if (axis.name == "value" && out.count == 1) out.labels = {" "}, out.name = "";
  return out;
}

/// Which panels share colours: those of one metric, unless --share-scale or --no-share-scale says otherwise.
std::vector<int> scalesOfPanels(const Result& result, const FigureOptions& options) {
  std::vector<int> scales;
  std::vector<const MetricUse*> seen;
  for (size_t panel = 0; panel < result.panels.size(); ++panel) {
    const MetricUse* metric = result.panels[panel].metric;
    const auto found = std::find(seen.begin(), seen.end(), metric);
    const auto number = int(found - seen.begin());
    if (found == seen.end()) seen.push_back(metric);
    scales.push_back(options.shareScale ? (*options.shareScale ? 0 : int(panel)) : number);
  }
  return scales;
}

FigureContent figureContent(const Session& session, const Cells& cells, const Settings& settings) {
  const FigureOptions& options = settings.figure;
  const Result& result = *session.result;
  FigureContent content;
  content.rows = figureAxis(session.plan.rows, options);
  content.columns = figureAxis(session.plan.columns, options);
  content.panels.clear();
  for (size_t panel = 0; panel < cells.size(); ++panel) content.panels.push_back(panelLabel(session, panel));
  content.title = session.dump.title;
  content.parameters = parameterLine(session);
  content.scaleOf = scalesOfPanels(result, options);
  content.scales.clear();
  int64_t finite = 0;
  for (int scale = 0; scale <= *std::max_element(content.scaleOf.begin(), content.scaleOf.end()); ++scale) {
    std::vector<size_t> panels;
    for (size_t panel = 0; panel < cells.size(); ++panel)
      if (content.scaleOf[panel] == scale) panels.push_back(panel);
    const ResultPanel& first = result.panels[panels.front()];
    const bool mixed = std::any_of(panels.begin(), panels.end(),
                                   [&](size_t panel) { return result.panels[panel].metric != first.metric; });
    const CellSummary data = summary(cells, panels, options);
    finite += data.range.cells;
    ColorScale out{.label = colorbarLabel(session, mixed ? nullptr : first.metric),
                   .norm = makeNorm(options, data.range),
                   .extend = {},
                   .colors = cellColors(options, defaultMap(first, options)),
                   .hasBad = data.bad,
                   .hasInf = data.inf};
    out.extend = makeExtend(options, out.norm, data.range);
    content.scales.push_back(std::move(out));
  }
  if (finite == 0) content.message = "no finite values";
  content.cell = [&cells, columns = content.columns.count](int panel, int64_t row, int64_t column) {
    return cells[size_t(panel)][size_t(row * columns + column)];
  };
  return content;
}

/// Layout in finer pixels than asked for: positions in a PDF or SVG are whole pixels of the layout.
Layout fineLayout(FigureOptions options, const FigureContent& content, TextShaper& shaper) {
  PixelSize size = figureSize(options, content);
  const int finer = std::max(1, int(std::ceil(kVectorDpi / options.dpi)));
  options.dpi *= finer;
  return layoutFigure(options, content, shaper, {size.width * finer, size.height * finer});
}

std::vector<uint8_t> vectorPicture(const Session& session, const FigureContent& content, const Layout& layout,
                                   TextShaper& shaper, const Settings& settings, Writer writer) {
  const Grid& grid = session.result->grid;
  const FigureOptions& options = settings.figure;
  const auto metadata = pictureMetadata(session, settings);
  const bool equal = content.rows.edges.empty() && content.columns.edges.empty();
  const bool few = equal && grid.rows() * grid.columns() <= kMostRectangles;
  if (options.cells == "vector" && !few)
    say(settings, fmt::format("warning: --cells vector: only for {} cells at most and not with --axis-scale; they are "
                              "drawn as an image",
                              kMostRectangles));
  const VectorParts parts{
      .shaper = shaper,
      .scales = content.scales,
      .cells = [&](const HeatmapArea& area) { return drawCells(*session.context, grid, content.scales, area); },
      .metadata = metadata,
      .rectangles = options.cells == "vector" && few};
  if (writer == Writer::Pdf) return paintVector(VectorFormat::Pdf, layout.list, parts);
  return options.svgText == "path" ? paintVector(VectorFormat::Svg, layout.list, parts) : paintSvg(layout.list, parts);
}

std::vector<uint8_t> pngPicture(const Session& session, const FigureContent& content, const Layout& layout,
                                TextShaper& shaper, const Settings& settings) {
  const DisplayList& list = layout.list;
  const std::vector<uint8_t> pixels =
      drawOffscreen(*session.context, list, shaper, session.result->grid, content.scales);
  PngHeader header{.width = list.width, .height = list.height, .channels = 4, .dpi = list.dpi, .text = {}};
  for (auto& [key, value] : pictureMetadata(session, settings)) header.text.push_back({key, value});
  return encodePng(header, pixels, size_t(list.width) * 4);
}

void checkChoice(const char* option, const std::string& value, const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return;
  throw Error(Exit::Usage, fmt::format("{} {}: no such choice{}; there are {}", option, escaped(value),
                                       didYouMean(value, choices), listed(choices)));
}

}  // namespace

void checkFigureOptions(const Settings& settings) {
  const FigureOptions& options = settings.figure;
  cellColors(options, kSequentialMap);
  makeNorm(options,
           {.cells = 2, .min = 0.25, .max = 0.75, .minPositive = 0.25, .percentile = [](double p) { return p / 100; }});
  figureSize(options, {.rows = {.count = 1}, .columns = {.count = 1}});
  checkCellMarks(options);
  axisScale(options, "");
  checkChoice("--cells", options.cells, {"auto", "image", "vector"});
  checkChoice("--svg-text", options.svgText, {"text", "path"});
  checkChoice("--origin", options.origin, {"upper", "lower"});
}

std::vector<uint8_t> renderPicture(const Session& session, const Cells& cells, const Settings& settings,
                                   Writer writer) {
  const FigureContent content = figureContent(session, cells, settings);
  TextShaper shaper;
  const bool png = writer == Writer::Png;
  const Layout layout = png ? layoutFigure(settings.figure, content, shaper, figureSize(settings.figure, content))
                            : fineLayout(settings.figure, content, shaper);
  for (const std::string& warning : layout.warnings) say(settings, "warning: " + warning);
  if (!content.message.empty()) say(settings, "warning: " + content.message + " in this figure");
  std::vector<uint8_t> bytes = png ? pngPicture(session, content, layout, shaper, settings)
                                   : vectorPicture(session, content, layout, shaper, settings, writer);
  const std::vector<std::string> missing = shaper.missingCharacters();
  if (!missing.empty())
    say(settings,
        fmt::format("warning: no font here has {}; install one (Debian: fonts-noto)", fmt::join(missing, ", ")));
  return bytes;
}

}  // namespace divlens
