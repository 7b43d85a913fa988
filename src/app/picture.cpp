#include "app/picture.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "app/content.h"
#include "app/describe.h"
#include "app/top_tokens.h"
#include "dump/escape.h"
#include "error.h"
#include "figure/axis_scale.h"
#include "figure/cell_image.h"
#include "figure/cell_marks.h"
#include "figure/layout.h"
#include "figure/number_format.h"
#include "figure/overlay.h"
#include "figure/png.h"
#include "figure/ticks.h"
#include "figure/vector_painter.h"
#include "suggest.h"

namespace divlens {
namespace {

constexpr const char* kSequentialMap = "viridis";
constexpr double kVectorDpi = 300;
constexpr int64_t kMostRectangles = 10000;

/// Layout in finer pixels than asked for: positions in a PDF or SVG are whole pixels of the layout.
Layout fineLayout(FigureOptions options, const FigureContent& content, TextShaper& shaper) {
  const PageSize page = pageSize(options, content);
  options.dpi *= std::max(1.0, std::ceil(kVectorDpi / options.dpi));
  const auto pixels = [&](double inches) { return std::max(1, int(std::lround(inches * options.dpi))); };
  Layout layout = layoutFigure(options, content, shaper, {pixels(page.width), pixels(page.height)});
  layout.list.page = page;
  return layout;
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
           {.cells = 2, .min = 0.25, .max = 0.75, .minPositive = 0.25, .percentiles = [](std::span<const double> p) {
              return std::vector<double>{p[0] / 100, p[1] / 100};
            }});
  colorbarTicks(options, makeNorm({}, {}), 4);
  for (const auto& [format, option] :
       {std::pair(&options.xtickFmt, "--xtick-fmt"), std::pair(&options.ytickFmt, "--ytick-fmt")})
    if (!format->empty()) {
      [[maybe_unused]] const NumberFormat checked(*format, option, NumberFormat::Of::Labels);
    }
  figureSize(options, {.rows = {.count = 1}, .columns = {.count = 1}});
  checkCellMarks(options);
  axisScale(options, "");
  visibleRange(options.xlim, "--xlim", 0);
  visibleRange(options.ylim, "--ylim", 0);
  if (!options.annot.empty()) checkChoice("--annot", options.annot, {"value", "top1"});
  if (!options.marginals.empty()) checkChoice("--marginals", options.marginals, {"mean", "beyond"});
  if (options.marginals == "beyond" && !options.threshold)
    throw Error(Exit::Usage, "--marginals=beyond counts the cells beyond --threshold; give one");
  if (options.annot == "top1" && settings.dumps.size() > 1)
    throw Error(Exit::Usage, "--annot top1: only for one dump; draw each of them alone");
  checkChoice("--cells", options.cells, {"auto", "image", "vector"});
  checkChoice("--svg-text", options.svgText, {"text", "path"});
  checkChoice("--origin", options.origin, {"upper", "lower"});
}

void Pictures::tell(const std::string& text) {
  if (told_.insert(text).second) say(settings_, text);
}

std::vector<uint8_t> Pictures::vectors(const Layout& layout, TextShaper& shaper, Writer writer) {
  const Grid& grid = session_.result->grid;
  const FigureOptions& options = settings_.figure;
  const auto metadata = pictureMetadata(session_, settings_);
  const bool equal = content_->rows.edges.empty() && content_->columns.edges.empty();
  const bool few = equal && grid.rows() * grid.columns() <= kMostRectangles;
  if (options.cells == "vector" && !few)
    tell(
        fmt::format("warning: --cells vector: only for {} cells at most and not with --axis-scale; they are drawn as "
                    "an image",
                    kMostRectangles));
  const VectorParts parts{
      .shaper = shaper,
      .scales = content_->scales,
      .cells = [&](const HeatmapArea& area) { return drawCells(*session_.context, grid, content_->scales, area); },
      .metadata = metadata,
      .rectangles = options.cells == "vector" && few};
  if (writer == Writer::Pdf) return paintVector(VectorFormat::Pdf, layout.list, parts);
  return options.svgText == "path" ? paintVector(VectorFormat::Svg, layout.list, parts) : paintSvg(layout.list, parts);
}

std::vector<uint8_t> Pictures::png(const Layout& layout, TextShaper& shaper) {
  const DisplayList& list = layout.list;
  const std::vector<uint8_t> pixels =
      drawOffscreen(*session_.context, list, shaper, session_.result->grid, content_->scales);
  PngHeader header{.width = list.width, .height = list.height, .channels = 4, .dpi = list.dpi, .text = {}};
  for (auto& [key, value] : pictureMetadata(session_, settings_)) header.text.push_back({key, value});
  return encodePng(header, pixels, size_t(list.width) * 4);
}

std::vector<uint8_t> Pictures::render(Writer writer) {
  const FigureOptions& options = settings_.figure;
  if (!content_) {
    const ShownCells cells(session_);
    content_ = figureContent(session_, cells, settings_, summarise(session_, cells, options));
    if (options.annot == "top1") content_->token = topTokens(session_.plan, session_.result->panels);
  }
  TextShaper shaper;
  const bool pixels = writer == Writer::Png;
  const Layout layout = pixels ? layoutFigure(options, *content_, shaper, figureSize(options, *content_))
                               : fineLayout(options, *content_, shaper);
  for (const std::string& warning : layout.warnings) tell("warning: " + warning);
  int64_t notPositive = 0;
  for (const ColorScale& scale : content_->scales) notPositive += scale.notPositive;
  if (notPositive > 0)
    tell(
        fmt::format("{} cells are 0 or less, which --norm log does not show: they have the colour of NaN; --norm "
                    "symlog or asinh shows them",
                    notPositive));
  if (!content_->message.empty()) tell("warning: " + content_->message + " in this figure");
  std::vector<uint8_t> bytes = pixels ? png(layout, shaper) : vectors(layout, shaper, writer);
  const std::vector<std::string> missing = shaper.missingCharacters();
  if (!missing.empty())
    tell(fmt::format("warning: no font here has {}; install one (Debian: fonts-noto)", fmt::join(missing, ", ")));
  return bytes;
}

}  // namespace divlens
