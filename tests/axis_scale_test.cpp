// Cells at their coordinates: edges, errors, labels.
#include "figure/axis_scale.h"

#include "catch.h"
#include "error.h"
#include "figure/layout.h"

using namespace divlens;

namespace {

std::vector<float> edges(const std::vector<double>& coordinates, const std::string& scale) {
  return cellEdges(coordinates, scale, "step");
}

void checkNear(const std::vector<float>& got, const std::vector<double>& wanted) {
  REQUIRE(got.size() == wanted.size());
  for (size_t i = 0; i < got.size(); ++i) CHECK(double(got[i]) == Approx(wanted[i]).margin(1e-6));
}

}  // namespace

TEST_CASE("edges lie half-way between coordinates", "[axisscale]") {
  checkNear(edges({0, 1, 2, 3}, "linear"), {0, 1, 2, 3, 4});
  // Edges -1, 1, 6, 14 of 0, 2, 10 in 3 cells.
  checkNear(edges({0, 2, 10}, "linear"), {0, 0.4, 1.4, 3});
  checkNear(edges({10, 2, 0}, "linear"), {0, 1.6, 2.6, 3});
  checkNear(edges({1, 10, 100}, "log"), {0, 1, 2, 3});
  checkNear(edges({100, 10, 1}, "log"), {0, 1, 2, 3});
  checkNear(edges({0, 10, 100, 1000}, "log"), {0, 1, 2, 3, 4});  // 0 stands one step before 10
  CHECK(edges({5, 1, 9}, "category").empty());
  CHECK(edges({5}, "log").empty());
}

TEST_CASE("coordinates that fit no scale are a usage error", "[axisscale]") {
  CHECK_THROWS_AS(edges({}, "linear"), Error);
  CHECK_THROWS_AS(edges({0, 2, 1}, "linear"), Error);
  CHECK_THROWS_AS(edges({1, 1}, "linear"), Error);
  CHECK_THROWS_AS(edges({-1, 1, 2}, "log"), Error);
  CHECK_THROWS_AS(edges({1, 0, 2}, "log"), Error);
}

TEST_CASE("labels that are numbers are coordinates", "[axisscale]") {
  CHECK(labelCoordinates({"0", "150", "1e3"}) == std::vector<double>{0, 150, 1000});
  CHECK(labelCoordinates({"0", "emb"}).empty());
  CHECK(labelCoordinates({"nan"}).empty());
}

TEST_CASE("--axis-scale names an axis and a scale", "[axisscale]") {
  FigureOptions options;
  options.axisScale = {"step=log", "layer=linear"};
  CHECK(axisScale(options, "step") == "log");
  CHECK(axisScale(options, "layer") == "linear");
  CHECK(axisScale(options, "token") == "category");
  for (const char* bad : {"step", "=log", "step=", "step=lag"}) {
    options.axisScale = {bad};
    CHECK_THROWS_AS(axisScale(options, "step"), Error);
  }
}

TEST_CASE("ticks stand at the middle of their cells", "[axisscale]") {
  FigureContent content;
  content.rows = {.name = "step", .count = 3, .labels = {"0", "2", "10"}};
  content.rows.edges = edges({0, 2, 10}, "linear");
  content.columns = {.name = "layer", .count = 4};
  content.scales[0].norm = makeNorm({}, {.cells = 2, .min = 0, .max = 1});
  FigureOptions options;
  options.figsize = "4,4";
  TextShaper shaper;
  const Layout layout = layoutFigure(options, content, shaper, figureSize(options, content));
  Rect area;
  for (const DisplayItem& item : layout.list.items)
    if (const auto* cells = std::get_if<HeatmapArea>(&item)) {
      area = cells->rect;
      REQUIRE(cells->edges != nullptr);
      CHECK(cells->edges->rows == content.rows.edges);
      CHECK(cells->edges->columns.empty());
    }
  int found = 0;
  for (const DisplayItem& item : layout.list.items)
    if (const auto* text = std::get_if<Text>(&item); text && text->utf8 == "10" && text->x < area.x) {
      CHECK(text->y == Approx(area.y + area.h * 2.2 / 3).margin(1));
      ++found;
    }
  CHECK(found == 1);
}
