// The line of onsets over a figure's cells.
#include <cmath>
#include <vector>

#include "catch.h"
#include "divergence/onset.h"
#include "error.h"
#include "figure/layout.h"

using namespace divlens;

namespace {

FigureContent fourByThree(bool down) {
  FigureContent content;
  content.rows = {.name = down ? "layer" : "token", .count = down ? 4 : 3};
  content.columns = {.name = down ? "token" : "layer", .count = down ? 3 : 4};
  content.scales[0].colors = cellColors({}, "viridis");
  content.onsetDown = down;
  content.onsets = {{1.0, 3.0, std::nullopt}};
  return content;
}

/// The red lines over the cells, in cells: left, top, right, bottom of each.
std::vector<std::vector<int>> linesOf(const FigureContent& content) {
  TextShaper shaper;
  const Layout layout = layoutFigure({}, content, shaper, figureSize({}, content));
  const HeatmapArea* area = nullptr;
  std::vector<std::vector<int>> out;
  for (const DisplayItem& item : layout.list.items) {
    if (const auto* heatmap = std::get_if<HeatmapArea>(&item)) area = heatmap;
    const auto* rect = std::get_if<FilledRect>(&item);
    if (!rect || !(rect->color == Color{214, 39, 40}) || !area) continue;
    const float w = area->rect.w / float(content.columns.count), h = area->rect.h / float(content.rows.count);
    const auto near = [](float v) { return int(std::lround(v)); };
    out.push_back({near((rect->rect.x - area->rect.x) / w), near((rect->rect.y - area->rect.y) / h),
                   near((rect->rect.right() - area->rect.x) / w), near((rect->rect.bottom() - area->rect.y) / h)});
  }
  return out;
}

}  // namespace

TEST_CASE("onsets are a line of steps at the earlier edge of each first layer", "[marks][onset]") {
  CHECK(linesOf(fourByThree(true)) == std::vector<std::vector<int>>{{0, 1, 1, 1}, {1, 1, 1, 3}, {1, 3, 2, 3}});
  CHECK(linesOf(fourByThree(false)) == std::vector<std::vector<int>>{{1, 0, 1, 1}, {1, 1, 3, 1}, {3, 1, 3, 2}});
}

TEST_CASE("a line of onsets follows the order of the layers shown", "[onset]") {
  Plan plan;
  plan.rows = {.name = "layer", .positions = {6, 4, 2}};
  plan.columns = {.name = "token", .positions = {0, 1}};
  const Onset onset{.positions = {4, std::nullopt}, .beyondRows = {}, .beyondColumns = {}};
  CHECK(onsetEdges(plan, onset) == std::vector<std::optional<double>>{2.0, std::nullopt});
  plan.rows.positions = {2, 4, 6};
  CHECK(onsetEdges(plan, onset) == std::vector<std::optional<double>>{1.0, std::nullopt});
  plan.onset = "<0.1";
  CHECK_NOTHROW(checkOnset(plan));
  plan.rows.name = "site";
  CHECK_THROWS_AS(checkOnset(plan), Error);
}
