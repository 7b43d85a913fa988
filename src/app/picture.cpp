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
#include "figure/overlay.h"
#include "figure/png.h"
#include "figure/vector_painter.h"
#include "suggest.h"

namespace divlens {
namespace {

constexpr const char* kSequentialMap = "viridis";
constexpr double kVectorDpi = 300;
constexpr int64_t kMostRectangles = 10000;

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
           {.cells = 2, .min = 0.25, .max = 0.75, .minPositive = 0.25, .percentiles = [](std::span<const double> p) {
              return std::vector<double>{p[0] / 100, p[1] / 100};
            }});
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

std::vector<uint8_t> renderPicture(const Session& session, const Cells& cells, const Settings& settings,
                                   Writer writer) {
  FigureContent content = figureContent(session, cells, settings, summarise(session, cells, settings.figure));
  if (settings.figure.annot == "top1") content.token = topTokens(session.plan, session.result->panels);
  TextShaper shaper;
  const bool png = writer == Writer::Png;
  const Layout layout = png ? layoutFigure(settings.figure, content, shaper, figureSize(settings.figure, content))
                            : fineLayout(settings.figure, content, shaper);
  for (const std::string& warning : layout.warnings) say(settings, "warning: " + warning);
  int64_t notPositive = 0;
  for (const ColorScale& scale : content.scales) notPositive += scale.notPositive;
  if (notPositive > 0)
    say(settings, fmt::format("{} cells are 0 or less, which --norm log does not show: they have the colour of NaN; "
                              "--norm symlog or asinh shows them",
                              notPositive));
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
