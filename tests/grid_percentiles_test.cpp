// Percentiles of the cells on the device: those of a sorted list, whatever the cells are and however they are stored.
#include "figure/grid_percentiles.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "catch.h"
#include "gpu_fixture.h"

using namespace divlens;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();
const float kMasked = std::bit_cast<float>(0x7fc0deadu);
constexpr double kPercents[] = {0, 2, 12.5, 25, 50, 63.7, 98, 99.999, 100};

/// numpy.nanpercentile of what is left without infinite and hidden cells, in double precision.
double expected(std::vector<float> cells, double percent, const CellRule& hidden) {
  std::erase_if(cells, [&](float v) { return !std::isfinite(v) || hidden.picks(v); });
  if (cells.empty()) return kNan;
  std::sort(cells.begin(), cells.end());
  const double at = double(cells.size() - 1) * (percent / 100), floor = std::floor(at);
  const double a = cells[size_t(floor)], b = cells[size_t(std::ceil(at))], t = at - floor;
  return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
}

Grid gridOf(const std::vector<std::vector<float>>& panels, int64_t columns, int64_t mostRows) {
  Grid grid(test::context(), int64_t(panels.size()), int64_t(panels.front().size()) / columns, columns, mostRows);
  for (size_t i = 0; i < panels.size(); ++i) grid.write(test::context(), int64_t(i), panels[i]);
  return grid;
}

/// Compares every percentile alone, and all asked for at once.
void check(const std::vector<std::vector<float>>& panels, int64_t columns, const CellRule& hidden = {},
           int64_t mostRows = 0) {
  const Grid grid = gridOf(panels, columns, mostRows);
  std::vector<int64_t> numbers;
  std::vector<float> all;
  for (size_t i = 0; i < panels.size(); ++i) {
    numbers.push_back(int64_t(i));
    all.insert(all.end(), panels[i].begin(), panels[i].end());
  }
  GridPercentiles percentiles(test::context(), grid, numbers, hidden);
  const std::vector<double> together = GridPercentiles(test::context(), grid, numbers, hidden).at(kPercents);
  for (size_t i = 0; i < std::size(kPercents); ++i) {
    const double want = expected(all, kPercents[i], hidden);
    INFO("percentile " << kPercents[i] << " of " << all.size() << " cells: " << want);
    const double alone = percentiles.at(std::span(&kPercents[i], 1)).front();
    if (std::isnan(want)) {
      CHECK(std::isnan(alone));
      CHECK(std::isnan(together[i]));
    } else {
      CHECK(alone == want);
      CHECK(together[i] == want);
    }
  }
}

std::vector<float> mixed(size_t count, uint32_t seed) {
  test::Random random(seed);
  std::vector<float> cells(count);
  for (size_t i = 0; i < count; ++i) {
    cells[i] = float(random.normal() * std::exp(4 * random.normal()));
    if (i % 97 == 3) cells[i] = i % 2 ? kNan : kMasked;
    if (i % 89 == 5) cells[i] = i % 2 ? kInf : -kInf;
  }
  return cells;
}

}  // namespace

TEST_CASE_METHOD(test::GpuTest, "percentiles of few, equal or no cells", "[figure][percentiles]") {
  check({{3.5f}}, 1);
  check({{kNan}}, 1);
  check({{kNan, kMasked, kInf, -kInf}}, 2);
  check({{1, 2}}, 2);
  check({std::vector<float>(1000, -7.25f)}, 10);
  check({{-0.0f, 0.0f, -0.0f, 0.0f, kNan, 0.0f}}, 3);
  check({{-1, -2, -3, -4, -1e-40f, 1e-40f, std::numeric_limits<float>::max(), std::numeric_limits<float>::lowest()}},
        4);
}

TEST_CASE_METHOD(test::GpuTest, "percentiles of values of both signs, with ties, are those of a sorted list",
                 "[figure][percentiles]") {
  check({mixed(100000, 1)}, 100);
  std::vector<float> ties = mixed(70001, 2);
  for (float& v : ties) v = std::round(v);
  check({ties}, 1);
  check({ties}, 70001);
}

TEST_CASE_METHOD(test::GpuTest, "percentiles count over panels and over the buffers of each", "[figure][percentiles]") {
  check({mixed(60000, 3), mixed(60000, 4), mixed(60000, 5)}, 100, {}, 7);
}

TEST_CASE_METHOD(test::GpuTest, "percentiles leave hidden cells out", "[figure][percentiles]") {
  check({mixed(30000, 6)}, 30, {kRuleAbove, 0.5f});
  check({mixed(30000, 6)}, 30, {kRuleAtMost, 0.0f});
  check({{1, 2, 3}}, 3, {kRuleBelow, 10.0f});
}

TEST_CASE_METHOD(test::GpuTest, "percentiles of one panel know nothing of the others", "[figure][percentiles]") {
  const Grid grid = gridOf({{1, 2, 3, 4}, {10, 20, 30, 40}}, 2, 0);
  const double half = 50;
  CHECK(GridPercentiles(test::context(), grid, {1}, {}).at(std::span(&half, 1)).front() == 25);
}
