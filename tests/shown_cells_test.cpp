// The cells of a figure, in memory or where the grid is.
#include "app/shown_cells.h"

#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;

TEST_CASE_METHOD(GpuTest, "a figure's cells are the same in memory and in the grid", "[gpu][figure]") {
  constexpr int64_t kRows = 7, kColumns = 5;
  divlens::Cells cells(2);
  for (size_t i = 0; i < size_t(kRows * kColumns); ++i) {
    cells[0].push_back(float(i));
    cells[1].push_back(-float(i));
  }
  Session session;
  session.context = std::shared_ptr<const gpu::Context>(&context(), [](const gpu::Context*) {});
  // Buffers of three rows at most.
  session.result.emplace(
      Result{{.grid = Grid(context(), 2, kRows, kColumns, 3), .lower = {}, .upper = {}}, {}, 0, {}, {}});
  for (const size_t panel : {0, 1}) session.result->grid.write(context(), int64_t(panel), cells[panel]);
  for (const ShownCells& shown : {ShownCells(cells, kColumns), ShownCells(session)}) {
    REQUIRE(shown.panels() == 2);
    for (const size_t panel : {0, 1}) {
      std::vector<float> parts;
      shown.each(panel, [&](std::span<const float> part) {
        CHECK(part.size() % size_t(kColumns) == 0);
        parts.insert(parts.end(), part.begin(), part.end());
      });
      CHECK(parts == cells[panel]);
      CHECK(shown.all(panel) == cells[panel]);
    }
    for (const int64_t row : {0, 6, 2, 3, 2})
      for (const size_t panel : {1, 0})
        for (int64_t column = 0; column < kColumns; ++column)
          CHECK(shown.at(panel, row, column) == cells[panel][size_t(row * kColumns + column)]);
  }
}
