// --order divergence-of-means, intervals by Student's t, and --ci's limits.
#include <cmath>

#include "divergence/student.h"
#include "divergence/verify.h"
#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;

namespace {

constexpr int64_t kExamples = 5, kLayers = 3, kWidth = 150;

Array logits(Kind kind = Kind::Logits) {
  Random random(3);
  Array out{"logits",
            {axis("example", kExamples), axis("layer", kLayers), axis("vocab", kWidth)},
            kind,
            DType::F32,
            normals(random, kExamples * kLayers * kWidth, 2)};
  return out;
}

Dump grouped(const Array& array) {
  Dump dump = dumpOf({array});
  dump.tensors[0].axes[0].groups = {"a", "b", "a", "b", "b"};
  return dump;
}

std::vector<long double> meanOf(const Array& array, const std::vector<int64_t>& examples, int64_t layer,
                                double temperature = 1) {
  std::vector<long double> mean(size_t(kWidth), 0);
  for (const int64_t e : examples) {
    const Distribution d = distribution(array.row(e * kLayers + layer), temperature);
    for (size_t i = 0; i < mean.size(); ++i) mean[i] += d.p[i] / (long double)(examples.size());
  }
  return mean;
}

double kl(const std::vector<long double>& p, const std::vector<long double>& q) {
  long double sum = 0;
  for (size_t i = 0; i < p.size(); ++i) sum += p[i] * std::log(p[i] / q[i]);
  return double(sum);
}

PlanOptions means(const std::string& reference = "layer=-1") {
  PlanOptions options{.rows = "layer", .reduce = {"example=mean"}, .metrics = {"kl"}, .reference = reference};
  options.order = "divergence-of-means";
  return options;
}

}  // namespace

TEST_CASE_METHOD(GpuTest, "divergence-of-means compares mean distributions", "[gpu][order]") {
  const Array array = logits();
  const std::vector<int64_t> all = {0, 1, 2, 3, 4};
  const Cells got = run(dumpOf({array}), means());
  const Cells previous = run(dumpOf({array}), means("layer:prev"));
  for (int64_t layer = 0; layer < kLayers; ++layer) {
    const auto q = meanOf(array, all, layer);
    CHECK(double(got.at(0, layer, 0)) ==
          Catch::Approx(kl(meanOf(array, all, kLayers - 1), q)).epsilon(1e-5).margin(1e-12));
    if (layer > 0)
      CHECK(double(previous.at(0, layer, 0)) == Catch::Approx(kl(meanOf(array, all, layer - 1), q)).epsilon(1e-5));
  }
  CHECK(got.at(0, kLayers - 1, 0) == 0);
  CHECK(std::isnan(previous.at(0, 0, 0)));
  PlanOptions warm = means();
  warm.temperature = 2;
  CHECK(double(run(dumpOf({array}), warm).at(0, 0, 0)) ==
        Catch::Approx(kl(meanOf(array, all, 2, 2), meanOf(array, all, 0, 2))).epsilon(1e-5));
}

TEST_CASE_METHOD(GpuTest, "each group has its means, differences are of their divergences", "[gpu][order]") {
  const Array array = logits();
  PlanOptions options = means();
  options.reduce.clear();
  options.group = "example";
  const Cells got = run(grouped(array), options);
  REQUIRE(got.panels.size() == 2);
  const double a = kl(meanOf(array, {0, 2}, 2), meanOf(array, {0, 2}, 0));
  const double b = kl(meanOf(array, {1, 3, 4}, 2), meanOf(array, {1, 3, 4}, 0));
  CHECK(double(got.at(0, 0, 0)) == Catch::Approx(a).epsilon(1e-5));
  CHECK(double(got.at(1, 0, 0)) == Catch::Approx(b).epsilon(1e-5));
  options.minus = "b";
  CHECK(double(run(grouped(array), options).at(0, 0, 0)) == Catch::Approx(a - b).epsilon(1e-5));
}

TEST_CASE_METHOD(GpuTest, "rows that are no distributions are in neither mean", "[gpu][order]") {
  Array array = logits();
  array.values[size_t((1 * kLayers + 0) * kWidth)] = NAN;
  const Dump dump = dumpOf({array});
  const Cells got = run(dump, means());
  const std::vector<int64_t> rest = {0, 2, 3, 4};
  CHECK(double(got.at(0, 0, 0)) == Catch::Approx(kl(meanOf(array, rest, 2), meanOf(array, rest, 0))).epsilon(1e-5));
  REQUIRE(got.warnings.size() == 1);
  CHECK_THAT(got.warnings[0], Catch::Matchers::ContainsSubstring("1 rows are NaN"));
  const Plan plan = makePlan(dump, "", means());
  const Result result = evaluate(context(), plan);
  const Verification v = verify(plan, result.panels, {result.grid.read(context(), 0)}, 100);
  CHECK(v.values == kLayers);
  CHECK(v.largest < 1e-5);
}

TEST_CASE("divergence-of-means refuses what has no mean distribution", "[order]") {
  const Dump dump = dumpOf({logits()});
  const auto change = [&](auto how) {
    PlanOptions options = means();
    how(options);
    return options;
  };
  CHECK_REFUSED(makePlan(dump, "", change([](auto& o) { o.reduce = {"example=median"}; })), Exit::Usage, "median");
  CHECK_REFUSED(makePlan(dump, "", change([](auto& o) { o.confidence = 0.9; })), Exit::Usage, "--ci");
  CHECK_REFUSED(makePlan(dump, "", change([](auto& o) { o.metrics = {"l2"}; })), Exit::Usage, "l2");
  CHECK_REFUSED(makePlan(dump, "", change([](auto& o) { o.order = "means"; })), Exit::Usage, "mean-of-divergences");
  CHECK_REFUSED(makePlan(dump, "", change([](auto& o) { o.reduce.clear(), o.columns = "example"; })), Exit::Usage,
                "nothing is reduced");
}

TEST_CASE("Student's quantiles are those of the tables", "[student]") {
  const struct {
    double p, df, value;
  } rows[] = {{0.975, 1, 12.7062047364}, {0.975, 2, 4.3026527297}, {0.95, 10, 1.8124611228},
              {0.995, 30, 2.7499956536}, {0.975, 1e6, 1.9599663},  {0.9, 2.5, 1.7307}};
  for (const auto& row : rows) {
    CAPTURE(row.df);
    CHECK(studentQuantile(row.p, row.df) == Catch::Approx(row.value).epsilon(row.df == 2.5 ? 1e-2 : 1e-7));
  }
}

TEST_CASE_METHOD(GpuTest, "--ci-method t is the interval of a mean, and Welch's of a difference", "[gpu][student]") {
  const Array array = logits();
  PlanOptions options{.rows = "layer", .group = "example", .metrics = {"kl"}, .reference = "layer=-1"};
  options.confidence = 0.9;
  options.ciMethod = "t";
  const auto ends = [&](int64_t panel) {
    const Dump dump = grouped(array);
    const Plan plan = makePlan(dump, "", options);
    const Result result = evaluate(context(), plan);
    return std::pair(result.lower->read(context(), panel)[0], result.upper->read(context(), panel)[0]);
  };
  const auto values = [&](const std::vector<int64_t>& examples) {
    std::vector<double> out;
    for (const int64_t e : examples) out.push_back(kl(meanOf(array, {e}, 2), meanOf(array, {e}, 0)));
    return out;
  };
  const std::vector<double> a = values({0, 2}), b = values({1, 3, 4});
  const double meanB = oracleStatistic("mean", b), semB = oracleStatistic("sem", b);
  const auto [lower, upper] = ends(1);
  CHECK(double(lower) == Catch::Approx(meanB - 2.91998558 * semB).epsilon(1e-5));  // t of 2 degrees
  CHECK(double(upper) == Catch::Approx(meanB + 2.91998558 * semB).epsilon(1e-5));
  options.minus = "b";
  const auto [low, high] = ends(0);
  const double sa = std::pow(oracleStatistic("sem", a), 2), sb = semB * semB;
  const double df = (sa + sb) * (sa + sb) / (sa * sa / 1 + sb * sb / 2);
  const double half = studentQuantile(0.95, df) * std::sqrt(sa + sb);
  CHECK(double(high - low) / 2 == Catch::Approx(half).epsilon(1e-5));
  CHECK(double(high + low) / 2 == Catch::Approx(oracleStatistic("mean", a) - meanB).epsilon(1e-4));
}

TEST_CASE("--ci is of means, and says so before the run", "[order]") {
  const Dump dump = dumpOf({logits()});
  PlanOptions options{.rows = "layer", .reduce = {"example=std"}, .metrics = {"kl"}, .reference = "layer=-1"};
  options.confidence = 0.9;
  CHECK_REFUSED(makePlan(dump, "", options), Exit::Usage, "std");
  options.reduce = {"example=mean"};
  options.ciMethod = "normal";
  CHECK_REFUSED(makePlan(dump, "", options), Exit::Usage, "bootstrap");
  options.ciMethod = "t";
  options.confidence.reset();
  CHECK_REFUSED(makePlan(dump, "", options), Exit::Usage, "--ci");
}

TEST_CASE_METHOD(GpuTest, "infinity is left out of the mean of a group of one, and stays where one entry is chosen",
                 "[gpu][order]") {
  Array array = logits();
  array.values[size_t(0 * kWidth)] = -INFINITY;  // example 0, layer 0: its reference gives that entry some probability
  Dump dump = dumpOf({array});
  dump.tensors[0].axes[0].groups = {"alone", "b", "b", "b", "b"};
  PlanOptions options{.rows = "layer", .group = "example", .metrics = {"kl"}, .reference = "layer=-1"};
  CHECK(std::isnan(run(dump, options).at(0, 0, 0)));
  options.confidence = 0.9;
  const Plan plan = makePlan(dump, "", options);
  const Result result = evaluate(context(), plan);
  CHECK(std::isnan(result.lower->read(context(), 0)[1]));  // one entry has no interval, three have
  CHECK(std::isfinite(result.lower->read(context(), 1)[1]));
  options.confidence.reset();
  options.group.clear();
  options.select = {"example=0"};
  CHECK(std::isinf(run(dump, options).at(0, 0, 0)));
  options.reduce = {"example=mean"};
  CHECK(std::isnan(run(dump, options).at(0, 0, 0)));
}
