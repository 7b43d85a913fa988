// The grid in device memory: chunks, order, and what does not fit.
#include "divergence/grid.h"

#include <cstring>
#include <numeric>

#include "error.h"
#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;

TEST_CASE_METHOD(GpuTest, "a grid larger than a buffer is cut into chunks of whole rows", "[gpu][grid]") {
  const int64_t perBuffer = int64_t(context().maxBufferBytes() / 4);
  if (perBuffer > int64_t{1} << 26) {
    // Devices with large buffers keep one chunk; a grid beyond them would take gigabytes here.
    const Grid grid(context(), 1, 100, 100);
    CHECK(grid.chunks(0).size() == 1);
    return;
  }
  const int64_t columns = 5000, rows = perBuffer / columns + 3;
  const Grid grid(context(), 1, rows, columns);
  REQUIRE(grid.chunks(0).size() == 2);
  CHECK(grid.chunks(0)[0].rows == perBuffer / columns);
  CHECK(grid.chunks(0)[1].firstRow == grid.chunks(0)[0].rows);
  CHECK(grid.chunks(0)[1].rows == 3);
  context().runOnce([&](VkCommandBuffer commands) {
    uint32_t word = 1;
    for (const GridChunk& chunk : grid.chunks(0))
      vkCmdFillBuffer(commands, chunk.buffer.handle(), 0, chunk.buffer.bytes(), word++);
  });
  const std::vector<float> cells = grid.read(context(), 0);
  const auto word = [&](int64_t row, int64_t column) {
    uint32_t bits = 0;
    std::memcpy(&bits, &cells[size_t(row * columns + column)], 4);
    return bits;
  };
  CHECK(int64_t(cells.size()) == rows * columns);
  CHECK(word(rows - 4, columns - 1) == 1);
  CHECK(word(rows - 3, 0) == 2);
  CHECK(word(rows - 1, columns - 1) == 2);
}

TEST_CASE_METHOD(GpuTest, "a row of cells that no buffer holds is refused", "[gpu][grid]") {
  const int64_t columns = int64_t(context().maxBufferBytes() / 4) + 1;
  CHECK_REFUSED(Grid(context(), 1, 1, columns), Exit::Budget, "too wide");
}

TEST_CASE_METHOD(GpuTest, "panels, rows and columns of a result keep their places", "[gpu][grid]") {
  std::vector<double> values(2 * 3 * 5);
  std::iota(values.begin(), values.end(), 0.0);
  const Dump dump =
      dumpOf({{"table", {axis("step", 2), axis("row", 3), axis("column", 5)}, Kind::Scalar, DType::F32, values}});
  const Cells got = run(dump, {.rows = "row", .columns = "column", .select = {"step=1", "row=2,0"}});
  REQUIRE(got.rows == 2);
  REQUIRE(got.columns == 5);
  for (int64_t column = 0; column < 5; ++column) {
    CHECK(got.at(0, 0, column) == float(15 + 10 + column));
    CHECK(got.at(0, 1, column) == float(15 + column));
  }
}
