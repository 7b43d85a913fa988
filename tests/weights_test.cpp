// Statistics of whole tensors and of stored rows on the device, against an oracle in long double.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>

#include "dump/stack.h"
#include "error.h"
#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;

namespace {

const std::vector<std::string> kOfCell = {"mean", "std",      "rms",      "abs-max",       "l1",  "norm",
                                          "min",  "kurtosis", "skewness", "sparsity:0.01", "max", "histogram-entropy"};
const std::vector<std::string> kOfPair = {"rel-change", "l2", "cosine", "sign-flips", "histogram-jsd", "histogram-kl"};

Array arrayOf(const std::string& name, DType dtype, std::vector<double> values) {
  for (double& value : values) value = asStored(value, dtype);
  Axis axis{"entry", int64_t(values.size()), {}, {}, {}};
  return {name, {axis}, Kind::Unknown, dtype, std::move(values)};
}

/// A stack over one axis `layer` of tensors of any length.
Dump weightsOf(const std::vector<Array>& parts, const std::string& name = "weights") {
  std::vector<StackEntry> entries;
  for (size_t i = 0; i < parts.size(); ++i) {
    PatternValue value{std::to_string(i), false, {double(i)}};
    entries.push_back({tensorOf(parts[i]), {value}, 0, parts[i].name});
  }
  Dump dump;
  dump.path = "weights";
  dump.tensors.push_back(stackWhole(name, layOut({"layer"}, entries), entries));
  dump.preferred = "weights";
  return dump;
}

/// Error in units of what is allowed: relative 1e-6; for differences, relative to what cancels.
void checkValue(const std::string& metric, double expected, float got, const std::vector<double>& entries) {
  CAPTURE(metric, expected, got);
  const double size = metric == "mean" ? oracleOfTensor("rms", entries) : metric == "skewness" ? 1.0 : 0.0;
  CHECK(std::abs(double(got) - expected) <= 2e-6 * std::max(std::abs(expected), size * 0.05));
}

PlanOptions options(std::vector<std::string> metrics, const std::string& reference = "") {
  PlanOptions out;
  out.metrics = std::move(metrics);
  out.reference = reference;
  return out;
}

}  // namespace

TEST_CASE_METHOD(GpuTest, "statistics of tensors meet their oracle", "[weights]") {
  Random random(1);
  std::vector<Array> cells, references;
  // Lengths about the kernels' steps, blocks and pieces; large means, tiny and huge entries.
  for (const int64_t length : {1, 7, 8, 9, 1023, 8193, 70001, 1048576, 1048577, 2500003}) {
    const double scale = std::vector<double>{1, 1e-25, 1e18, 0.02, 5}[size_t(length % 5)];
    std::vector<double> values = normals(random, length, scale), other = normals(random, length, scale * 0.1);
    const double mean = length % 2 ? 30 * scale : 0;
    for (size_t i = 0; i < values.size(); ++i) values[i] += mean, other[i] += values[i];
    const DType dtype = length % 5 == 2 || length % 5 == 1 ? DType::F32 : length % 3 ? DType::F16 : DType::BF16;
    cells.push_back(arrayOf("cell " + std::to_string(length), dtype, values));
    references.push_back(arrayOf("reference", length % 2 ? DType::F32 : dtype, other));
  }
  Dump dump = weightsOf(cells);
  dump.tensors.push_back(weightsOf(references, "base").tensors[0]);
  const Cells alone = run(dump, options(kOfCell));
  const Cells pairs = run(dump, options(kOfPair, "tensor:base"));
  for (size_t layer = 0; layer < cells.size(); ++layer) {
    const std::vector<double>& x = cells[layer].values;
    CAPTURE(cells[layer].name);
    for (size_t m = 0; m < kOfCell.size(); ++m) {
      const bool undefined = x.size() == 1 && (kOfCell[m] == "kurtosis" || kOfCell[m] == "skewness");
      if (undefined)
        CHECK(std::isnan(alone.at(m, int64_t(layer), 0)));
      else
        checkValue(kOfCell[m], oracleOfTensor(kOfCell[m], x), alone.at(m, int64_t(layer), 0), x);
    }
    for (size_t m = 0; m < kOfPair.size(); ++m)
      checkValue(kOfPair[m], oracleOfTensor(kOfPair[m], x, references[layer].values), pairs.at(m, int64_t(layer), 0),
                 x);
  }
}

TEST_CASE_METHOD(GpuTest, "identical tensors differ by exactly nothing", "[weights]") {
  Random random(2);
  Dump dump = weightsOf({arrayOf("a", DType::BF16, normals(random, 5000, 1))});
  dump.tensors.push_back(weightsOf({arrayOf("b", DType::BF16, dump.tensors.empty() ? std::vector<double>() : [&] {
                                     Random again(2);
                                     return normals(again, 5000, 1);
                                   }())},
                                   "base")
                             .tensors[0]);
  const Cells cells = run(dump, options(kOfPair, "tensor:base"));
  CHECK(cells.at(0, 0, 0) == 0.0f);
  CHECK(cells.at(1, 0, 0) == 0.0f);
  CHECK(std::abs(cells.at(2, 0, 0) - 1.0f) < 2e-7f);
  CHECK(cells.at(3, 0, 0) == 0.0f);
  CHECK(cells.at(4, 0, 0) == 0.0f);
  CHECK(cells.at(5, 0, 0) == 0.0f);
}

TEST_CASE_METHOD(GpuTest, "entries that are no numbers follow the rules", "[weights]") {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  const Dump dump = weightsOf({arrayOf("nan", DType::F32, {1, nan, 2}), arrayOf("inf", DType::F32, {1, -inf, 2}),
                               arrayOf("zero", DType::F32, {0, 0, 0})});
  const Cells cells = run(dump, options({"mean", "norm", "std", "sparsity:0"}));
  CHECK(std::isnan(cells.at(0, 0, 0)));
  CHECK(std::isnan(cells.at(1, 0, 0)));
  CHECK(std::isnan(cells.at(0, 1, 0)));
  CHECK(std::isinf(cells.at(1, 1, 0)));
  CHECK(std::isnan(cells.at(2, 1, 0)));
  CHECK(cells.at(1, 2, 0) == 0.0f);
  CHECK(cells.at(3, 2, 0) == 1.0f);
  // Nothing to compare with: 0 / 0 has no value, what changed from nothing changed infinitely.
  const Cells change = run(dump, options({"rel-change"}, "layer=-1"));
  CHECK(std::isnan(change.at(0, 2, 0)));
  const Cells grown = run(weightsOf({arrayOf("one", DType::F32, {1, 1}), arrayOf("zero", DType::F32, {0, 0})}),
                          options({"rel-change"}, "layer=-1"));
  CHECK(std::isinf(grown.at(0, 0, 0)));
}

TEST_CASE_METHOD(GpuTest, "references along the stack's axes", "[weights]") {
  const Dump dump =
      weightsOf({arrayOf("a", DType::F32, {1, 1}), arrayOf("b", DType::F32, {2, 2}), arrayOf("c", DType::F32, {6, 6})});
  const Cells previous = run(dump, options({"rel-change"}, "layer:prev"));
  CHECK(std::isnan(previous.at(0, 0, 0)));
  CHECK(previous.at(0, 1, 0) == 1.0f);
  CHECK(previous.at(0, 2, 0) == 2.0f);
  const Cells first = run(dump, options({"rel-change"}, "layer=0"));
  CHECK(first.at(0, 2, 0) == 5.0f);
  const Cells mean = run(dump, options({"rel-change"}, "mean:layer"));  // 3
  CHECK(mean.at(0, 0, 0) == Approx(2.0 / 3));
  CHECK(mean.at(0, 2, 0) == 1.0f);
}

TEST_CASE_METHOD(GpuTest, "a cell's bits do not depend on its company", "[weights]") {
  Random random(3);
  std::vector<Array> parts;
  for (int i = 0; i < 12; ++i) parts.push_back(arrayOf("p", DType::F16, normals(random, 90001 + 7 * i, 1)));
  const Dump dump = weightsOf(parts);
  const Cells all = run(dump, options({"std", "kurtosis"}));
  PlanOptions some = options({"std", "kurtosis"});
  some.select = {"layer=5,11"};
  const Cells chosen = run(dump, some);
  for (const size_t metric : {0, 1}) {
    CHECK(chosen.at(metric, 0, 0) == all.at(metric, 5, 0));
    CHECK(chosen.at(metric, 1, 0) == all.at(metric, 11, 0));
  }
}

TEST_CASE_METHOD(GpuTest, "hidden rows have the same statistics", "[weights]") {
  Random random(4);
  Array hidden{"hidden",
               {{"layer", 3, {}, {}, {}}, {"token", 5, {}, {}, {}}, {"hidden", 37, {}, {}, {}}},
               Kind::Hidden,
               DType::F16,
               normals(random, 3 * 5 * 37, 2)};
  const Dump dump = dumpOf({hidden});
  const Cells cells = run(dump, options({"rms", "kurtosis"}));
  const Cells moved = run(dump, options({"rel-change"}, "layer:prev"));
  for (int64_t layer = 0; layer < 3; ++layer)
    for (int64_t token = 0; token < 5; ++token) {
      const std::vector<double> row = hidden.row(layer * 5 + token).values;
      checkValue("rms", oracleOfTensor("rms", row), cells.at(0, layer, token), row);
      checkValue("kurtosis", oracleOfTensor("kurtosis", row), cells.at(1, layer, token), row);
      if (layer > 0)
        checkValue("rel-change", oracleOfTensor("rel-change", row, hidden.row((layer - 1) * 5 + token).values),
                   moved.at(0, layer, token), row);
    }
}

TEST_CASE_METHOD(GpuTest, "a window sees tensors' values while others are still read", "[weights][gpu]") {
  Random random(6);
  const Tensor part = tensorOf(arrayOf("part", DType::F32, normals(random, 9'000'000, 1)));
  std::vector<StackEntry> entries;
  for (int i = 0; i < 20; ++i)  // batches of 256 MB
    entries.push_back({part, {{std::to_string(i), false, {double(i)}}}, 0, "part"});
  Dump dump;
  dump.path = "weights";
  dump.tensors.push_back(stackWhole("weights", layOut({"layer"}, entries), entries));
  const Plan plan = makePlan(dump, "", options({"std"}));
  Result result = emptyResult(context(), plan);
  std::vector<int64_t> known;
  EvaluateOptions evaluation;
  evaluation.previewEvery = std::chrono::milliseconds(0);
  evaluation.preview = [&] {
    const std::vector<float> cells = result.grid.read(context(), 0);
    known.push_back(std::count_if(cells.begin(), cells.end(), [](float v) { return std::isfinite(v); }));
  };
  evaluateInto(result, context(), plan, evaluation);
  CHECK(std::is_sorted(known.begin(), known.end()));
  CHECK(known.front() == 0);
  CHECK(std::any_of(known.begin(), known.end(), [](int64_t count) { return count > 0 && count < 20; }));
  for (const float value : result.grid.read(context(), 0)) CHECK(std::isfinite(value));
}

TEST_CASE("statistics that do not fit are usage errors", "[weights]") {
  const Dump dump = weightsOf({arrayOf("a", DType::F32, {1, 1}), arrayOf("b", DType::F32, {2, 2, 2})});
  const auto message = [&](const PlanOptions& plan) {
    try {
      makePlan(dump, "", plan);
    } catch (const Error& error) {
      return std::to_string(int(error.code())) + " " + error.what();
    }
    return std::string("no error");
  };
  using Catch::Matchers::ContainsSubstring;
  CHECK_THAT(message(options({})), ContainsSubstring("2 ") && ContainsSubstring("kurtosis"));
  CHECK_THAT(message(options({"jsd"})), ContainsSubstring("2 ") && ContainsSubstring("compares distributions"));
  CHECK_THAT(message(options({"rel-change"})), ContainsSubstring("layer:prev"));
  CHECK_THAT(message(options({"rel-change"}, "layer:prev")), ContainsSubstring("3 ") && ContainsSubstring("[3]"));
  CHECK_THAT(message(options({"rel-change"}, "uniform")), ContainsSubstring("2 "));
}
