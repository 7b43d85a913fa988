// Overlap, other tools' definitions, masks, mean references, intervals, differences of groups and onsets, against plain
// formulas.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "divergence/onset.h"
#include "divergence/verify.h"
#include "dump_fixtures.h"
#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;

namespace {

constexpr int64_t kWidth = 203;

std::vector<Axis> axesOf(int64_t examples, int64_t layers) {
  return {axis("example", examples), axis("layer", layers), axis("vocab", kWidth)};
}

Array logits(int64_t examples, int64_t layers, DType dtype = DType::F32) {
  Random random(uint32_t(examples * 100 + layers));
  Array array{"logits", axesOf(examples, layers), Kind::Logits, dtype, normals(random, examples * layers * kWidth, 2)};
  // Ties matter to overlaps.
  for (double& v : array.values) v = std::round(v * 8) / 8;
  return array;
}

std::vector<double> softmax(const std::vector<double>& x) {
  const double top = *std::max_element(x.begin(), x.end());
  std::vector<double> p;
  double sum = 0;
  for (const double v : x) sum += std::exp(v - top);
  for (const double v : x) p.push_back(std::exp(v - top) / sum);
  return p;
}

double kl(const std::vector<double>& p, const std::vector<double>& q) {
  double sum = 0;
  for (size_t i = 0; i < p.size(); ++i) sum += p[i] * std::log(p[i] / q[i]);
  return sum;
}

std::vector<double> row(const Array& array, int64_t index) { return array.row(index).values; }

PlanOptions grid(const std::string& metric, const std::string& reference = "layer=-1") {
  return {.rows = "example", .columns = "layer", .metrics = {metric}, .reference = reference};
}

std::vector<size_t> largest(const std::vector<double>& x, size_t k) {
  std::vector<size_t> ids(x.size());
  std::iota(ids.begin(), ids.end(), size_t{0});
  std::stable_sort(ids.begin(), ids.end(), [&](size_t a, size_t b) { return x[a] > x[b]; });
  ids.resize(std::min(k, ids.size()));
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace

TEST_CASE_METHOD(GpuTest, "overlap:k counts what the k most probable entries share, ties to the lowest ids", "[gpu]") {
  for (const DType dtype : {DType::F16, DType::BF16, DType::F32})
    for (const size_t k : {size_t{1}, size_t{5}, size_t{100}, size_t{1000}}) {
      const Array array = logits(2, 3, dtype);
      const Cells got = run(dumpOf({array}), grid("overlap:" + std::to_string(k)));
      for (int64_t e = 0; e < 2; ++e)
        for (int64_t l = 0; l < 3; ++l) {
          const auto p = largest(row(array, e * 3 + 2), k), q = largest(row(array, e * 3 + l), k);
          std::vector<size_t> both;
          std::set_intersection(p.begin(), p.end(), q.begin(), q.end(), std::back_inserter(both));
          CAPTURE(k, e, l);
          CHECK(double(got.at(0, e, l)) == Catch::Approx(double(both.size()) / double(p.size())).epsilon(1e-6));
        }
    }
}

TEST_CASE_METHOD(GpuTest, "overlap:k of references that no tensor holds", "[gpu]") {
  const TempDir folder;
  const Array array = logits(1, 3, DType::F16);
  std::vector<double> ids;
  for (int64_t id = 3; id < kWidth; id += 2) ids.push_back(double(id));
  std::ofstream list(folder.path("ids.txt"));
  for (const double id : ids) list << int64_t(id) << "\n";
  list.close();
  const std::vector<int64_t> targets = {0, 7, 190};
  const Array target{"targets", {axis("layer", 3)}, Kind::Unknown, DType::I64, {0, 7, 190}};
  for (const bool masked : {false, true})
    for (const size_t k : {size_t{1}, size_t{4}, size_t{150}})
      for (const char* reference : {"uniform", "target"}) {
        PlanOptions options = grid("overlap:" + std::to_string(k), reference);
        if (masked) options.vocabMask = folder.path("ids.txt");
        const Cells got = run(dumpOf({array, target}), options);
        for (int64_t l = 0; l < 3; ++l) {
          std::vector<double> cell, made;
          bool known = reference == std::string("uniform");
          for (int64_t i = 0; i < kWidth; ++i) {
            if (masked && (i < 3 || i % 2 == 0)) continue;
            const bool hot = i == targets[size_t(l)];
            known = known || hot;
            cell.push_back(row(array, l)[size_t(i)]);
            made.push_back(reference == std::string("uniform") || hot ? 0 : -INFINITY);
          }
          const auto p = largest(made, k), q = largest(cell, k);
          std::vector<size_t> both;
          std::set_intersection(p.begin(), p.end(), q.begin(), q.end(), std::back_inserter(both));
          CAPTURE(masked, k, reference, l);
          const double value = double(got.at(0, 0, l));
          if (!known)
            CHECK(std::isnan(value));
          else
            CHECK(value == Catch::Approx(double(both.size()) / double(p.size())).epsilon(1e-6));
        }
      }
}

TEST_CASE_METHOD(GpuTest, "conventions give the other tools' numbers", "[gpu]") {
  const Array array = logits(1, 2);
  const std::vector<double> p = softmax(row(array, 1)), q = softmax(row(array, 0));
  std::vector<double> m;
  double tv = 0, clipped = 0;
  const double clip = 0.1 / double(kWidth);
  for (size_t i = 0; i < p.size(); ++i) {
    m.push_back((p[i] + q[i]) / 2);
    tv = std::max(tv, std::abs(p[i] - q[i]));
    clipped += std::max(p[i], clip) * std::log(std::max(p[i], clip) / std::max(q[i], clip));
  }
  const struct {
    const char *tool, *metric;
    double value;
  } rows[] = {{"scipy", "jsd", std::sqrt((kl(p, m) + kl(q, m)) / 2)},
              {"dola", "jsd", (kl(m, p) + kl(m, q)) / 2 / double(kWidth)},
              {"tuned-lens", "jsd", (kl(p, q) + kl(q, p)) / 2},
              {"tuned-lens", "tv", tv},
              {"transformer-utils", "kl", clipped},
              {"torch", "kl", kl(p, q)},
              {"llama.cpp", "kl", kl(p, q)}};
  for (const auto& expected : rows) {
    PlanOptions options = grid(expected.metric);
    options.convention = expected.tool;
    CAPTURE(expected.tool, expected.metric);
    CHECK(double(run(dumpOf({array}), options).at(0, 0, 0)) == Catch::Approx(expected.value).epsilon(1e-4));
  }
}

TEST_CASE_METHOD(GpuTest, "a vocabulary mask compares the listed entries alone", "[gpu]") {
  const TempDir folder;
  const Array array = logits(1, 2);
  std::vector<double> x, y;
  std::string ids = "[";
  for (size_t i = 3; i < size_t(kWidth); i += 7) {
    ids += std::to_string(i) + ", ";
    x.push_back(row(array, 1)[i]);
    y.push_back(row(array, 0)[i]);
  }
  PlanOptions options = grid("kl");
  options.vocabMask = folder.write("ids.json", ids + "3]");
  const float listed = run(dumpOf({array}), options).at(0, 0, 0);
  CHECK(double(listed) == Catch::Approx(kl(softmax(x), softmax(y))).epsilon(1e-5));
  // The same entries, marked.
  const auto marks = [&](int64_t entries) {
    std::string text = fmt::format("{{'descr': '|b1', 'fortran_order': False, 'shape': ({},), }}", entries);
    text.resize(118, ' ');
    std::string file = "\x93NUMPY\x01" + std::string(1, '\0') + std::string{char(118), '\0'} + text;
    for (int64_t i = 0; i < entries; ++i) file += i >= 3 && (i - 3) % 7 == 0 ? '\1' : '\0';
    return file;
  };
  options.vocabMask = folder.write("marks.npy", marks(kWidth));
  CHECK(run(dumpOf({array}), options).at(0, 0, 0) == listed);
  options.vocabMask = folder.write("short.npy", marks(kWidth - 1));
  CHECK_REFUSED(makePlan(dumpOf({array}), "", options), Exit::Usage, "the vocabulary has");
}

TEST_CASE_METHOD(GpuTest, "mean:AXIS is the mean of distributions", "[gpu]") {
  const Array array = logits(3, 4);
  const Cells got = run(dumpOf({array}), grid("kl", "mean:layer"));
  for (int64_t e = 0; e < 3; ++e) {
    std::vector<double> mean(size_t(kWidth), 0.0);
    for (int64_t l = 0; l < 4; ++l) {
      const std::vector<double> p = softmax(row(array, e * 4 + l));
      for (size_t i = 0; i < p.size(); ++i) mean[i] += p[i] / 4;
    }
    for (int64_t l = 0; l < 4; ++l)
      CHECK(double(got.at(0, e, l)) == Catch::Approx(kl(mean, softmax(row(array, e * 4 + l)))).epsilon(1e-5));
  }
}

TEST_CASE_METHOD(GpuTest, "rows that are no distribution are left out of mean:AXIS, and counted", "[gpu]") {
  Array array = logits(3, 4);
  array.values[size_t((1 * 4 + 2) * kWidth + 5)] = NAN;  // example 1, layer 2
  for (int64_t l = 0; l < 4; ++l) array.values[size_t((2 * 4 + l) * kWidth)] = INFINITY;
  const Plan plan = makePlan(dumpOf({array}), "", grid("kl", "mean:layer"));
  const Result result = evaluate(context(), plan);
  const std::vector<float> cells = result.grid.read(context(), 0);
  for (int64_t e = 0; e < 2; ++e) {
    std::vector<double> mean(size_t(kWidth), 0.0);
    for (int64_t l = 0; l < 4; ++l)
      if (e == 0 || l != 2) {
        const std::vector<double> p = softmax(row(array, e * 4 + l));
        for (size_t i = 0; i < p.size(); ++i) mean[i] += p[i] / (e == 0 ? 4 : 3);
      }
    for (int64_t l = 0; l < 4; ++l) {
      CAPTURE(e, l);
      const float cell = cells[size_t(e * 4 + l)];
      if (e == 1 && l == 2)
        CHECK(std::isnan(cell));
      else
        CHECK(double(cell) == Catch::Approx(kl(mean, softmax(row(array, e * 4 + l)))).epsilon(1e-5));
    }
  }
  for (size_t l = 0; l < 4; ++l) CHECK(std::isnan(cells[8 + l]));  // nothing is left
  REQUIRE(result.warnings.size() == 1);
  CHECK_THAT(result.warnings[0],
             Catch::Matchers::ContainsSubstring("5 rows are NaN and left out of the reference mean:layer"));
  CHECK(verify(plan, result.panels, {cells}, 12).passed());
}

TEST_CASE_METHOD(GpuTest, "masked cells are in no statistic and are not counted as NaN", "[gpu]") {
  Array array = logits(4, 2);
  Dump dump = dumpOf({array, {"padding", {axis("example", 4)}, Kind::Scalar, DType::I64, {0, 1, 0, 0}}});
  dump.tensors[0].mask = "padding";
  PlanOptions options{.rows = "layer", .reduce = {"example=mean"}, .metrics = {"kl"}};
  const Cells masked = run(dump, options);
  options.select = {"example=0,2,3"};
  dump.tensors[0].mask.clear();
  const Cells selected = run(dump, options);
  // The tree over four entries pairs them otherwise than that over three.
  CHECK(double(masked.at(0, 0, 0)) == Catch::Approx(double(selected.at(0, 0, 0))).epsilon(1e-6));
  CHECK(masked.at(0, 1, 0) == 0);
  CHECK(masked.nans == 0);
  CHECK(masked.cells == 6);
  // Nor in a mean that cells are compared with.
  options = {
      .rows = "layer", .columns = "example", .select = {"example=2"}, .metrics = {"kl"}, .reference = "mean:example"};
  dump.tensors[0].mask = "padding";
  const Plan plan = makePlan(dump, "", options);
  const Result result = evaluate(context(), plan);
  const float cell = result.grid.read(context(), 0)[0];
  std::vector<double> mean(size_t(kWidth), 0.0);
  for (const int64_t e : {0, 2, 3}) {
    const std::vector<double> p = softmax(row(array, e * 2));
    for (size_t i = 0; i < p.size(); ++i) mean[i] += p[i] / 3;
  }
  CHECK(double(cell) == Catch::Approx(kl(mean, softmax(row(array, 2 * 2)))).epsilon(1e-5));
  CHECK(verify(plan, result.panels, {result.grid.read(context(), 0)}, 10).passed());
}

TEST_CASE_METHOD(GpuTest, "intervals hold the mean and shrink with confidence; identical entries have none", "[gpu]") {
  const Array array = logits(40, 2);
  const Dump dump = dumpOf({array});
  const auto ends = [&](double confidence) {
    PlanOptions options{.rows = "layer", .reduce = {"example=mean"}, .metrics = {"kl"}};
    options.confidence = confidence;
    const Plan plan = makePlan(dump, "", options);
    const Result result = evaluate(context(), plan);
    return std::tuple(result.grid.read(context(), 0)[0], result.lower->read(context(), 0),
                      result.upper->read(context(), 0));
  };
  const auto [mean, lower, upper] = ends(0.95);
  const auto [sameMean, lowerHalf, upperHalf] = ends(0.5);
  CHECK(lower[0] < lowerHalf[0]);
  CHECK(lowerHalf[0] < mean);
  CHECK(mean < upperHalf[0]);
  CHECK(upperHalf[0] < upper[0]);
  // The last layer is its own reference: every entry is 0.
  CHECK(lower[1] == 0);
  CHECK(upper[1] == 0);
  // A normal interval is a good approximation of a mean over 40 entries.
  double sum = 0, squares = 0;
  for (int64_t e = 0; e < 40; ++e) {
    const double v = kl(softmax(row(array, e * 2 + 1)), softmax(row(array, e * 2)));
    sum += v;
    squares += v * v;
  }
  const double half = 1.96 * std::sqrt((squares - sum * sum / 40) / 39 / 40);
  CHECK(double(mean - lower[0]) == Catch::Approx(half).epsilon(0.15));
  CHECK(double(upper[0] - mean) == Catch::Approx(half).epsilon(0.15));
}

TEST_CASE_METHOD(GpuTest, "groups come from a file, and one is subtracted from the others", "[gpu]") {
  const TempDir folder;
  const Array array = logits(6, 2);
  PlanOptions options{.rows = "layer", .group = "example", .metrics = {"kl"}};
  options.groupsFile = folder.write("groups.csv", "example,group\n0,a\n1,b\n2,a\n3,b\n4,a\n5,c\n");
  const Cells groups = run(dumpOf({array}), options);
  REQUIRE(groups.panels.size() == 3);
  double a = 0;
  for (const int64_t e : {0, 2, 4}) a += kl(softmax(row(array, e * 2 + 1)), softmax(row(array, e * 2))) / 3;
  CHECK(double(groups.at(0, 0, 0)) == Catch::Approx(a).epsilon(1e-5));
  options.minus = "b";
  const Cells differences = run(dumpOf({array}), options);
  REQUIRE(differences.panels.size() == 2);
  CHECK(differences.at(0, 0, 0) == groups.at(0, 0, 0) - groups.at(1, 0, 0));
  CHECK(differences.at(1, 0, 0) == groups.at(2, 0, 0) - groups.at(1, 0, 0));
}

TEST_CASE("an onset is the first layer from which cells stay beyond the threshold", "[onset]") {
  Plan plan;
  plan.rows = {.name = "layer", .positions = {4, 0, 2, 6}};
  plan.columns = {.name = "token", .positions = {0, 1, 2, 3}};
  // Rows in the order of --select: layers 4, 0, 2, 6.
  const std::vector<float> cells = {0.05F, 0.05F, 0.05F, NAN,   0.5F,  0.05F, 0.5F, 0.05F,
                                    0.5F,  0.5F,  0.05F, 0.05F, 0.05F, 0.05F, 0.5F, 0.05F};
  const Onset toEnd = findOnset(plan, cells, parseThreshold("<0.1", "--onset"), 0);
  CHECK(toEnd.positions == std::vector<std::optional<int64_t>>{4, 4, std::nullopt, 6});
  const Onset two = findOnset(plan, cells, parseThreshold("<0.1", "--onset"), 2);
  CHECK(two.positions == std::vector<std::optional<int64_t>>{4, 4, 2, 0});
  CHECK(two.beyondRows == std::vector<int64_t>{3, 2, 2, 3});
  CHECK(two.beyondColumns == std::vector<int64_t>{2, 3, 2, 3});
  CHECK_FALSE(parseThreshold(">0.1", "--onset").beyond(0.1F - 1e-3F));
  for (const char* bad : {"0.1", "<", "<x", "<=0.1", "<inf"}) CHECK_THROWS_AS(parseThreshold(bad, "--onset"), Error);
}
