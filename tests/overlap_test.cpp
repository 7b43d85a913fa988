// overlap:k where k is small against the row: rows whose largest elements are listed, and those whose list would be too
// long.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>

#include "divergence/overlap_pass.h"
#include "divergence/rows_run.h"
#include "divergence/stages.h"
#include "dump_fixtures.h"
#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;

namespace {

/// Ids of the k largest of the entries that are compared, ties to the lowest; ascending.
std::vector<size_t> largest(const std::vector<double>& x, const std::vector<size_t>& compared, size_t k) {
  std::vector<size_t> ids = compared;
  std::stable_sort(ids.begin(), ids.end(), [&](size_t a, size_t b) { return x[a] > x[b]; });
  ids.resize(std::min(k, ids.size()));
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::vector<size_t> firstIds(size_t count) {
  std::vector<size_t> ids(count);
  std::iota(ids.begin(), ids.end(), size_t{0});
  return ids;
}

float overlap(const std::vector<double>& p, const std::vector<double>& q, const std::vector<size_t>& compared,
              size_t k) {
  const auto a = largest(p, compared, k), b = largest(q, compared, k);
  std::vector<size_t> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return float(both.size()) / float(a.size());
}

Array rows(int64_t count, int64_t width, DType dtype, Kind kind = Kind::Logits) {
  Random random(uint32_t(width) + uint32_t(dtype));
  Array array{"x", {axis("layer", count), axis("token", 1), axis("vocab", width)}, kind, dtype, {}};
  // Layers that share a part.
  const std::vector<double> common = normals(random, width, 3);
  for (int64_t row = 0; row < count; ++row)
    for (const double x : common) array.values.push_back(x + 2 * random.normal());
  if (kind != Kind::Probs) return array;
  for (int64_t row = 0; row < count; ++row) {
    double sum = 0;
    for (int64_t i = 0; i < width; ++i) sum += std::exp(array.values[size_t(row * width + i)]);
    for (int64_t i = 0; i < width; ++i) {
      double& x = array.values[size_t(row * width + i)];
      x = std::exp(x) / sum;
    }
  }
  return array;
}

std::string named(size_t k) { return "overlap:" + std::to_string(k); }

}  // namespace

TEST_CASE_METHOD(GpuTest, "overlap:k of long rows is what sorting them gives", "[gpu][overlap]") {
  constexpr int64_t kWidth = 5003;
  for (const auto& [dtype, kind] : {std::pair{DType::F16, Kind::Logits}, std::pair{DType::BF16, Kind::Logits},
                                    std::pair{DType::F32, Kind::LogProbs}, std::pair{DType::F64, Kind::Logits},
                                    std::pair{DType::F32, Kind::Probs}}) {
    const Array array = rows(4, kWidth, dtype, kind);
    const size_t last = 4 - 1;
    for (const size_t k : {size_t{1}, size_t{5}, size_t{100}, size_t{300}}) {
      REQUIRE(OverlapPass::fits(kWidth, uint32_t(k)));
      const PlanOptions plan{.metrics = {named(k), "overlap:2"}, .reference = "layer=-1"};
      const Cells got = run(dumpOf({array}), plan);
      for (int64_t layer = 0; layer < 4; ++layer) {
        CAPTURE(info(dtype).name, k, layer);
        const auto p = array.row(int64_t(last)).values, q = array.row(layer).values;
        CHECK(got.at(0, layer, 0) == overlap(p, q, firstIds(size_t(kWidth)), k));
        CHECK(got.at(1, layer, 0) == overlap(p, q, firstIds(size_t(kWidth)), 2));
      }
    }
  }
}

TEST_CASE_METHOD(GpuTest, "overlap:k takes the entries that are compared, whatever the reference", "[gpu][overlap]") {
  constexpr int64_t kWidth = 3000;
  const TempDir folder;
  std::vector<size_t> listed;
  std::ofstream file(folder.path("ids.txt"));
  for (size_t id = 5; id < size_t(kWidth); id += 1 + id % 7) {
    listed.push_back(id);
    file << id << "\n";
  }
  file.close();
  const Array array = rows(3, kWidth, DType::F16);
  const auto target = double(listed[40]);
  const Array targets{"targets", {axis("token", 1)}, Kind::Unknown, DType::I64, {target}};
  const std::vector<double> even(size_t(kWidth), 0.0);
  std::vector<double> hot(size_t(kWidth), -INFINITY);
  hot[size_t(target)] = 0;
  for (const bool masked : {false, true})
    for (const char* reference : {"layer=0", "uniform", "target"}) {
      const std::string name = reference;
      PlanOptions plan{.metrics = {"overlap:30"}, .reference = name, .vocab = masked ? kWidth : kWidth - 11};
      if (masked) plan.vocabMask = folder.path("ids.txt");
      const Cells got = run(dumpOf({array, targets}), plan);
      for (int64_t layer = 0; layer < 3; ++layer) {
        CAPTURE(masked, name, layer);
        const std::vector<double> p = name == "uniform" ? even : name == "target" ? hot : array.row(0).values;
        const std::vector<size_t> compared = masked ? listed : firstIds(size_t(kWidth) - 11);
        CHECK(got.at(0, layer, 0) == overlap(p, array.row(layer).values, compared, 30));
      }
    }
}

TEST_CASE_METHOD(GpuTest, "rows with few large elements are listed, those of equal ones searched whole",
                 "[gpu][overlap]") {
  constexpr int64_t kWidth = 4096;
  constexpr size_t kRows = 7, kListed = 2;
  Array array = rows(kRows, kWidth, DType::F32);
  const auto at = [&](size_t row, int64_t i) -> double& { return array.values[row * size_t(kWidth) + size_t(i)]; };
  for (int64_t i = 0; i < kWidth; ++i) {
    at(1, i) = std::round(at(1, i));                                  // ties about the k-th
    at(2, i) = 4;                                                     // nothing but ties
    if (i % 1000 != 1) at(3, i) = -INFINITY;                          // fewer than k
    at(4, i) = i % 2 ? 1e-42 * double(i % 100) : -1e-42;              // subnormal
    at(5, i) = i % 3 == 0 ? 0.0 : i % 3 == 1 ? -0.0 : at(5, i) - 40;  // zeros of both signs are equal
  }
  at(6, 77) = NAN;
  const PlanOptions options{.metrics = {"overlap:10"}, .reference = "layer=0"};
  const Cells got = run(dumpOf({array}), options);
  for (size_t row = 0; row < kRows; ++row) {
    CAPTURE(row);
    const float expected = overlap(array.row(0).values, array.row(int64_t(row)).values, firstIds(size_t(kWidth)), 10);
    CHECK((row == 6 ? std::isnan(got.at(0, 6, 0)) : got.at(0, int64_t(row), 0) == expected));
  }
  // How many rows were not listed.
  const auto left = [&](const std::vector<std::string>& select) {
    PlanOptions some = options;
    some.select = select;
    const Dump dump = dumpOf({array});
    const Plan plan = makePlan(dump, "", some);
    RowsRun run(context(), plan, {});
    const Block block = cutIntoBlocks(plan, 1000).front();
    const gpu::Buffer values(context(), 4 * uint64_t(block.cells()), gpu::Memory::Device, "values");
    std::vector<std::string> warnings;
    run.compute(block, entryLayout(plan), values, uint64_t(block.cells()), 0, warnings, {}, [] {});
    return run.givenBack();
  };
  CHECK(left({"layer=0,1,6"}) == 0);
  CHECK(left({"layer=2,3"}) == kListed);
}

TEST_CASE_METHOD(GpuTest, "the largest elements of rows longer than a driver's loops last are found",
                 "[gpu][overlap]") {
  constexpr int64_t kWidth = 2'500'001;
  const Array array = rows(2, kWidth, DType::F16);
  for (const size_t k : {size_t{10}, size_t{200}, size_t{1000}}) {
    CAPTURE(k);
    const Cells got = run(dumpOf({array}), {.metrics = {named(k)}, .reference = "layer=-1"});
    CHECK(got.at(0, 0, 0) == overlap(array.row(1).values, array.row(0).values, firstIds(size_t(kWidth)), k));
  }
}
