// Every metric against the oracle: families of rows, dtypes, kinds, sizes, temperatures and bases.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;

namespace {

constexpr double kImpossible = -INFINITY;

/// Metrics that take a parameter, with those under test.
const std::map<std::string, std::vector<std::string>>& parameters() {
  static const std::map<std::string, std::vector<std::string>> table = {
      {"jsd", {"0.3", "0.9"}}, {"renyi", {"0", "0.5", "1", "2", "inf", "0.99", "5"}}};
  return table;
}

/// Every metric of the table that compares two distributions; a new row there is tested without a word here.
const std::vector<std::string>& referenceMetrics() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const Metric& metric : metrics()) {
      const std::string stem(metric.stem());
      // These have tests of their own.
      if (metric.needs == Needs::Target || metric.ofStoredRows() || stem == "overlap") continue;
      if (metric.parameter().empty()) out.push_back(stem);
      if (!metric.parameter().empty())
        for (const std::string& value : parameters().at(stem)) out.push_back(stem + ":" + value);
    }
    return out;
  }();
  return names;
}

/// A pair of rows of logits; `sample` varies what the family varies.
struct Family {
  const char* name;
  void (*make)(Random& random, int sample, std::vector<double>& x, std::vector<double>& y);
};

void fill(Random& random, std::vector<double>& row, double deviation) {
  for (double& v : row) v = deviation * random.normal();
}

void makeRandom(Random& random, int, std::vector<double>& x, std::vector<double>& y) {
  fill(random, x, 3);
  fill(random, y, 3);
}

void makePeaked(Random& random, int sample, std::vector<double>& x, std::vector<double>& y) {
  fill(random, x, 1);
  fill(random, y, 1);
  const size_t top = x.size() / 3;
  x[top] = 20 + 10.0 * sample;
  y[top] = 60 - 12.0 * sample;
}

void makeNear(Random& random, int sample, std::vector<double>& x, std::vector<double>& y) {
  fill(random, x, 3);
  const double size = std::pow(10.0, -2 - sample);
  for (size_t i = 0; i < x.size(); ++i) y[i] = x[i] + size * random.normal();
}

void makeDisjoint(Random& random, int sample, std::vector<double>& x, std::vector<double>& y) {
  makeRandom(random, sample, x, y);
  // Odd samples share their middle.
  const size_t half = x.size() / 2, shared = sample % 2 ? x.size() / 4 : 0;
  for (size_t i = 0; i + 1 < x.size(); ++i)
    (i < half ? y : x)[i + shared < half || i >= half + shared ? i : x.size() - 1] = kImpossible;
  if (x.size() > 1) y.back() = 0;
  if (x.size() > 1) x.front() = 0;
}

void makeMasked(Random& random, int sample, std::vector<double>& x, std::vector<double>& y) {
  makeRandom(random, sample, x, y);
  for (size_t i = 1; i < x.size(); ++i)
    if (random.uniform() < 0.2 * (sample + 1)) x[i] = y[i] = kImpossible;
}

void makeOneHot(Random& random, int sample, std::vector<double>& x, std::vector<double>& y) {
  makeRandom(random, sample, x, y);
  std::vector<double>& hot = sample % 2 ? y : x;
  std::fill(hot.begin(), hot.end(), kImpossible);
  hot[hot.size() / 2] = 1.5;
}

void makeShifted(Random& random, int sample, std::vector<double>& x, std::vector<double>& y) {
  fill(random, x, 3);
  for (size_t i = 0; i < x.size(); ++i) y[i] = x[i] + (sample < 2 ? 1.0 : 1e-2) * random.normal();
  for (double& v : x) v += 512;
  for (double& v : y) v += sample % 2 ? 512 : -512;
}

constexpr Family kFamilies[] = {{"random", makeRandom},     {"peaked", makePeaked}, {"near", makeNear},
                                {"disjoint", makeDisjoint}, {"masked", makeMasked}, {"one-hot", makeOneHot},
                                {"shifted", makeShifted}};
constexpr int kFamilyCount = int(std::size(kFamilies));

/// Largest and median errors for each metric and family.
class ErrorTable {
 public:
  void add(const std::string& metric, const std::string& family, double expected, float got) {
    // What is left of a difference may have any relative error.
    if (!std::isfinite(expected) || std::abs(expected) < (metric == "entropy-difference" ? 1e-3 : 1e-6)) return;
    errors_[{metric, family}].push_back(std::abs(double(got) - expected) / std::abs(expected));
  }
  double median(const std::string& metric) const {
    std::vector<double> all;
    for (const auto& [key, values] : errors_)
      if (key.first == metric) all.insert(all.end(), values.begin(), values.end());
    return middle(all);
  }
  void print(const std::string& title) const {
    fmt::print("\n{}: largest (median) relative error of values from 1e-6 up (entropy-difference: 1e-3)\n{:20}", title,
               "");
    for (const Family& family : kFamilies) fmt::print("{:>20}", family.name);
    fmt::print("\n");
    for (const std::string& metric : referenceMetrics()) {
      fmt::print("{:20}", metric);
      for (const Family& family : kFamilies) {
        const auto found = errors_.find({metric, family.name});
        if (found == errors_.end())
          fmt::print("{:>20}", "-");
        else
          fmt::print("{:>20}",
                     fmt::format("{:.1e} ({:.1e})", *std::max_element(found->second.begin(), found->second.end()),
                                 middle(found->second)));
      }
      fmt::print("\n");
    }
  }

 private:
  static double middle(std::vector<double> values) {
    if (values.empty()) return 0;
    std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(values.size() / 2), values.end());
    return values[values.size() / 2];
  }
  std::map<std::pair<std::string, std::string>, std::vector<double>> errors_;
};

/// What a row of logits becomes where the dump holds something else.
void become(std::vector<double>& row, Kind kind) {
  if (kind == Kind::Logits) return;
  const Distribution d = distribution({row, Kind::Logits}, 1);
  for (size_t i = 0; i < row.size(); ++i) row[i] = double(kind == Kind::Probs ? d.p[i] : d.ln[i]);
}

struct Setup {
  int64_t width;
  DType dtype;
  Kind kind;
  double temperature = 1;
  std::string base = "e";
  int samples = 4;
  std::optional<DType> referenceDtype;  // none: as the cells
  std::optional<Kind> referenceKind;
};

std::pair<Array, Array> makePairs(const Setup& setup) {
  Random random(uint32_t(setup.width) * 31 + uint32_t(setup.kind));
  const std::vector<Axis> axes = {axis("family", kFamilyCount), axis("sample", setup.samples),
                                  axis("vocab", setup.width)};
  const Kind referenceKind = setup.referenceKind.value_or(setup.kind);
  Array reference{"reference", axes, referenceKind, setup.referenceDtype.value_or(setup.dtype), {}};
  Array cells{"cells", axes, setup.kind, setup.dtype, {}};
  std::vector<double> x(static_cast<size_t>(setup.width)), y(x);
  for (const Family& family : kFamilies)
    for (int sample = 0; sample < setup.samples; ++sample) {
      family.make(random, sample, x, y);
      become(x, referenceKind);
      become(y, setup.kind);
      reference.values.insert(reference.values.end(), x.begin(), x.end());
      cells.values.insert(cells.values.end(), y.begin(), y.end());
    }
  return {std::move(reference), std::move(cells)};
}

double baseOf(const std::string& text) { return text == "e" ? std::exp(1.0) : std::stod(text); }

/// Runs all metrics over all families and checks each cell.
void checkAgainstOracle(const Setup& setup, ErrorTable& errors) {
  const auto [reference, cells] = makePairs(setup);
  PlanOptions options{.tensor = "cells", .metrics = referenceMetrics(), .reference = "tensor:reference"};
  options.base = setup.base;
  options.temperature = setup.temperature;
  const Cells got = run(dumpOf({reference, cells}), options);
  for (int family = 0; family < kFamilyCount; ++family)
    for (int sample = 0; sample < setup.samples; ++sample) {
      const int64_t row = family * setup.samples + sample;
      const Oracle oracle(reference.row(row), cells.row(row), setup.temperature, baseOf(setup.base));
      for (size_t m = 0; m < referenceMetrics().size(); ++m) {
        const std::string& metric = referenceMetrics()[m];
        const double expected = oracle(metric);
        const float value = got.at(m, family, sample);
        // H(q) - H(p) is a difference: what cancels sets its error.
        const double both = 2 * oracle("entropy") - oracle("entropy-difference");
        const double over = excess(metric, expected, value, metric == "entropy-difference" ? both : 0);
        if (over > 1) {
          CAPTURE(metric, kFamilies[family].name, sample, setup.width, info(setup.dtype).name, name(setup.kind),
                  setup.temperature, setup.base, expected, value, over);
          CHECK(over <= 1);
        }
        errors.add(metric, kFamilies[family].name, expected, value);
      }
    }
}

void checkMedians(const ErrorTable& errors) {
  for (const std::string& metric : referenceMetrics()) {
    CAPTURE(metric);
    CHECK(errors.median(metric) <= 2e-6);
  }
}

constexpr DType kDtypes[] = {DType::F16, DType::BF16, DType::F32, DType::F64};
constexpr Kind kKinds[] = {Kind::Logits, Kind::LogProbs, Kind::Probs};

}  // namespace

TEST_CASE_METHOD(GpuTest, "small rows of every dtype and kind meet the accuracy target", "[gpu][divergence]") {
  ErrorTable errors;
  for (const DType dtype : kDtypes)
    for (const Kind kind : kKinds) checkAgainstOracle({kind == Kind::Logits ? 7 : 4097, dtype, kind}, errors);
  for (const int64_t width : {1, 2}) checkAgainstOracle({width, DType::F32, Kind::Logits}, errors);
  checkAgainstOracle({4097, DType::F16, Kind::Logits}, errors);
  checkAgainstOracle({7, DType::F32, Kind::Probs}, errors);
  errors.print("1 to 4097 entries");
  checkMedians(errors);
}

TEST_CASE_METHOD(GpuTest, "rows of GPT-2's vocabulary meet the accuracy target", "[gpu][divergence]") {
  ErrorTable errors;
  for (const auto& [dtype, kind] : {std::pair{DType::F16, Kind::Logits},
                                    {DType::BF16, Kind::LogProbs},
                                    {DType::F32, Kind::Logits},
                                    {DType::F32, Kind::Probs},
                                    {DType::F64, Kind::Probs},
                                    {DType::F64, Kind::Logits}})
    checkAgainstOracle({50257, dtype, kind}, errors);
  errors.print("50257 entries");
  checkMedians(errors);
}

TEST_CASE_METHOD(GpuTest, "rows of a very large vocabulary meet the accuracy target", "[gpu][divergence]") {
  ErrorTable errors;
  checkAgainstOracle({.width = 262144, .dtype = DType::F16, .kind = Kind::Logits, .samples = 1}, errors);
  checkAgainstOracle({.width = 262144, .dtype = DType::F32, .kind = Kind::Probs, .samples = 1}, errors);
  errors.print("262144 entries");
  checkMedians(errors);
}

TEST_CASE_METHOD(GpuTest, "both sides may be stored differently", "[gpu][divergence]") {
  ErrorTable errors;
  for (const DType dtype : kDtypes)
    for (const DType reference : kDtypes)
      if (dtype != reference)
        checkAgainstOracle(
            {.width = 101, .dtype = dtype, .kind = Kind::Logits, .samples = 1, .referenceDtype = reference}, errors);
  for (const Kind kind : {Kind::LogProbs, Kind::Probs})
    checkAgainstOracle({.width = 101, .dtype = DType::F16, .kind = Kind::Logits, .samples = 1, .referenceKind = kind},
                       errors);
  errors.print("sides of different types and kinds");
}

TEST_CASE_METHOD(GpuTest, "temperatures and bases scale as they should", "[gpu][divergence]") {
  ErrorTable errors;
  for (const double temperature : {0.7, 2.0})
    for (const Kind kind : kKinds)
      for (const DType dtype : {DType::F32, DType::F64})
        checkAgainstOracle({.width = 515, .dtype = dtype, .kind = kind, .temperature = temperature}, errors);
  for (const char* base : {"2", "10"})
    checkAgainstOracle({.width = 515, .dtype = DType::F16, .kind = Kind::Logits, .base = base}, errors);
  errors.print("temperatures and bases");
  checkMedians(errors);
}
