// The shaders' own exp, expm1, log and log1p and their series, swept densely through rows of two entries.
#include <cmath>

#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;

namespace {

constexpr int64_t kSide = 48;

/// A grid of pairs of two-entry rows; `make` fills reference and cell for a number from 0 to 1.
template <typename Make>
double worst(const std::vector<std::string>& metrics, Kind kind, Make make) {
  const std::vector<Axis> axes = {axis("layer", kSide), axis("token", kSide), axis("vocab", 2)};
  Array x{"reference", axes, kind, DType::F32, {}}, y{"cells", axes, kind, DType::F32, {}};
  for (int64_t i = 0; i < kSide * kSide; ++i) {
    const double at = double(i) / double(kSide * kSide - 1);
    double pair[4];
    make(at, pair);
    x.values.insert(x.values.end(), pair, pair + 2);
    y.values.insert(y.values.end(), pair + 2, pair + 4);
  }
  const Cells got = run(dumpOf({x, y}), {.tensor = "cells", .metrics = metrics, .reference = "tensor:reference"});
  double largest = 0;
  for (int64_t i = 0; i < kSide * kSide; ++i) {
    const Oracle oracle(x.row(i), y.row(i));
    for (size_t m = 0; m < metrics.size(); ++m) {
      const double over = excess(metrics[m], oracle(metrics[m]), got.panels[m][size_t(i)]);
      if (over > largest) UNSCOPED_INFO(metrics[m] << " at " << double(i) / double(kSide * kSide - 1) << ": " << over);
      largest = std::max(largest, over);
    }
  }
  return largest;
}

}  // namespace

TEST_CASE_METHOD(GpuTest, "exp and log1p keep their digits from 0 to 80", "[gpu][functions]") {
  CHECK(worst({"entropy", "max-prob", "cross-entropy"}, Kind::Logits, [](double at, double* pair) {
          pair[0] = pair[2] = 0;
          pair[1] = -at;
          pair[3] = -80 * at;
        }) <= 1);
}

TEST_CASE_METHOD(GpuTest, "the series and the closed forms meet without a step", "[gpu][functions]") {
  CHECK(worst({"kl", "kl-reverse", "jsd", "jsd:0.3", "hellinger", "chi2", "renyi:0.5", "renyi:2"}, Kind::Logits,
              [](double at, double* pair) {
                pair[0] = pair[2] = 0;
                pair[1] = 0.25;
                pair[3] = 0.25 + 3 * (at - 0.5);
              }) <= 1);
}

TEST_CASE_METHOD(GpuTest, "differences of any size keep their digits", "[gpu][functions]") {
  CHECK(worst({"kl", "kl-reverse", "jsd", "tv", "chi2", "renyi:5", "renyi:0.99"}, Kind::Logits,
              [](double at, double* pair) {
                pair[0] = pair[2] = 0;
                pair[1] = -1;
                pair[3] = -1 + std::pow(10.0, -4 + 5.5 * at);
              }) <= 1);
}

TEST_CASE_METHOD(GpuTest, "logarithms of probabilities of any size keep their digits", "[gpu][functions]") {
  CHECK(worst({"kl", "cross-entropy", "jsd", "entropy"}, Kind::Probs, [](double at, double* pair) {
          pair[0] = 0.25;
          pair[1] = 0.75;
          pair[2] = 1;
          pair[3] = std::pow(10.0, -37.5 * at);
        }) <= 1);
}
