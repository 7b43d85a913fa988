// Hand-made rows: zero rules, infinities, sentinels, bad rows, targets.
#include <cmath>

#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;

namespace {

constexpr double kMinusInfinity = -INFINITY;
const double kLn2 = std::log(2.0);

/// One pair of rows and what metrics make of them.
Cells compare(const std::vector<double>& reference, const std::vector<double>& cell,
              const std::vector<std::string>& metrics, Kind kind = Kind::Logits, DType dtype = DType::F32,
              double temperature = 1) {
  const std::vector<Axis> axes = {axis("layer", 1), axis("token", 1), axis("vocab", int64_t(cell.size()))};
  PlanOptions options{.tensor = "cells", .metrics = metrics, .reference = "tensor:reference"};
  options.temperature = temperature;
  return run(dumpOf({{"cells", axes, kind, dtype, cell}, {"reference", axes, kind, dtype, reference}}), options);
}

/// Cells [1, tokens, vocab] of logits with one id each.
Cells withTargets(const std::vector<std::vector<double>>& rows, const std::vector<double>& ids, PlanOptions options) {
  const Axis token = axis("token", int64_t(ids.size()));
  std::vector<double> values;
  for (const std::vector<double>& row : rows) values.insert(values.end(), row.begin(), row.end());
  const std::vector<Axis> axes = {axis("layer", 1), token, axis("vocab", int64_t(rows[0].size()))};
  return run(
      dumpOf({{"logits", axes, Kind::Logits, DType::F32, values}, {"targets", {token}, Kind::Scalar, DType::I64, ids}}),
      options);
}

const std::vector<std::string> kDivergences = {
    "jsd",     "kl",        "kl-reverse", "jeffreys", "jsd:0.3",   "js-distance",       "tv", "hellinger", "chi2",
    "renyi:0", "renyi:0.5", "renyi:1",    "renyi:2",  "renyi:inf", "entropy-difference"};

}  // namespace

TEST_CASE_METHOD(GpuTest, "half-overlapping rows have the values worked out by hand", "[gpu][zero]") {
  const Cells got = compare({0.5, 0.5, 0}, {0, 0.5, 0.5},
                            {"jsd", "js-distance", "kl", "kl-reverse", "tv", "hellinger", "renyi:inf"}, Kind::Probs);
  CHECK(got.at(0, 0, 0) == Catch::Approx(kLn2 / 2).epsilon(1e-6));
  CHECK(got.at(1, 0, 0) == Catch::Approx(0.588705).epsilon(1e-5));
  CHECK(got.at(2, 0, 0) == INFINITY);
  CHECK(got.at(3, 0, 0) == INFINITY);
  CHECK(got.at(4, 0, 0) == Catch::Approx(0.5).epsilon(1e-6));
  CHECK(got.at(5, 0, 0) == Catch::Approx(std::sqrt(0.5)).epsilon(1e-6));
  CHECK(got.at(6, 0, 0) == INFINITY);
  CHECK(got.infinities == 3);
}

TEST_CASE_METHOD(GpuTest, "disjoint rows are as far apart as can be", "[gpu][zero]") {
  const Cells got = compare({1, 2, kMinusInfinity, kMinusInfinity}, {kMinusInfinity, kMinusInfinity, 0, 4},
                            {"jsd", "tv", "hellinger", "kl", "renyi:0.5", "renyi:0"});
  CHECK(got.at(0, 0, 0) == Catch::Approx(kLn2).epsilon(1e-6));
  CHECK(got.at(1, 0, 0) == Catch::Approx(1).epsilon(1e-6));
  CHECK(got.at(2, 0, 0) == Catch::Approx(1).epsilon(1e-6));
  for (size_t metric = 3; metric < 6; ++metric) CHECK(got.at(metric, 0, 0) == INFINITY);
}

TEST_CASE_METHOD(GpuTest, "identical rows give exactly 0, masked ones too", "[gpu][zero]") {
  Random random(9);
  std::vector<double> row = normals(random, 1001, 3);
  for (size_t i = 0; i < row.size(); i += 3) row[i] = kMinusInfinity;
  for (const DType dtype : {DType::F16, DType::BF16, DType::F32, DType::F64}) {
    const Cells got = compare(row, row, kDivergences, Kind::Logits, dtype);
    for (size_t metric = 0; metric < kDivergences.size(); ++metric) {
      CAPTURE(kDivergences[metric], got.at(metric, 0, 0));
      CHECK(got.at(metric, 0, 0) == 0);
    }
  }
}

TEST_CASE_METHOD(GpuTest, "adding a constant to logits changes nothing", "[gpu][zero]") {
  Random random(10);
  std::vector<double> row;
  for (const double v : normals(random, 333, 3)) row.push_back(std::round(v * 64) / 64);  // so that sums are exact
  std::vector<double> moved = row;
  for (double& v : moved) v += 512;
  const Cells got = compare(row, moved, kDivergences);
  for (size_t metric = 0; metric < kDivergences.size(); ++metric) {
    CAPTURE(kDivergences[metric]);
    CHECK(got.at(metric, 0, 0) == 0);
  }
}

TEST_CASE_METHOD(GpuTest, "a one-hot row against the uniform one", "[gpu][zero]") {
  std::vector<double> hot(300, kMinusInfinity);
  hot[17] = -3;
  const Cells got = compare(hot, std::vector<double>(300, 2.5), {"kl", "entropy", "max-prob", "cross-entropy"});
  CHECK(got.at(0, 0, 0) == Catch::Approx(std::log(300.0)).epsilon(1e-6));
  CHECK(got.at(1, 0, 0) == Catch::Approx(std::log(300.0)).epsilon(1e-6));
  CHECK(got.at(2, 0, 0) == Catch::Approx(1 / 300.0).epsilon(1e-6));
  CHECK(got.at(3, 0, 0) == Catch::Approx(std::log(300.0)).epsilon(1e-6));
}

TEST_CASE_METHOD(GpuTest, "the uniform reference is a row of equal logits", "[gpu][zero]") {
  Random random(11);
  const std::vector<Axis> axes = {axis("layer", 1), axis("token", 1), axis("vocab", 77)};
  const Array cells{"logits", axes, Kind::Logits, DType::F32, normals(random, 77, 3)};
  const std::vector<std::string> metrics = {"kl", "jsd", "tv", "cross-entropy"};
  const Cells got = run(dumpOf({cells}), {.metrics = metrics, .reference = "uniform"});
  const Oracle oracle({std::vector<double>(77, 0.0), Kind::Logits}, cells.row(0));
  for (size_t metric = 0; metric < metrics.size(); ++metric)
    CHECK(excess(metrics[metric], oracle(metrics[metric]), got.at(metric, 0, 0)) <= 1);
}

TEST_CASE_METHOD(GpuTest, "finite sentinels are logits, not zeros", "[gpu][zero]") {
  const std::vector<double> open = {1, 2, 3, 0.5};
  for (const auto& [sentinel, dtype] : {std::pair{-65504.0, DType::F16},
                                        {-65504.0, DType::F32},
                                        {-3.0e38, DType::F32},
                                        {-3.0e38, DType::BF16},
                                        {-3.4028234e38, DType::F32}}) {
    const std::vector<double> masked = {1, sentinel, 3, sentinel};
    const std::vector<double> also = {2, sentinel, 3, sentinel};
    CAPTURE(sentinel, info(dtype).name);
    const Oracle both({masked, Kind::Logits}, {also, Kind::Logits}), one({open, Kind::Logits}, {masked, Kind::Logits});
    const std::vector<std::string> metrics = {"kl", "jsd", "tv", "jeffreys"};
    const Cells same = compare(masked, also, metrics, Kind::Logits, dtype);
    const Cells half = compare(open, masked, metrics, Kind::Logits, dtype);
    for (size_t metric = 0; metric < metrics.size(); ++metric) {
      CAPTURE(metrics[metric]);
      CHECK(excess(metrics[metric], both(metrics[metric]), same.at(metric, 0, 0)) <= 1);
      CHECK(std::isfinite(half.at(metric, 0, 0)));
    }
    if (sentinel == -65504.0) CHECK(excess("kl", one("kl"), half.at(0, 0, 0)) <= 1);
  }
}

TEST_CASE_METHOD(GpuTest, "bad rows are NaN cells", "[gpu][zero]") {
  const std::vector<double> good = {0.5, 0.25, 0.25};
  const std::vector<double> none(3, kMinusInfinity);
  for (const auto& [bad, kind] : {std::pair{std::vector<double>{1, NAN, 2}, Kind::Logits},
                                  {std::vector<double>{1, INFINITY, 2}, Kind::Logits},
                                  {none, Kind::Logits},
                                  {std::vector<double>{0.5, -0.1, 0.6}, Kind::Probs},
                                  {std::vector<double>{0, 0, 0}, Kind::Probs},
                                  {std::vector<double>{0.5, NAN, 0.5}, Kind::Probs},
                                  {std::vector<double>{0.5, -NAN, 0.5}, Kind::Probs},
                                  {std::vector<double>{0.5, INFINITY, 0.5}, Kind::Probs}})
    for (const DType dtype : {DType::F16, DType::F32, DType::F64})
      for (const double temperature : {1.0, 2.0}) {
        CAPTURE(info(dtype).name, name(kind), bad, temperature);
        const Cells asCell = compare(good, bad, {"kl", "entropy", "top1-agree"}, kind, dtype, temperature);
        for (size_t metric = 0; metric < 3; ++metric) CHECK(std::isnan(asCell.at(metric, 0, 0)));
        CHECK(asCell.nans == 3);
        const Cells asReference = compare(bad, good, {"kl", "entropy", "top1-agree"}, kind, dtype, temperature);
        CHECK(std::isnan(asReference.at(0, 0, 0)));
        CHECK(std::isnan(asReference.at(2, 0, 0)));
      }
}

TEST_CASE_METHOD(GpuTest, "Rényi divergences of rows far apart have no floor and no ceiling", "[gpu][zero]") {
  const std::vector<double> p = {0, -400, -1000, -3}, q = {-900, 0, -20, -2000};
  for (const DType dtype : {DType::F16, DType::F32})
    for (const char* metric : {"renyi:0.2", "renyi:0.5", "renyi:1.7", "renyi:2", "renyi:inf"}) {
      CAPTURE(metric);
      const Oracle oracle({p, Kind::Logits}, {q, Kind::Logits});
      CHECK(excess(metric, oracle(metric), compare(p, q, {metric}, Kind::Logits, dtype).at(0, 0, 0)) <= 1);
    }
}

TEST_CASE_METHOD(GpuTest, "double probabilities below float32 keep their logarithms", "[gpu][zero]") {
  const std::vector<double> p = {0.5, 0.25, 0.25}, q = {1 - 1e-60, 1e-60, 1e-300};
  for (const double temperature : {1.0, 2.5}) {
    const Cells got = compare(p, q, {"kl", "jsd"}, Kind::Probs, DType::F64, temperature);
    const Oracle oracle({p, Kind::Probs}, {q, Kind::Probs}, temperature);
    CHECK(excess("kl", oracle("kl"), got.at(0, 0, 0)) <= 1);
    CHECK(excess("jsd", oracle("jsd"), got.at(1, 0, 0)) <= 1);
  }
}

TEST_CASE_METHOD(GpuTest, "the smallest probabilities keep their logarithms", "[gpu][zero]") {
  for (const double tiny : {1e-30, 1.2e-38, 1e-40, 3e-45}) {
    const std::vector<double> p = {0.5, 0.5}, q = {1, double(float(tiny))};
    CAPTURE(tiny);
    const Cells got = compare(p, q, {"kl", "cross-entropy"}, Kind::Probs);
    const Oracle oracle({p, Kind::Probs}, {q, Kind::Probs});
    CHECK(excess("kl", oracle("kl"), got.at(0, 0, 0)) <= 1);
    CHECK(excess("cross-entropy", oracle("cross-entropy"), got.at(1, 0, 0)) <= 1);
  }
}

TEST_CASE_METHOD(GpuTest, "top-1 agreement of probabilities survives a temperature, and ties go to the lowest id",
                 "[gpu][zero]") {
  for (const double temperature : {1.0, 2.0}) {
    CAPTURE(temperature);
    const auto agree = [&](const std::vector<double>& x, const std::vector<double>& y) {
      return compare(x, y, {"top1-agree"}, Kind::Probs, DType::F32, temperature).at(0, 0, 0);
    };
    CHECK(agree({0.2, 0.7, 0.1}, {0.1, 0.6, 0.3}) == 1);
    CHECK(agree({0.2, 0.7, 0.1}, {0.6, 0.1, 0.3}) == 0);
    CHECK(agree({0.1, 0.45, 0.45}, {0.1, 0.5, 0.4}) == 1);
    CHECK(agree({0.1, 0.45, 0.45}, {0.1, 0.4, 0.5}) == 0);
  }
}

TEST_CASE_METHOD(GpuTest, "cosine and l2 take the rows as stored, whatever their length", "[gpu][zero]") {
  Random random(12);
  for (const DType dtype : {DType::F16, DType::BF16, DType::F32})
    for (const int64_t width : {1, 7, 129}) {
      const std::vector<Axis> axes = {axis("layer", 1), axis("token", 1), axis("vocab", width)};
      const Array x{"reference", axes, Kind::Logits, dtype, normals(random, width, 3)};
      const Array y{"cells", axes, Kind::Logits, dtype, normals(random, width, 3)};
      PlanOptions options{.tensor = "cells", .metrics = {"cosine", "l2"}, .reference = "tensor:reference"};
      options.temperature = 3;
      const Cells got = run(dumpOf({x, y}), options);
      const Oracle oracle(x.row(0), y.row(0));
      CAPTURE(info(dtype).name, width);
      CHECK(got.at(0, 0, 0) == Catch::Approx(oracle("cosine")).margin(1e-6));
      CHECK(excess("l2", oracle("l2"), got.at(1, 0, 0)) <= 1);
    }
}

TEST_CASE_METHOD(GpuTest, "rank and logprob of targets, inside and outside the vocabulary", "[gpu][zero]") {
  const std::vector<double> row = {0.5, 3, kMinusInfinity, 3, -2};
  const std::vector<double> ids = {0, 1, 2, 3, 4, -100, -1, 5, 1e12};
  const std::vector<std::vector<double>> rows(ids.size(), row);
  const Cells got =
      withTargets(rows, ids, {.metrics = {"rank", "logprob", "entropy", "cross-entropy"}, .reference = "target"});
  for (size_t i = 0; i < ids.size(); ++i) {
    CAPTURE(ids[i]);
    const auto column = int64_t(i);
    for (const auto& [panel, metric] : {std::pair{size_t{0}, "rank"}, {size_t{1}, "logprob"}})
      CHECK(excess(metric, oracleOfTarget(metric, {row, Kind::Logits}, int64_t(ids[i])), got.at(panel, 0, column)) <=
            1);
    CHECK(std::isfinite(got.at(2, 0, column)));
    CHECK(std::isnan(got.at(3, 0, column)) == (ids[i] < 0 || ids[i] > 4));
  }
  CHECK(got.at(1, 0, 2) == -INFINITY);
  CHECK(got.at(3, 0, 2) == INFINITY);
  CHECK(got.at(0, 0, 1) == 1);
  CHECK(got.at(0, 0, 3) == 1);
}

TEST_CASE_METHOD(GpuTest, "a target beyond --vocab is a NaN cell", "[gpu][zero]") {
  const std::vector<double> row = {0.5, 3, 1, 3, -2};
  PlanOptions options{.metrics = {"rank", "logprob"}};
  options.vocab = 3;
  const Cells got = withTargets({row, row, row}, {2, 3, 1}, options);
  CHECK(got.at(0, 0, 0) == 2);
  CHECK(std::isnan(got.at(0, 0, 1)));
  CHECK(std::isnan(got.at(1, 0, 1)));
  CHECK(excess("logprob", oracleOfTarget("logprob", {{0.5, 3, 1}, Kind::Logits}, 1), got.at(1, 0, 2)) <= 1);
}
