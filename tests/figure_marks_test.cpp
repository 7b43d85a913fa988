// What stands in and around the cells: numbers, outlines, hidden cells, styles, sizes, panels with scales of their own.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "catch.h"
#include "error.h"
#include "figure/axis_scale.h"
#include "figure/cell_marks.h"
#include "figure/cell_rule.h"
#include "figure/layout.h"
#include "figure/number_format.h"

using namespace divlens;

namespace {

/// Cells of 0, 1, 2 … row by row; every panel alike.
FigureContent counted(int64_t rows, int64_t columns, size_t panels = 1) {
  FigureContent content;
  content.rows = {.name = "layer", .count = rows};
  content.columns = {.name = "token", .count = columns};
  content.scales[0].norm = makeNorm({}, {.cells = 2, .min = 0, .max = double(rows * columns - 1)});
  content.scales[0].colors = cellColors({}, "viridis");
  content.panels.clear();
  for (size_t i = 0; i < panels; ++i) content.panels.push_back(panels > 1 ? "group " + std::to_string(i) : "");
  content.cell = [columns](int, int64_t r, int64_t c) { return float(r * columns + c); };
  return content;
}

Layout laidOut(const FigureOptions& options, const FigureContent& content) {
  TextShaper shaper;
  return layoutFigure(options, content, shaper, figureSize(options, content));
}

template <typename T>
std::vector<T> itemsOf(const Layout& layout) {
  std::vector<T> items;
  for (const DisplayItem& item : layout.list.items)
    if (const T* found = std::get_if<T>(&item)) items.push_back(*found);
  return items;
}

bool inside(const Rect& rect, float x, float y) {
  return x >= rect.x && x <= rect.right() && y >= rect.y && y <= rect.bottom();
}

std::vector<Text> textsIn(const Layout& layout, const Rect& rect) {
  std::vector<Text> texts = itemsOf<Text>(layout);
  std::erase_if(texts, [&](const Text& t) { return !inside(rect, t.x, t.y); });
  return texts;
}

/// White bars around the dark lines over the cells.
std::vector<Rect> outlinesOf(const Layout& layout) {
  const Rect area = itemsOf<HeatmapArea>(layout).at(0).rect;
  std::vector<Rect> out;
  for (const FilledRect& item : itemsOf<FilledRect>(layout))
    if (item.color == Color{20, 20, 20} && inside(area, item.rect.x, item.rect.y)) out.push_back(item.rect);
  return out;
}

}  // namespace

TEST_CASE("rules pick cells", "[marks]") {
  CHECK(parseCellRule(">0.5", "--mask").picks(0.6f));
  CHECK_FALSE(parseCellRule(">0.5", "--mask").picks(0.5f));
  CHECK(parseCellRule(">= 0.5", "--mask").picks(0.5f));
  CHECK(parseCellRule("<-1e-3", "--mask").picks(-1));
  CHECK(parseCellRule("<=2", "--mask").picks(2));
  CHECK(parseCellRule("==0", "--mask").picks(0));
  CHECK(parseCellRule("!=0", "--mask").picks(1));
  CHECK_FALSE(parseCellRule("!=0", "--mask").picks(0));
  for (const char* rule : {">0.5", "<0.5", "!=0", "==0"}) CHECK_FALSE(parseCellRule(rule, "--mask").picks(NAN));
  CHECK_FALSE(parseCellRule("", "--mask").picks(1));
  for (const char* bad : {"0.5", ">", ">x", "=>1", ">nan", ">1 2"})
    CHECK_THROWS_AS(parseCellRule(bad, "--mask"), Error);
}

TEST_CASE("values stand in their cells, in a colour that can be read", "[marks]") {
  FigureOptions options;
  options.annot = "value";
  options.fmt = ".0f";
  options.mask = "==5";
  const Layout layout = laidOut(options, counted(3, 4));
  const Rect area = itemsOf<HeatmapArea>(layout).at(0).rect;
  const std::vector<Text> texts = textsIn(layout, area);
  REQUIRE(texts.size() == 11);  // 5 is hidden
  for (const Text& text : texts) {
    const int value = std::stoi(text.utf8);
    CHECK(text.x == Approx(area.x + (value % 4 + 0.5) * area.w / 4));
    CHECK(text.y == Approx(area.y + (value / 4 + 0.5) * area.h / 3));
  }
  CHECK(texts.front().color == Color{255, 255, 255});  // on dark violet
  CHECK(texts.back().color == Color{38, 38, 38});      // on yellow
}

TEST_CASE("values that do not fit are left out with a warning", "[marks]") {
  FigureOptions options;
  options.annot = "value";
  options.figsize = "3,2";
  const Layout layout = laidOut(options, counted(60, 200));
  CHECK(textsIn(layout, itemsOf<HeatmapArea>(layout).at(0).rect).empty());
  REQUIRE(layout.warnings.size() == 1);
  CHECK(layout.warnings[0].find("--annot") != std::string::npos);
}

TEST_CASE("a threshold outlines the cells at and above it", "[marks]") {
  FigureOptions options;
  options.threshold = 11;  // the last cell alone
  CHECK(outlinesOf(laidOut(options, counted(3, 4))).size() == 4);
  options.threshold = 8;  // the last row: one box
  CHECK(outlinesOf(laidOut(options, counted(3, 4))).size() == 4);
  options.threshold = 12;
  CHECK(outlinesOf(laidOut(options, counted(3, 4))).empty());
  options.threshold = 7;  // the last row and one cell above: six edges
  CHECK(outlinesOf(laidOut(options, counted(3, 4))).size() == 6);
  options.origin = "lower";
  CHECK(outlinesOf(laidOut(options, counted(3, 4))).size() == 6);
}

TEST_CASE("cells that --axis-scale makes tiny share an outline, others have their own", "[marks]") {
  FigureContent content = counted(6, 4);
  content.rows.edges = cellEdges({0, 1, 2, 3, 1000, 2000}, "linear", "layer");
  FigureOptions options;
  options.threshold = 23;  // the last cell of the last row, which is large
  const Layout large = laidOut(options, content);
  CHECK(large.warnings.empty());
  CHECK(outlinesOf(large).size() == 4);
  options.threshold = 5;
  content.cell = [](int, int64_t r, int64_t c) { return r == 1 && c == 2 ? 5.0f : 0.0f; };
  const Layout tiny = laidOut(options, content);
  CHECK(tiny.warnings.empty());
  const std::vector<Rect> lines = outlinesOf(tiny);
  REQUIRE(lines.size() == 4);
  const Rect area = itemsOf<HeatmapArea>(tiny).at(0).rect;
  for (const Rect& line : lines) {
    CHECK(line.y < area.y + 6);  // three rows together are less than a pixel
    CHECK(line.x >= area.x + area.w / 2 - 3);
    CHECK(line.right() <= area.x + 0.75f * area.w + 3);
  }
}

TEST_CASE("cells that --axis-scale makes tiny have no number, others have theirs", "[marks]") {
  FigureContent content = counted(6, 4);
  content.rows.edges = cellEdges({0, 1, 2, 3, 1000, 2000}, "linear", "layer");
  FigureOptions options;
  options.annot = "value";
  options.fmt = ".0f";
  const Layout layout = laidOut(options, content);
  CHECK(textsIn(layout, itemsOf<HeatmapArea>(layout).at(0).rect).size() == 12);  // of the last three rows
  REQUIRE(layout.warnings.size() == 1);
  CHECK(layout.warnings[0].find("some cells are too small") != std::string::npos);
}

TEST_CASE("cells too small for outlines are warned about once", "[marks]") {
  FigureOptions options;
  options.threshold = 5;
  options.figsize = "3,2";
  const Layout layout = laidOut(options, counted(600, 200, 3));
  CHECK(std::count_if(layout.warnings.begin(), layout.warnings.end(),
                      [](const std::string& w) { return w.starts_with("--threshold"); }) == 1);
}

TEST_CASE("marks outline a cell, a row or a column", "[marks]") {
  FigureContent content = counted(3, 4);
  content.columns.labels = {"a", "b", "c", "b,d"};
  FigureOptions options;
  options.marks = {"layer=1,token=c"};
  const Layout layout = laidOut(options, content);
  const Rect area = itemsOf<HeatmapArea>(layout).at(0).rect;
  const std::vector<Rect> lines = outlinesOf(layout);
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].x == Approx(area.x + area.w / 2).margin(2));
  CHECK(lines[0].y == Approx(area.y + area.h / 3).margin(2));
  options.marks = {"token=-1"};
  CHECK(outlinesOf(laidOut(options, content)).at(2).h == Approx(area.h).margin(2));
  for (const char* bad : {"layer", "layer=", "=1", "layer=7", "layer=x", "head=1", "layer=1,token=0,layer=2"}) {
    INFO(bad);
    options.marks = {bad};
    CHECK_THROWS_AS(laidOut(options, content), Error);
  }
}

TEST_CASE("an empty title is no title", "[marks]") {
  FigureContent content = counted(3, 4);
  content.title = "From the dump";
  const auto titled = [&](const FigureOptions& options) {
    for (const Text& text : itemsOf<Text>(laidOut(options, content)))
      if (text.utf8 == "From the dump") return true;
    return false;
  };
  FigureOptions options;
  CHECK(titled(options));
  options.title = "";
  CHECK_FALSE(titled(options));
}

TEST_CASE("panels are lettered", "[marks]") {
  std::vector<std::string> texts;
  for (const Text& text : itemsOf<Text>(laidOut({}, counted(4, 4, 2)))) texts.push_back(text.utf8);
  CHECK(std::count(texts.begin(), texts.end(), "a) group 0") == 1);
  CHECK(std::count(texts.begin(), texts.end(), "b) group 1") == 1);
}

TEST_CASE("scales of their own have bars of their own", "[marks]") {
  FigureContent content = counted(4, 4, 2);
  CHECK(itemsOf<ColorbarArea>(laidOut({}, content)).size() == 1);
  content.scales.push_back(content.scales[0]);
  content.scales[1].norm = makeNorm({}, {.cells = 2, .min = 0, .max = 1});
  content.scaleOf = {0, 1};
  const Layout layout = laidOut({}, content);
  const auto bars = itemsOf<ColorbarArea>(layout);
  const auto areas = itemsOf<HeatmapArea>(layout);
  REQUIRE(bars.size() == 2);
  CHECK(bars[0].scale == 0);
  CHECK(bars[1].scale == 1);
  CHECK(bars[1].vmax == 1);
  CHECK(areas[1].scale == 1);
  CHECK(bars[0].rect.x > areas[0].rect.right());
  CHECK(bars[0].rect.right() < areas[1].rect.x);
}

TEST_CASE("panels are apart as far as what stands between them needs", "[marks]") {
  FigureContent content = counted(4, 4, 3);
  content.scales.push_back(content.scales[0]);
  content.scaleOf = {0, 0, 1};  // the first scale's bar stands behind the second panel
  const auto areas = itemsOf<HeatmapArea>(laidOut({}, content));
  const float alike = areas[1].rect.x - areas[0].rect.right(), unlike = areas[2].rect.x - areas[1].rect.right();
  CHECK(alike < 30);
  CHECK(unlike > alike + 40);
  CHECK(areas[0].rect.w == areas[2].rect.w);
}

TEST_CASE("two metrics of two groups: a row and a bar a metric", "[marks]") {
  FigureContent content = counted(4, 4, 4);
  content.scales.push_back(content.scales[0]);
  content.scaleOf = {0, 0, 1, 1};
  const Layout layout = laidOut({}, content);
  const auto areas = itemsOf<HeatmapArea>(layout);
  REQUIRE(areas.size() == 4);
  CHECK(areas[0].rect.y == areas[1].rect.y);
  CHECK(areas[2].rect.y > areas[0].rect.bottom());
  CHECK(itemsOf<ColorbarArea>(layout).size() == 2);
}

TEST_CASE("venues give the width, the grid the height", "[marks]") {
  FigureOptions options;
  options.dpi = 100;
  const auto sizeOf = [&](const char* venue, int64_t rows, int64_t columns) {
    options.size = venue;
    return figureSize(options, counted(rows, columns));
  };
  CHECK(sizeOf("icml", 10, 10).width == 325);
  CHECK(sizeOf("icml-full", 10, 10).width == 675);
  CHECK(sizeOf("neurips", 10, 10).width == 550);
  CHECK(sizeOf("acl-full", 10, 10).width == 630);
  CHECK(sizeOf("icml", 20, 10).height > sizeOf("icml", 10, 10).height);
  CHECK(sizeOf("icml", 10, 10).height > sizeOf("icml", 5, 10).height);
  CHECK_THROWS_AS(sizeOf("icmll", 1, 1), Error);
  options.dpi = 150;
  CHECK(sizeOf("icml", 10, 10).width == 487);  // 3.25 in are 487.5 pixels
  options.figsize = "3,2";
  CHECK_THROWS_AS(sizeOf("icml", 1, 1), Error);
}

TEST_CASE("styles change text and colours", "[marks]") {
  FigureOptions options;
  const FigureStyle usual(options);
  options.style = "slide";
  CHECK(FigureStyle(options).labelSize > 1.5f * usual.labelSize);
  options.style = "dark";
  CHECK(FigureStyle(options).background.r < 50);
  CHECK(FigureStyle(options).ink.r > 200);
  options.fontSize = 18;
  CHECK(FigureStyle(options).tickSize == Approx(2 * usual.tickSize));
  options.fontSize = 1;
  CHECK_THROWS_AS(FigureStyle(options), Error);
  options = {};
  options.style = "papr";
  CHECK_THROWS_AS(FigureStyle(options), Error);
}

TEST_CASE("text of a venue's figure has 7 to 9 points", "[marks]") {
  FigureContent content = counted(3, 4, 2);
  content.title = "A title";
  content.parameters = "jsd · reference layer=-1 · base e";
  content.scales[0].label = "JSD (nats)";
  FigureOptions options;
  for (const char* size : {"icml", "icml-full", "acl", "neurips"}) {
    options.size = size;
    const Layout layout = laidOut(options, content);
    size_t feet = 0;
    for (const Text& text : itemsOf<Text>(layout)) {
      INFO(text.utf8);
      const double points = double(text.sizePx) * 72 / options.dpi;
      CHECK(points > 6.99);
      CHECK(points < 9.01);
      feet += text.utf8.find("reference layer") != text.utf8.npos;
    }
    CHECK(feet == 1);
  }
}

TEST_CASE("text that few can read is drawn with a warning", "[marks]") {
  const auto warned = [](const FigureOptions& options, const FigureContent& content) {
    const Layout layout = laidOut(options, content);
    CHECK_FALSE(itemsOf<Text>(layout).empty());
    size_t count = 0;
    for (const std::string& warning : layout.warnings) count += warning.find("under 5 pt") != warning.npos;
    return count;
  };
  FigureOptions options;
  for (const char* style : {"", "paper", "slide", "dark"}) {
    options.style = style;
    CHECK(warned(options, counted(3, 4)) == 0);
  }
  options = {};
  options.fontSize = 5;
  CHECK(warned(options, counted(3, 4)) == 1);
  // Numbers shrink to their cells.
  options = {};
  options.annot = "value";
  options.fmt = ".4f";
  options.figsize = "3.6,3";
  CHECK(warned(options, counted(3, 10)) == 1);
  options.fmt = ".0f";
  CHECK(warned(options, counted(3, 4)) == 0);
}
