#include "figure/layout.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "catch.h"
#include "error.h"

using namespace divlens;

namespace {

using Labels = std::vector<std::string>;

FigureContent contentOf(int64_t rows, int64_t columns) {
  FigureContent content;
  content.rows = {.name = "layer", .count = rows};
  content.columns = {.name = "token", .count = columns};
  content.scales[0].label = "JSD from layer 27 (nats)";
  content.parameters = "jsd · reference layer=-1 · base e · divlens 0.1.0";
  const DataRange data{.cells = 2, .min = 0.04, .max = 0.31, .minPositive = 0.04};
  content.scales[0].norm = makeNorm({}, data);
  content.scales[0].colors = cellColors({}, "viridis");
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

Rect areaOf(const Layout& layout) { return itemsOf<HeatmapArea>(layout).at(0).rect; }

/// Tick labels left of the cells, from top to bottom, and below them, from left to right.
Labels labelsBeside(const Layout& layout) {
  auto texts = itemsOf<Text>(layout);
  std::erase_if(texts,
                [&](const Text& t) { return t.hAlign != HAlign::Right || t.rotation != 0 || t.x >= areaOf(layout).x; });
  std::sort(texts.begin(), texts.end(), [](const Text& a, const Text& b) { return a.y < b.y; });
  Labels labels;
  for (const Text& t : texts) labels.push_back(t.utf8);
  return labels;
}

Labels labelsBelow(const Layout& layout, int rotation = 0) {
  const Rect area = areaOf(layout);
  const float tickSize = static_cast<float>(8 * layout.list.dpi / 72);
  auto texts = itemsOf<Text>(layout);
  std::erase_if(texts, [&](const Text& t) {
    return t.rotation != rotation || t.y < area.bottom() || t.x < area.x || t.x > area.right() || t.sizePx != tickSize;
  });
  std::sort(texts.begin(), texts.end(), [](const Text& a, const Text& b) { return a.x < b.x; });
  Labels labels;
  for (const Text& t : texts) labels.push_back(t.utf8);
  return labels;
}

Labels numbers(int from, int to, int step) {
  Labels labels;
  for (int i = from; i <= to; i += step) labels.push_back(std::to_string(i));
  return labels;
}

bool intersect(const Rect& a, const Rect& b) {
  constexpr float kTouch = 0.5f;
  return a.x + kTouch < b.right() && b.x + kTouch < a.right() && a.y + kTouch < b.bottom() && b.y + kTouch < a.bottom();
}

/// Every text lies inside the figure, off the cells and off every other text.
void checkClean(const Layout& layout) {
  TextShaper shaper;
  const auto texts = itemsOf<Text>(layout);
  std::vector<Rect> boxes;
  for (const Text& t : texts) boxes.push_back(textBox(t, shaper.measure(t.utf8, t.sizePx)));
  for (size_t i = 0; i < boxes.size(); ++i) {
    const Rect& b = boxes[i];
    INFO(fmt::format("'{}' at {},{} {}x{} in {}x{}", texts[i].utf8, b.x, b.y, b.w, b.h, layout.list.width,
                     layout.list.height));
    CHECK(b.x >= -0.5f);
    CHECK(b.y >= -0.5f);
    CHECK(b.right() <= static_cast<float>(layout.list.width) + 0.5f);
    CHECK(b.bottom() <= static_cast<float>(layout.list.height) + 0.5f);
    for (const HeatmapArea& area : itemsOf<HeatmapArea>(layout)) CHECK_FALSE(intersect(b, area.rect));
    for (const ColorbarArea& bar : itemsOf<ColorbarArea>(layout)) CHECK_FALSE(intersect(b, bar.rect));
    for (size_t j = 0; j < i; ++j) {
      INFO("against '" << texts[j].utf8 << "'");
      CHECK_FALSE(intersect(b, boxes[j]));
    }
  }
  for (const HeatmapArea& area : itemsOf<HeatmapArea>(layout)) {
    CHECK(area.rect.x == std::round(area.rect.x));
    CHECK(area.rect.y == std::round(area.rect.y));
    CHECK(area.rect.w == std::round(area.rect.w));
    CHECK(area.rect.h == std::round(area.rect.h));
  }
}

Labels longLabels(int64_t count, const std::string& text) {
  Labels labels;
  for (int64_t i = 0; i < count; ++i) labels.push_back(text + std::to_string(i));
  return labels;
}

}  // namespace

TEST_CASE("three probes over 32 layers: a label every two layers", "[layout]") {
  FigureContent content = contentOf(3, 32);
  content.rows = {.name = "probe", .count = 3, .labels = {"Subj.", "Attn.", "Last."}};
  content.columns.name = "layer";
  content.scales[0].label = "Avg JS Divergence";
  FigureOptions options;
  options.xticklabels = "2";
  const Layout layout = laidOut(options, content);
  CHECK(labelsBelow(layout) == numbers(0, 30, 2));
  CHECK(labelsBeside(layout) == Labels{"Subj.", "Attn.", "Last."});
  CHECK(layout.warnings.empty());
  checkClean(layout);
  CHECK(areaOf(layout).w > 3 * areaOf(layout).h);
  // Automatic thinning keeps the last layer.
  options.xticklabels = "auto";
  CHECK(labelsBelow(laidOut(options, content)).back() == "31");
}

TEST_CASE("generated tokens over unevenly spaced layers: every label", "[layout]") {
  FigureContent content = contentOf(9, 5);
  content.rows.labels = {"0", "15", "16", "17", "18", "19", "20", "21", "27"};
  content.columns = {.name = "generated token", .count = 5, .labels = {"Gen0", "Gen1", "Gen2", "Gen3", "Gen4"}};
  content.scales[0].hasBad = content.scales[0].hasInf = true;
  const Layout layout = laidOut({}, content);
  CHECK(labelsBeside(layout) == content.rows.labels);
  CHECK(labelsBelow(layout) == content.columns.labels);
  checkClean(layout);
  Labels all;
  for (const Text& t : itemsOf<Text>(layout)) all.push_back(t.utf8);
  for (const char* wanted : {"NaN", "∞", "Layer", "Generated token"})
    CHECK(std::count(all.begin(), all.end(), wanted) == 1);
}

TEST_CASE("modules over 36 layers from the bottom: every third and the last", "[layout]") {
  FigureContent content = contentOf(36, 7);
  content.columns = {.name = "module",
                     .count = 7,
                     .labels = {"attn. q", "attn. k", "attn. v", "attn. o", "mlp. up", "mlp. down", "mlp. gate"}};
  FigureOptions options;
  options.origin = "lower";
  options.yticklabels = "3,last";
  Layout layout = laidOut(options, content);
  Labels expected = numbers(0, 33, 3);
  expected.push_back("35");
  std::reverse(expected.begin(), expected.end());
  CHECK(labelsBeside(layout) == expected);
  CHECK(labelsBelow(layout, 90) == content.columns.labels);
  CHECK_FALSE(itemsOf<HeatmapArea>(layout).at(0).originUpper);
  checkClean(layout);
  CHECK(areaOf(layout).h > 1.5f * areaOf(layout).w);
  // Too low for that: the last one stays, its neighbour goes.
  options.figsize = "3,1.9in";
  layout = laidOut(options, content);
  checkClean(layout);
  CHECK(labelsBeside(layout).front() == "35");
  CHECK(labelsBeside(layout).back() == "0");
}

TEST_CASE("irregular steps over 12 layers", "[layout]") {
  FigureContent content = contentOf(33, 12);
  content.rows = {.name = "steps", .count = 33, .labels = numbers(0, 16000, 500)};
  content.rows.labels[1] = "150";
  content.columns = {.name = "layer", .count = 12, .labels = numbers(1, 12, 1)};
  const Layout layout = laidOut({}, content);
  CHECK(labelsBelow(layout) == content.columns.labels);
  CHECK(labelsBeside(layout) == content.rows.labels);
  checkClean(layout);
  Labels bar;
  for (const Text& t : itemsOf<Text>(layout))
    if (t.hAlign == HAlign::Left && t.vAlign == VAlign::Middle) bar.push_back(t.utf8);
  CHECK(bar == Labels{"0.05", "0.10", "0.15", "0.20", "0.25", "0.30"});
}

TEST_CASE("no text meets another one or the edge, whatever the grid", "[layout]") {
  struct Grid {
    int64_t rows, columns;
  };
  const auto grid = GENERATE(Grid{1, 1}, Grid{3, 32}, Grid{9, 5}, Grid{33, 12}, Grid{36, 7}, Grid{100000, 1},
                             Grid{1, 100000}, Grid{512, 48}, Grid{48, 512});
  const std::string figsize = GENERATE("", "3.25,2.2", "84mm,60mm", "6.75,1.4", "1.6,5", "200,140px");
  const bool longNames = GENERATE(false, true);
  INFO(grid.rows << " × " << grid.columns << ", " << figsize << (longNames ? ", long labels" : ""));
  FigureContent content = contentOf(grid.rows, grid.columns);
  content.title = "Divergence of every layer's prediction from that of the last one";
  if (longNames) {
    content.rows.labels = longLabels(grid.rows, "a/very/long/tensor.name.of.layer.");
    content.columns.labels = longLabels(grid.columns, "Ġtoken");
    content.title +=
        ", with a title that goes on and on over more than two lines of any figure that fits a column of a paper";
  }
  FigureOptions options;
  options.figsize = figsize;
  options.extend = longNames ? "both" : "";
  content.scales[0].extend = makeExtend(options, content.scales[0].norm, {});
  content.scales[0].hasBad = longNames;
  const Layout layout = laidOut(options, content);
  checkClean(layout);
  const Rect area = areaOf(layout);
  CHECK(area.w >= 0.2f * static_cast<float>(layout.list.width));
  CHECK(area.h >= 0.2f * static_cast<float>(layout.list.height));
}

TEST_CASE("panels share axes and do not meet", "[layout]") {
  const int64_t columns = GENERATE(8, 400);
  const size_t panels = GENERATE(2, 5, 9);
  FigureContent content = contentOf(12, columns);
  content.panels = longLabels(static_cast<int64_t>(panels), "jsd/group ");
  const Layout layout = laidOut({}, content);
  const auto areas = itemsOf<HeatmapArea>(layout);
  REQUIRE(areas.size() == panels);
  for (size_t i = 0; i < panels; ++i) {
    CHECK(areas[i].panel == static_cast<int>(i));
    CHECK(areas[i].rect.w == areas[0].rect.w);
    for (size_t j = 0; j < i; ++j) CHECK_FALSE(intersect(areas[i].rect, areas[j].rect));
  }
  checkClean(layout);
}

TEST_CASE("options change the figure", "[layout]") {
  const FigureContent content = contentOf(9, 5);
  FigureOptions options;
  options.title = "Title";
  options.xlabel = "";
  options.ylabel = "Depth";
  options.cbarLabel = "bits";
  Labels all;
  for (const Text& t : itemsOf<Text>(laidOut(options, content))) all.push_back(t.utf8);
  for (const char* wanted : {"Title", "Depth", "bits"}) CHECK(std::count(all.begin(), all.end(), wanted) == 1);
  for (const char* unwanted : {"Token", "Layer"}) CHECK(std::count(all.begin(), all.end(), unwanted) == 0);
  options.cbar = false;
  CHECK(itemsOf<ColorbarArea>(laidOut(options, content)).empty());
  options.xticklabels = "none";
  CHECK(labelsBelow(laidOut(options, content)).empty());
  options.xticklabels = "a,b,c,d,e";
  CHECK(labelsBelow(laidOut(options, content)) == Labels{"a", "b", "c", "d", "e"});
}

TEST_CASE("the note at the foot is the figure's own words, or none", "[layout]") {
  const FigureContent content = contentOf(9, 5);
  FigureOptions options;
  const auto has = [&](const std::string& words) {
    const auto texts = itemsOf<Text>(laidOut(options, content));
    return std::any_of(texts.begin(), texts.end(), [&](const Text& t) { return t.utf8 == words; });
  };
  CHECK(has(content.parameters));
  const int high = figureSize(options, content).height;
  options.note = "Layers of a small model";
  CHECK(has("Layers of a small model"));
  CHECK_FALSE(has(content.parameters));
  options.note = "";
  CHECK_FALSE(has(content.parameters));
  CHECK(figureSize(options, content).height < high);
}

TEST_CASE("ticks that are numbers are written as --xtick-fmt and --ytick-fmt say", "[layout]") {
  FigureContent content = contentOf(3, 4);
  content.rows.labels = {"1000", "20000", "mean"};
  FigureOptions options;
  options.ytickFmt = ",d";
  options.xtickFmt = ".1f";
  const Layout layout = laidOut(options, content);
  CHECK(labelsBeside(layout) == Labels{"1,000", "20,000", "mean"});
  CHECK(labelsBelow(layout) == Labels{"0.0", "1.0", "2.0", "3.0"});
  content.rows.labels = {"1000", "0.5", "-2000"};  // a fraction has no type d
  CHECK(labelsBeside(laidOut(options, content)) == Labels{"1,000", "0.5", "−2,000"});
}

TEST_CASE("a visible part has its own ticks", "[layout]") {
  FigureContent content = contentOf(48, 1000);
  content.columns.begin = 500.75;
  content.columns.end = 510.25;
  const Layout layout = laidOut({}, content);
  CHECK(itemsOf<HeatmapArea>(layout).at(0).columnBegin == 500.75);
  CHECK(labelsBelow(layout) == numbers(501, 509, 1));
}

TEST_CASE("figure sizes are read in every unit and limited", "[layout]") {
  const FigureContent content = contentOf(9, 5);
  const auto sizeOf = [&](const std::string& text, double dpi) {
    FigureOptions options;
    options.figsize = text;
    options.dpi = dpi;
    return figureSize(options, content);
  };
  CHECK(sizeOf("3.25,2", 200).width == 650);
  CHECK(sizeOf("3.25in,2in", 200).height == 400);
  CHECK(sizeOf("84mm,60mm", 254).width == 840);
  CHECK(sizeOf("8.4,6cm", 254).width == 840);
  CHECK(sizeOf("144,72pt", 100).width == 200);
  CHECK(sizeOf("640,480px", 300).height == 480);
  CHECK(sizeOf("16384,1px", 300).width == 16384);
  for (const char* wrong :
       {"0,2", "1e6in,2", "-1,2", "3", "3,", "3,2,1", "3;2", "nan,2", "3,2ft", "16385,10px", "1e400,2"}) {
    INFO(wrong);
    CHECK_THROWS_WITH(sizeOf(wrong, 150), Catch::Matchers::ContainsSubstring("--figsize"));
  }
  CHECK_THROWS_WITH(sizeOf("", 1e9), Catch::Matchers::ContainsSubstring("--dpi"));
  CHECK_THROWS_AS(sizeOf("", 0), Error);
  CHECK_THROWS_AS(sizeOf("", std::nan("")), Error);
}

TEST_CASE("a figure too small for its parts says what it leaves out", "[layout]") {
  for (const char* size : {"1,1px", "10,200px", "200,10px", "60,40px"}) {
    FigureOptions options;
    options.figsize = size;
    const Layout layout = laidOut(options, contentOf(9, 5));
    INFO(size);
    CHECK_FALSE(layout.warnings.empty());
    const Rect area = areaOf(layout);
    CHECK((area.w >= 1 && area.h >= 1));
    CHECK(area.right() <= static_cast<float>(layout.list.width));
    CHECK(area.bottom() <= static_cast<float>(layout.list.height));
  }
}

TEST_CASE("the layout is the same in pixels of any size", "[layout]") {
  FigureOptions coarse, fine;
  coarse.figsize = fine.figsize = "3.25,2.5";
  coarse.dpi = 150;
  fine.dpi = 600;
  const Rect a = areaOf(laidOut(coarse, contentOf(36, 7))), b = areaOf(laidOut(fine, contentOf(36, 7)));
  CHECK(b.x / 4 == Catch::Approx(a.x).margin(3));
  CHECK(b.w / 4 == Catch::Approx(a.w).margin(6));
  CHECK(b.h / 4 == Catch::Approx(a.h).margin(6));
}
