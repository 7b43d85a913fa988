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

TEST_CASE("places of coordinates are those of a plain axis", "[axisscale]") {
  // From -1 to 14 in 3 cells.
  checkNear(cellPlaces({0, 2, 10}, "linear", "step"), {0.2, 0.6, 2.2});
  checkNear(cellPlaces({10, 2, 0}, "linear", "step"), {0.8, 2.4, 2.8});
  checkNear(cellPlaces({0, 10, 100, 1000}, "log", "step"), {0.5, 1.5, 2.5, 3.5});
  const std::vector<double> steps = {0, 150, 1000, 20000};
  const std::vector<float> at = cellPlaces(steps, "linear", "step"), cells = edges(steps, "linear");
  for (size_t i = 0; i < steps.size(); ++i) {
    CHECK(double(at[i] - at[0]) / double(at[3] - at[0]) == Approx(steps[i] / 20000).margin(1e-6));
    CHECK((cells[i] < at[i] && at[i] < cells[i + 1]));
  }
  CHECK(cellPlaces(steps, "category", "step").empty());
  CHECK_THROWS_AS(cellPlaces({0, 2, 1}, "linear", "step"), Error);
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

TEST_CASE("ticks stand where their coordinates are", "[axisscale]") {
  const std::vector<double> steps = {0, 1000, 5000, 20000};
  FigureContent content;
  content.rows = {.name = "step", .count = 4, .labels = {"0", "1000", "5000", "20000"}};
  content.rows.edges = edges(steps, "linear");
  content.rows.places = cellPlaces(steps, "linear", "step");
  content.columns = {.name = "layer", .count = 4};
  content.scales[0].norm = makeNorm({}, {.cells = 2, .min = 0, .max = 1});
  FigureOptions options;
  options.figsize = "4,6";
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
  std::vector<double> at;
  for (const DisplayItem& item : layout.list.items)
    if (const auto* text = std::get_if<Text>(&item); text && text->x < area.x)
      for (const std::string& label : content.rows.labels)
        if (text->utf8 == label) at.push_back(double(text->y));
  // From -500 to 27500.
  REQUIRE(at.size() == steps.size());
  for (size_t i = 0; i < steps.size(); ++i)
    CHECK(at[i] == Approx(double(area.y) + double(area.h) * (steps[i] + 500) / 28000).margin(0.1));
}
