// Divergences of the user's own on the device: against the table's rows of the same divergence.
#include <cmath>

#include "divergence/user_shader.h"
#include "gpu/compiler.h"
#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;

namespace {

/// Pairs of rows from equal to far apart; some entries are ruled out on one side or both.
Dump pairs() {
  Random random(11);
  constexpr int64_t kLayers = 7, kVocab = 301;
  std::vector<double> values;
  const std::vector<double> base = normals(random, kVocab, 3);
  for (double distance : {1e-4, 1e-2, 0.3, 3.0, 12.0, 0.0, 0.0})
    for (double x : base) values.push_back(x + distance * random.normal());
  for (size_t layer : {2, 3, 6}) values[layer * kVocab + 5] = -INFINITY;
  return dumpOf(
      {{"t", {axis("layer", kLayers), axis("token", 1), axis("vocab", kVocab)}, Kind::Logits, DType::F32, values}});
}

}  // namespace

TEST_CASE_METHOD(GpuTest, "f-divergences of one's own agree with the table's on the device", "[user_metric]") {
  REQUIRE(gpu::canCompile());
  const auto [own, name] = GENERATE(table<std::string, std::string>({
      {"f:t*log(t)", "kl"},
      {"f: -log(t)", "kl-reverse"},
      {"f:0.5*abs(t - 1)", "tv"},
      {"f:(t - 1)^2", "chi2"},
      {"f:t/2*log(t) - (1 + t)/2*log((1 + t)/2)", "jsd"},
  }));
  INFO(own);
  PlanOptions options;
  options.metrics = {own, name};
  const Cells cells = run(pairs(), options);
  for (int64_t row = 0; row < cells.rows; ++row) {
    INFO("row " << row);
    const float expected = cells.at(1, row, 0);
    if (std::isfinite(expected))
      CHECK(cells.at(0, row, 0) == Catch::Approx(expected).epsilon(2e-5));
    else
      CHECK(cells.at(0, row, 0) == expected);
  }
  CHECK(cells.at(0, cells.rows - 1, 0) == 0);
}

TEST_CASE_METHOD(GpuTest, "metrics of one's own are checked on the device before use", "[user_metric]") {
  const Dump dump = pairs();
  PlanOptions options;
  options.metrics = {"f:(sqrt(t) - 1)^2"};
  CHECK_NOTHROW(checkUserMetrics(context(), makePlan(dump, "", options)));
  options.metrics = {"f:t*log(t)", "f:-log(t)"};
  CHECK_REFUSED(checkUserMetrics(context(), makePlan(dump, "", options)), Exit::Usage, "takes one");
  // A term of 1e8 that cancels leaves no digits to single precision.
  options.metrics = {"f:abs(t - 1)*(1 + 1e8*t - 1e8*t)"};
  CHECK_REFUSED(checkUserMetrics(context(), makePlan(dump, "", options)), Exit::Usage, "in single precision");
}
