// The heatmap's pass on the device: colours of cells as C++ has them, seams of chunks, hidden cells.
#include <bit>
#include <cmath>
#include <cstring>

#include "catch.h"
#include "divergence/grid.h"
#include "figure/cell_image.h"
#include "figure/cell_marks.h"
#include "gpu/buffer.h"
#include "gpu/context.h"

using namespace divlens;

namespace {

/// A context of its own, whose validation messages fail the test.
struct Device {
  gpu::Context context{gpu::ContextOptions{.validation = true}};
  ~Device() { CHECK(context.validationMessages().empty()); }
};

Grid gridOf(const gpu::Context& context, int64_t rows, int64_t columns, const std::vector<float>& cells,
            int64_t mostRows = 0) {
  Grid grid(context, 1, rows, columns, mostRows);
  context.runOnce([&](VkCommandBuffer commands) {
    for (const GridChunk& chunk : grid.chunks(0))
      vkCmdUpdateBuffer(commands, chunk.buffer.handle(), 0, VkDeviceSize(chunk.rows * columns * 4),
                        cells.data() + chunk.firstRow * columns);
  });
  return grid;
}

ColorScale scaleOf(const FigureOptions& options, double min, double max) {
  ColorScale scale;
  scale.norm = makeNorm(options, {.cells = 2, .min = min, .max = max, .minPositive = 0.01});
  scale.colors = cellColors(options, "viridis");
  return scale;
}

HeatmapArea areaOf(int64_t rows, int64_t columns, float w, float h) {
  return {.rect = {0, 0, w, h}, .rowEnd = double(rows), .columnEnd = double(columns)};
}

}  // namespace

TEST_CASE("the device colours cells as C++ does", "[gpu][heatmap]") {
  const Device device;
  std::vector<float> cells;
  for (int i = 0; i < 120; ++i) cells.push_back(float(i) / 100);
  cells[3] = NAN;
  cells[5] = INFINITY;
  cells[7] = -0.5f;
  const Grid grid = gridOf(device.context, 10, 12, cells);
  FigureOptions options;
  options.vmin = 0.1;
  options.vmax = 1;
  options.underColor = "#ff0000";
  options.overColor = "#00ff00";
  for (const char* norm : {"linear", "log", "power"}) {
    INFO(norm);
    options.norm = norm;
    const ColorScale scale = scaleOf(options, 0.1, 1);
    const CellImage image = drawCells(device.context, grid, std::span(&scale, 1), areaOf(10, 12, 300, 200));
    REQUIRE(image.rows == 10);
    REQUIRE(image.columns == 12);
    int different = 0;
    for (size_t i = 0; i < cells.size(); ++i) different += image.colors[i] == cellColor(scale, cells[i]) ? 0 : 1;
    // log and pow may differ in the last bit, at the edge between two colours.
    CHECK(different <= (std::string(norm) == "linear" ? 0 : 2));
  }
}

TEST_CASE("a pixel over the seam of two chunks shows the peak behind the seam", "[gpu][heatmap]") {
  const Device device;
  constexpr int64_t kRows = 40, kColumns = 3;
  std::vector<float> cells(size_t(kRows * kColumns), 0.0f);
  cells[size_t(21 * kColumns + 1)] = 1;
  cells[size_t(35 * kColumns + 2)] = 0.5f;
  const ColorScale scale = scaleOf({}, 0, 1);
  const auto drawn = [&](int64_t mostRows) {
    const Grid grid = gridOf(device.context, kRows, kColumns, cells, mostRows);
    // Six pixels for forty rows.
    HeatmapArea area = areaOf(kRows, kColumns, 3, 6);
    return drawCells(device.context, grid, std::span(&scale, 1), area);
  };
  const CellImage whole = drawn(0), cut = drawn(7);
  REQUIRE(whole.rows == 6);
  REQUIRE(cut.colors.size() == whole.colors.size());
  CHECK(cut.colors == whole.colors);
  // Rows 20 … 26 make the fourth pixel; the chunks' seam lies between 20 and 21.
  CHECK(cut.color(3, 1) == scale.colors.table[255]);
  CHECK(cut.color(5, 2) == scale.colors.table[128]);
}

TEST_CASE("hidden and masked cells show the background", "[gpu][heatmap]") {
  const Device device;
  const std::vector<float> cells = {0, 0.25f, 0.5f, 1, NAN, std::bit_cast<float>(0x7fc0deadu)};
  const Grid grid = gridOf(device.context, 1, 6, cells);
  const ColorScale scale = scaleOf({}, 0, 1);
  HeatmapArea area = areaOf(1, 6, 60, 10);
  area.reduction.hidden = parseCellRule(">=0.5", "--mask");
  const CellImage image = drawCells(device.context, grid, std::span(&scale, 1), area);
  REQUIRE(image.columns == 6);
  CHECK(image.color(0, 0) == scale.colors.table[0]);
  CHECK(image.color(0, 1) == scale.colors.table[64]);
  CHECK(image.color(0, 2).a == 0);
  CHECK(image.color(0, 3).a == 0);
  CHECK(image.color(0, 4) == scale.colors.bad);
  CHECK(image.color(0, 5).a == 0);
}

TEST_CASE("cells of unequal size cover their share, and narrow ones do not vanish", "[gpu][heatmap]") {
  const Device device;
  const std::vector<float> cells = {0.25f, 0.5f, 1, 0};
  const Grid grid = gridOf(device.context, 4, 1, cells);
  const ColorScale scale = scaleOf({}, 0, 1);
  const AxisEdges edges{.rows = {0, 2, 3.49f, 3.51f, 4}, .columns = {}};
  HeatmapArea area = areaOf(4, 1, 1, 8);
  area.edges = &edges;
  const CellImage image = drawCells(device.context, grid, std::span(&scale, 1), area);
  REQUIRE(image.rows == 8);
  const size_t indices[] = {64, 64, 64, 64, 128, 128};
  for (int64_t row = 0; row < 6; ++row) CHECK(image.color(row, 0) == scale.colors.table[indices[row]]);
  CHECK(image.color(7, 0) == scale.colors.table[0]);
  // The third cell is a fiftieth of a cell high, over the seam of the last two pixels; shifted, it lies in one of them.
  const AxisEdges shifted{.rows = {0, 2, 3.1f, 3.12f, 4}, .columns = {}};
  area.edges = &shifted;
  const CellImage again = drawCells(device.context, grid, std::span(&scale, 1), area);
  CHECK(again.color(6, 0) == scale.colors.table[255]);
}
