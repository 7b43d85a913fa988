// The most probable token of each cell: read from the rows, refused where a cell has none or several, drawn in its
// cell.
#include "app/top_tokens.h"

#include <cmath>

#include "catch.h"
#include "dump_fixtures.h"
#include "figure/layout.h"
#include "plan_dumps.h"

using namespace divlens;

namespace {

/// logits[example 2, layer 3, token 2, vocab 4]: the largest of row r is entry (3 r) % 4, and NaN in row 4.
Dump logits(std::vector<std::string> labels) {
  Tensor tensor = test::tensor("x",
                               {test::axis("example", 2), test::axis("layer", 3), test::axis("token", 2),
                                test::axis("vocab", 4, std::move(labels))},
                               Kind::Logits, DType::F64);
  std::vector<double> values;
  for (int row = 0; row < 12; ++row)
    for (int entry = 0; entry < 4; ++entry) values.push_back(row == 4 ? NAN : entry == 3 * row % 4 ? 9 : -entry);
  const auto bytes = std::as_bytes(std::span(values));
  tensor.source = memoryBytes("m", {bytes.begin(), bytes.end()});
  return test::dump({tensor});
}

Plan planOf(const Dump& dump, std::vector<std::string> select) {
  PlanOptions options;
  options.metrics = {"kl"};
  options.select = std::move(select);
  return makePlan(dump, "", options);
}

std::vector<std::string> tokensOf(const Plan& plan) {
  const auto token = topTokens(plan, resultPanels(plan));
  std::vector<std::string> out;
  for (int64_t row = 0; row < 3; ++row)
    for (int64_t column = 0; column < 2; ++column) out.push_back(token(0, row, column));
  return out;
}

}  // namespace

TEST_CASE("each cell's token is the most probable of its own row", "[top1]") {
  // As axis labels are shown: · for a leading space, ↵ for a line feed. NaN rows have none.
  const Dump labelled = logits({"Ġa", "b", "Ċ", "d"});
  CHECK(tokensOf(planOf(labelled, {"example=0"})) == std::vector<std::string>{"·a", "d", "↵", "b", "", "d"});
  CHECK(tokensOf(planOf(labelled, {"example=1"})) == std::vector<std::string>{"↵", "b", "·a", "d", "↵", "b"});
  CHECK(tokensOf(planOf(logits({}), {"example=0"})) == std::vector<std::string>{"0", "3", "2", "1", "", "3"});
}

TEST_CASE("panels of a group have their own tokens, those of a metric the same", "[top1]") {
  const Dump dump = [] {
    Dump grouped = logits({});
    grouped.tensors[0].axes[0].groups = {"A", "B"};
    return grouped;
  }();
  PlanOptions options;
  options.metrics = {"kl", "entropy"};
  options.group = "example";
  const Plan plan = makePlan(dump, "", options);
  const std::vector<ResultPanel> panels = resultPanels(plan);
  REQUIRE(panels.size() == 4);
  const auto token = topTokens(plan, panels);
  for (size_t panel = 0; panel < panels.size(); ++panel)
    CHECK(token(int(panel), 0, 1) == (plan.panels[panels[panel].panel].label == "A" ? "3" : "1"));
  options.minus = "A";
  CHECK_REFUSED(checkTopTokens(makePlan(dump, "", options)), Exit::Usage, "--minus is made of two rows");
}

TEST_CASE("cells of several rows, or without distributions, have no token", "[top1]") {
  CHECK_REFUSED(checkTopTokens(planOf(logits({}), {})), Exit::Usage, "several entries of axis 'example'");
  Plan plan = planOf(logits({}), {"example=0"});
  checkTopTokens(plan);
  plan.kind = Kind::Scalar;
  CHECK_REFUSED(checkTopTokens(plan), Exit::Usage, "is of kind scalar");
  plan.kind = Kind::TopK;
  CHECK_REFUSED(checkTopTokens(plan), Exit::Usage, "is of kind topk");
  plan = planOf(logits({}), {"example=0"});
  plan.rows.positions.resize(10001);
  CHECK_REFUSED(checkTopTokens(plan), Exit::Usage, "20002 cells are more than the 20000");
}

TEST_CASE("tokens stand in the middle of their cells, elided to their width", "[top1]") {
  FigureContent content;
  content.rows = {.name = "layer", .count = 2};
  content.columns = {.name = "token", .count = 10};
  content.scales[0].norm = makeNorm({}, {.cells = 2, .min = 0, .max = 19});
  content.scales[0].colors = cellColors({}, "viridis");
  content.cell = [](int, int64_t r, int64_t c) { return float(10 * r + c); };
  content.token = [](int, int64_t r, int64_t c) {
    return r == 0 && c == 0 ? std::string(50, 'w') : r == 1 && c == 1 ? std::string() : std::to_string(10 * r + c);
  };
  FigureOptions options;
  options.annot = "top1";
  TextShaper shaper;
  const Layout layout = layoutFigure(options, content, shaper, figureSize(options, content));
  CHECK(layout.warnings.empty());
  Rect area;
  std::vector<Text> inside;
  for (const DisplayItem& item : layout.list.items) {
    if (const auto* cells = std::get_if<HeatmapArea>(&item)) area = cells->rect;
    const auto* text = std::get_if<Text>(&item);
    if (text && text->x > area.x && text->x < area.right() && text->y > area.y && text->y < area.bottom())
      inside.push_back(*text);
  }
  REQUIRE(inside.size() == 19);  // one cell has none
  CHECK(inside[0].utf8.find("…") != std::string::npos);
  for (const Text& text : inside) CHECK(shaper.measure(text.utf8, text.sizePx).width <= area.w / 10);
  CHECK(inside[1].utf8 == "1");
  CHECK(inside[1].x == Catch::Approx(area.x + 1.5 * area.w / 10));
  CHECK(inside[18].utf8 == "19");
  CHECK(inside[0].color == Color{255, 255, 255});
  CHECK(inside[18].color == Color{38, 38, 38});
  content.token = [](int, int64_t, int64_t) { return std::string("incomprehensibilities"); };
  REQUIRE(layoutFigure(options, content, shaper, figureSize(options, content)).warnings.size() == 1);
  content.token = {};
  CHECK(layoutFigure(options, content, shaper, figureSize(options, content)).warnings.size() == 1);
}
