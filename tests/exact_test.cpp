// Double-precision values against sums in long double written as in a textbook, and against values known by hand.
#include "divergence/exact.h"

#include <cmath>
#include <cstring>
#include <map>
#include <numeric>
#include <random>

#include "catch.h"
#include "dump_fixtures.h"
#include "plan_dumps.h"

using Catch::Approx;
using namespace divlens;

namespace {

using Rows = std::vector<std::vector<double>>;

/// A plan over rows [layer, token, vocab] in memory, F64.
struct Case {
  Dump dump;
  Plan plan;
  Case(const Rows& rows, int64_t layers, PlanOptions options, Kind kind = Kind::Probs) {
    const auto vocab = int64_t(rows.at(0).size());
    Tensor tensor = test::tensor(
        "t",
        {test::axis("layer", layers), test::axis("token", int64_t(rows.size()) / layers), test::axis("vocab", vocab)},
        kind, DType::F64);
    std::vector<std::byte> bytes;
    for (const auto& row : rows)
      bytes.insert(bytes.end(), reinterpret_cast<const std::byte*>(row.data()),
                   reinterpret_cast<const std::byte*>(row.data() + row.size()));
    tensor.source = memoryBytes("m", std::move(bytes));
    dump = test::dump({tensor});
    plan = makePlan(dump, "", options);
  }
  EntryIndex index(size_t row, size_t column) const { return {row, column, std::vector<size_t>(plan.reduced.size())}; }
  double value(size_t row, size_t column = 0, size_t metric = 0) const {
    ExactReader reader(plan);
    return exactValue(plan, plan.metrics.at(metric), reader.pair(index(row, column), plan.metrics.at(metric)));
  }
};

PlanOptions with(std::vector<std::string> metrics, std::string reference = "layer=-1") {
  PlanOptions options;
  options.metrics = std::move(metrics);
  options.reference = std::move(reference);
  return options;
}

double hand(const std::string& metric, std::vector<double> p, std::vector<double> q) {
  return Case({std::move(q), std::move(p)}, 2, with({metric})).value(0);
}

using Sum = std::map<std::string, long double>;

/// The definitions word by word; right as long as nothing cancels.
Sum textbook(const std::vector<double>& ps, const std::vector<double>& qs) {
  Sum s;
  long double fidelity = 0, power = 0;
  for (size_t i = 0; i < ps.size(); ++i) {
    const long double p = ps[i], q = qs[i], m = (p + q) / 2, w = 0.3L * p + 0.7L * q;
    s["kl"] += p * std::log(p / q);
    s["kl-reverse"] += q * std::log(q / p);
    s["jeffreys"] += (p - q) * std::log(p / q);
    s["jsd"] += p / 2 * std::log(p / m) + q / 2 * std::log(q / m);
    s["jsd:0.3"] += 0.3L * p * std::log(p / w) + 0.7L * q * std::log(q / w);
    s["tv"] += std::abs(p - q) / 2;
    s["chi2"] += (p - q) * (p - q) / q;
    s["cross-entropy"] -= p * std::log(q);
    s["entropy"] -= q * std::log(q);
    s["entropy-difference"] += p * std::log(p) - q * std::log(q);
    s["max-prob"] = std::max(s["max-prob"], q);
    fidelity += (std::sqrt(p) - std::sqrt(q)) * (std::sqrt(p) - std::sqrt(q)) / 2;
    power += std::pow(p, 2.5L) * std::pow(q, -1.5L);
  }
  s["js-distance"] = std::sqrt(s["jsd"]);
  s["hellinger"] = std::sqrt(fidelity);
  s["renyi:2.5"] = std::log(power) / 1.5L;
  return s;
}

std::vector<double> softmax(std::vector<double> x) {
  long double sum = 0;
  for (double v : x) sum += std::exp((long double)v);
  for (double& v : x) v = double(std::exp((long double)v) / sum);
  return x;
}

}  // namespace

TEST_CASE("every metric of the table has a form in double precision", "[exact]") {
  for (const Metric& metric : metrics()) {
    INFO(metric.name);
    CHECK(hasExact(metric));
  }
  const std::vector<std::string> terms = metricsWithTerms();
  CHECK(std::find(terms.begin(), terms.end(), "kl") != terms.end());
  CHECK(std::find(terms.begin(), terms.end(), "js-distance") == terms.end());
}

TEST_CASE("exact values of hand tests", "[exact]") {
  const std::vector<double> p{0.5, 0.5, 0}, q{0, 0.5, 0.5};
  const double ln2 = std::log(2.0);
  CHECK(hand("jsd", p, q) == Approx(0.5 * ln2).epsilon(1e-14));
  CHECK(hand("js-distance", p, q) == Approx(0.588705).epsilon(1e-6));
  CHECK(hand("kl", p, q) == INFINITY);
  CHECK(hand("chi2", p, q) == INFINITY);
  CHECK(hand("tv", p, q) == Approx(0.5).epsilon(1e-14));
  CHECK(hand("hellinger", p, q) == Approx(std::sqrt(0.5)).epsilon(1e-14));
  CHECK(hand("jsd", {1, 0}, {0, 1}) == Approx(ln2).epsilon(1e-14));
  CHECK(hand("jsd:0.3", {1, 0}, {0, 1}) == Approx(-0.3F * std::log(0.3F) - 0.7 * std::log(0.7)).epsilon(1e-6));
  CHECK(hand("kl", {0, 1, 0, 0}, {0.25, 0.25, 0.25, 0.25}) == Approx(2 * ln2).epsilon(1e-14));
  CHECK(hand("renyi:0", p, q) == Approx(ln2).epsilon(1e-14));
  CHECK(hand("renyi:inf", {0.5, 0.5}, {0.25, 0.75}) == Approx(ln2).epsilon(1e-14));
  CHECK(hand("renyi:1", {0, 1}, {0.5, 0.5}) == Approx(ln2).epsilon(1e-14));
  CHECK(hand("renyi:0.5", {1, 0}, {0, 1}) == INFINITY);
  CHECK(hand("top1-agree", {0.5, 0.5, 0}, {0.4, 0.3, 0.3}) == 1);
  CHECK(hand("top1-agree", {0.5, 0.5, 0}, {0.3, 0.4, 0.3}) == 0);
  CHECK(hand("overlap:2", {0.4, 0.3, 0.3}, {0.3, 0.3, 0.4}) == 0.5);
  CHECK(hand("overlap:9", {0.4, 0.6}, {0.6, 0.4}) == 1);
  CHECK(hand("l2", {0, 3}, {4, 0}) == 5);
  CHECK(hand("cosine", {1, 1}, {2, 0}) == Approx(std::sqrt(0.5)).epsilon(1e-14));
  CHECK(std::isnan(hand("jsd", {0.5, 0.5}, {1.5, -0.5})));
  CHECK(std::isnan(hand("jsd", {0, 0}, {0.5, 0.5})));
}

TEST_CASE("exact values agree with the definitions, and equal rows give exactly 0", "[exact]") {
  std::mt19937 random(7);
  std::normal_distribution<double> normal(0, 2);
  Rows rows(2, std::vector<double>(300));
  for (auto& row : rows)
    for (double& x : row) x = normal(random);
  for (const auto& [metric, expected] : textbook(softmax(rows[1]), softmax(rows[0]))) {
    INFO(metric);
    const Case one(rows, 2, with({metric}), Kind::Logits);
    CHECK(one.value(0) == Approx(double(expected)).epsilon(metric == "jsd:0.3" ? 1e-6 : 1e-12));
    const bool divergence = one.plan.metrics[0].metric->needs == Needs::Reference && metric != "cross-entropy";
    if (divergence) CHECK(one.value(1) == 0);
  }
}

TEST_CASE("exact values keep their digits where the definitions lose them", "[exact]") {
  // q = softmax(x + h·s) with s = ±1 in turn on a uniform row: p = 1/n, ln Z = ln cosh h.
  const double h = 1e-6;
  std::vector<double> flat(64, 0.0), tilted(64);
  for (size_t i = 0; i < tilted.size(); ++i) tilted[i] = i % 2 ? h : -h;
  const Case one({tilted, flat}, 2, with({"kl", "jsd", "hellinger", "chi2", "renyi:2.5"}), Kind::Logits);
  CHECK(one.value(0, 0, 0) == Approx(h * h / 2).epsilon(1e-9));
  CHECK(one.value(0, 0, 1) == Approx(h * h / 8).epsilon(1e-9));
  CHECK(one.value(0, 0, 2) == Approx(h / std::sqrt(8)).epsilon(1e-9));
  CHECK(one.value(0, 0, 3) == Approx(h * h).epsilon(1e-9));
  CHECK(one.value(0, 0, 4) == Approx(2.5 * h * h / 2).epsilon(1e-9));
}

TEST_CASE("exact rows are where the plan says", "[exact]") {
  Rows rows;
  for (int i = 0; i < 6; ++i) rows.push_back(softmax({0.1 * i, 0.7 - 0.3 * i, 0.2 * i * i}));
  const auto kl = [&](const std::vector<double>& p, const std::vector<double>& q) {
    return double(textbook(p, q)["kl"]);
  };
  const Case previous(rows, 3, with({"kl"}, "layer:prev"));
  CHECK(std::isnan(previous.value(0, 1)));
  CHECK(previous.value(2, 1) == Approx(kl(rows[3], rows[5])).epsilon(1e-12));
  PlanOptions options = with({"kl"}, "layer=0");
  options.select = {"layer=2,1"};
  const Case selected(rows, 3, options);
  CHECK(selected.value(0, 1) == Approx(kl(rows[1], rows[5])).epsilon(1e-12));
  const Case uniform(rows, 3, with({"kl"}, "uniform"));
  CHECK(uniform.value(1, 0) == Approx(kl({1 / 3.0, 1 / 3.0, 1 / 3.0}, rows[2])).epsilon(1e-12));
  std::vector<double> mean(3);
  for (size_t v = 0; v < 3; ++v) mean[v] = (rows[1][v] + rows[3][v] + rows[5][v]) / 3;
  const Case averaged(rows, 3, with({"kl"}, "mean:layer"));
  CHECK(averaged.value(0, 1) == Approx(kl(mean, rows[1])).epsilon(1e-12));
}

TEST_CASE("entries outside the vocabulary mask count for nothing", "[exact]") {
  const Rows rows = {softmax({3, 1, -2, 0.5}), softmax({0.3, 1.5, -9, 0.5})};
  Case masked(rows, 2, with({"kl", "l2"}));
  masked.plan.allowedBits = {0b1011};
  masked.plan.allowed = 3;
  const auto kept = [](const std::vector<double>& r) { return std::vector<double>{r[0], r[1], r[3]}; };
  const Case small({kept(rows[0]), kept(rows[1])}, 2, with({"kl", "l2"}));
  CHECK(masked.value(0, 0, 0) == Approx(small.value(0, 0, 0)).epsilon(1e-13));
  CHECK(masked.value(0, 0, 1) == Approx(small.value(0, 0, 1)).epsilon(1e-13));
}

TEST_CASE("terms are not negative and sum to the value", "[exact]") {
  const Rows rows = {softmax({3, 1, -2, 0.5}), softmax({0.3, 1.5, -9, 0.5})};
  for (std::string metric : metricsWithTerms()) {
    if (metric == "jsd:β") metric = "jsd:0.2";
    PlanOptions options = with({metric});
    options.base = "2";
    const Case one(rows, 2, options);
    ExactReader reader(one.plan);
    const std::vector<double> terms =
        exactTerms(one.plan, one.plan.metrics[0], reader.pair(one.index(0, 0), one.plan.metrics[0]));
    INFO(metric);
    for (double term : terms) CHECK(term >= 0);
    CHECK(std::accumulate(terms.begin(), terms.end(), 0.0) == Approx(one.value(0)).epsilon(1e-13));
  }
}
