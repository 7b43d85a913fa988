#include "figure/vector_painter.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "catch.h"
#include "error.h"
#include "figure/cell_image.h"
#include "figure/colormap_sheet.h"
#include "figure/layout.h"

using namespace divlens;

namespace {

struct Painted {
  std::string bytes;
  Layout layout;
};

CellImage checkered(const HeatmapArea& area) {
  CellImage image{static_cast<int64_t>(area.rowEnd), static_cast<int64_t>(area.columnEnd), {}};
  for (int64_t i = 0; i < image.rows * image.columns; ++i)
    image.colors.push_back(i % 2 ? Color{255, 0, 0} : Color{0, 0, 255});
  return image;
}

Painted painted(VectorFormat format, const std::string& origin = "upper", bool text = false, bool rectangles = false) {
  FigureOptions options;
  options.origin = origin;
  options.dpi = 144;
  options.figsize = "3,2";
  FigureContent content;
  content.rows = {.name = "layer", .count = 3};
  content.columns = {.name = "token", .count = 5, .labels = {"a", "b <&>", "c", "d", "e"}};
  content.scales[0].norm = makeNorm({}, {.cells = 2, .min = 0, .max = 1});
  content.scales[0].colors = cellColors({}, "viridis");
  TextShaper shaper;
  Painted result;
  result.layout = layoutFigure(options, content, shaper, figureSize(options, content));
  const std::vector<std::pair<std::string, std::string>> metadata = {{"Title", "A <title>"}, {"divlens:metric", "jsd"}};
  const VectorParts parts{
      .shaper = shaper, .scales = content.scales, .cells = checkered, .metadata = metadata, .rectangles = rectangles};
  const auto bytes = text ? paintSvg(result.layout.list, parts) : paintVector(format, result.layout.list, parts);
  result.bytes.assign(bytes.begin(), bytes.end());
  return result;
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("a PDF has the page's size, TrueType text and the same bytes each time", "[vector]") {
  const std::string pdf = painted(VectorFormat::Pdf).bytes;
  CHECK(pdf.starts_with("%PDF-"));
  CHECK(count(pdf, "/Type3") == 0);
  CHECK(count(pdf, "DejaVu") > 0);
  CHECK(count(pdf, "[ 0 0 216 144 ]") == 1);
  CHECK(count(pdf, "19700101000000Z") == 1);
  CHECK(painted(VectorFormat::Pdf).bytes == pdf);
  setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
  CHECK(count(painted(VectorFormat::Pdf).bytes, "20231114221320Z") == 1);
  unsetenv("SOURCE_DATE_EPOCH");
}

TEST_CASE("an SVG holds its metadata, escaped", "[vector]") {
  const std::string svg = painted(VectorFormat::Svg).bytes;
  CHECK(count(svg, "<title>A &lt;title&gt;</title>") == 1);
  CHECK(count(svg, "divlens:metric=jsd") == 1);
  CHECK(count(svg, "<image") >= 2);  // the cells and the bar
  CHECK(svg.find("216") != svg.npos);
  CHECK(painted(VectorFormat::Svg).bytes == svg);
  CHECK(painted(VectorFormat::Svg, "lower").bytes != svg);
}

TEST_CASE("an SVG can keep its text as text", "[vector]") {
  const std::string svg = painted(VectorFormat::Svg, "upper", true).bytes;
  CHECK(count(svg, ">b &lt;&amp;&gt;</text>") == 1);
  CHECK(count(svg, ">layer</text>") + count(svg, ">Layer</text>") == 1);
  CHECK(count(svg, "<title>A &lt;title&gt;</title>") == 1);
  CHECK(count(svg, "data:image/png;base64,") == 2);  // the cells and the bar
  CHECK(count(svg, "width=\"216pt\"") == 1);
  CHECK(painted(VectorFormat::Svg, "upper", true).bytes == svg);
}

TEST_CASE("cells can be rectangles that reach under their neighbours", "[vector]") {
  const std::string svg = painted(VectorFormat::Svg, "upper", true, true).bytes;
  CHECK(count(svg, "data:image/png;base64,") == 1);  // the bar
  CHECK(count(svg, "fill=\"#ff0000\"") == 7);
  CHECK(count(svg, "fill=\"#0000ff\"") == 8);
  CHECK(painted(VectorFormat::Pdf, "upper", false, true).bytes != painted(VectorFormat::Pdf).bytes);
}

TEST_CASE("an image that does not match its cells is refused", "[vector]") {
  DisplayList list{.width = 10,
                   .height = 10,
                   .dpi = 72,
                   .items = {HeatmapArea{.rect = {0, 0, 10, 10}, .rowEnd = 2, .columnEnd = 2}}};
  TextShaper shaper;
  const auto wrong = [](const HeatmapArea&) { return CellImage{2, 2, {Color{}, Color{}, Color{}}}; };
  CHECK_THROWS_AS(
      paintVector(VectorFormat::Pdf, list, {.shaper = shaper, .scales = {}, .cells = wrong, .metadata = {}}), Error);
}

TEST_CASE("bars without a frame, as in the sheet of maps, have nothing dark under them", "[vector]") {
  CHECK(groundUnderFrame({}, {10, 20, 30, 40}).empty());
  const std::vector<FilledRect> ground = groundUnderFrame({2, {1, 2, 3}}, {10, 20, 30, 40});
  REQUIRE(ground.size() == 4);
  for (const FilledRect& rect : ground) CHECK(rect.color == Color{1, 2, 3});
  FigureOptions options;
  TextShaper shaper;
  const ColormapSheet sheet = colormapSheet(options, shaper);
  CHECK(sheet.list.frame.width == 0);
}
