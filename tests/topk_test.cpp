// Rows of which only k entries are known: lower bounds against whole rows, against the best completion that a search
// finds, and against double precision.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "divergence/verify.h"
#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;

namespace {

constexpr int64_t kLayers = 6, kTokens = 5, kVocab = 300;

const std::vector<std::string>& boundedMetrics() {
  static const std::vector<std::string> names = {
      "jsd",     "kl",        "kl-reverse",     "jeffreys",     "jsd:0.3", "js-distance",
      "tv",      "hellinger", "chi2",           "renyi:0.5",    "renyi:2", "renyi:inf",
      "entropy", "max-prob",  "f:abs(t - 1)/2", "cross-entropy"};
  return names;
}

/// Logits whose layers drift apart, from near to nearly disjoint.
Array wholeRows() {
  Random random(11);
  Array out{
      "logits", {axis("layer", kLayers), axis("token", kTokens), axis("vocab", kVocab)}, Kind::Logits, DType::F64, {}};
  const std::vector<double> base = normals(random, kTokens * kVocab, 3);
  for (int64_t layer = 0; layer < kLayers; ++layer)
    for (const double x : base)
      out.values.push_back(x + (layer == 5 ? 0 : 4 / std::pow(6.0, double(layer))) * random.normal());
  return out;
}

struct Lists {
  Array logs, ids;
};

/// The k largest log-probabilities of each row, in any order.
Lists listsOf(const Array& whole, int64_t k, DType dtype = DType::F64) {
  Lists out{{"top", {whole.axes[0], whole.axes[1], axis("k", k)}, Kind::TopK, dtype, {}},
            {"ids", {whole.axes[0], whole.axes[1], axis("k", k)}, Kind::Scalar, DType::I64, {}}};
  for (int64_t row = 0; row < kLayers * kTokens; ++row) {
    const Distribution d = distribution(whole.row(row), 1);
    std::vector<size_t> order(d.ln.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return d.ln[a] > d.ln[b]; });
    std::rotate(order.begin(), order.begin() + row % k, order.begin() + k);
    for (int64_t i = 0; i < k; ++i) {
      out.logs.values.push_back(double(d.ln[order[size_t(i)]]));
      out.ids.values.push_back(double(order[size_t(i)]));
    }
  }
  return out;
}

Dump dumpOfLists(const Lists& lists) {
  Dump dump = dumpOf({lists.logs, lists.ids});
  dump.tensors[0].ids = "ids";
  return dump;
}

PlanOptions optionsFor(const std::string& metric, const std::string& reference = "layer=-1") {
  return {.metrics = {metric}, .reference = reference};
}

/// One pair of lists, [layer 2, token 1, k].
Dump pairOf(std::vector<double> p, std::vector<double> idsP, const std::vector<double>& q,
            const std::vector<double>& idsQ) {
  const auto k = int64_t(p.size());
  for (double& v : p) v = std::log(v);
  Lists lists{{"top", {axis("layer", 2), axis("token", 1), axis("k", k)}, Kind::TopK, DType::F64, {}},
              {"ids", {axis("layer", 2), axis("token", 1), axis("k", k)}, Kind::Scalar, DType::I64, {}}};
  for (const double v : q) lists.logs.values.push_back(std::log(v));
  lists.logs.values.insert(lists.logs.values.end(), p.begin(), p.end());
  lists.ids.values = idsQ;
  lists.ids.values.insert(lists.ids.values.end(), idsP.begin(), idsP.end());
  return dumpOfLists(lists);
}

double valueOf(const Dump& dump, const std::string& metric) {
  return double(run(dump, optionsFor(metric)).at(0, 0, 0));
}

double kl(const std::vector<double>& p, const std::vector<double>& q) {
  double sum = 0;
  for (size_t i = 0; i < p.size(); ++i) sum += p[i] > 0 ? p[i] * std::log(p[i] / q[i]) : 0;
  return sum;
}

}  // namespace

TEST_CASE_METHOD(GpuTest, "bounds from lists lie below whole rows, grow with k and meet them at the end",
                 "[gpu][topk]") {
  const Array whole = wholeRows();
  for (const std::string& metric : boundedMetrics()) {
    const Cells exact = run(dumpOf({whole}), optionsFor(metric));
    std::vector<float> before(exact.panels[0].size(), 0);
    for (const int64_t k : {1, 5, 20, 100, 300}) {
      const Cells got = run(dumpOfLists(listsOf(whole, k)), optionsFor(metric));
      for (size_t i = 0; i < before.size(); ++i) {
        const double value = double(got.panels[0][i]), all = double(exact.panels[0][i]);
        CAPTURE(metric, k, i, value, all);
        CHECK(value <= all * (1 + 1e-5) + 2e-7);
        CHECK(value >= double(before[i]) * (1 - 1e-5) - 1e-12);
        // A rest that rounding can hide is kept open: its logarithm is all that is missing.
        if (k == 300) CHECK(value == Catch::Approx(all).epsilon(metric == "renyi:inf" ? 1 : 2e-4).margin(2e-6));
        before[i] = got.panels[0][i];
      }
    }
  }
}

TEST_CASE_METHOD(GpuTest, "lists are compared as in double precision, whatever their type", "[gpu][topk]") {
  for (const DType dtype : {DType::F16, DType::BF16, DType::F32, DType::F64})
    for (const std::string& metric : boundedMetrics()) {
      const Dump dump = dumpOfLists(listsOf(wholeRows(), 20, dtype));
      const Plan plan = makePlan(dump, "", optionsFor(metric));
      const Result result = evaluate(context(), plan);
      const std::vector<float> cells = result.grid.read(context(), 0);
      const Verification v = verify(plan, result.panels, {cells}, 1000);
      CAPTURE(info(dtype).name, metric, v.where, v.computed, v.exact);
      CHECK(v.values == kLayers * kTokens);
      CHECK(v.largest <= 1e-5);
      // The last layer is its own reference.
      const bool distance = metric != "entropy" && metric != "max-prob" && metric != "cross-entropy";
      for (int64_t t = 0; distance && t < kTokens; ++t) CHECK(cells[size_t((kLayers - 1) * kTokens + t)] == 0);
    }
}

TEST_CASE_METHOD(GpuTest, "a bound is what the closest completion of both lists has", "[gpu][topk]") {
  // Both list id 7; the reference also 1, the cell also 2. Completions give the reference x at 2 and the cell y at 1.
  const struct {
    double p7, p1, q7, q2;
  } cases[] = {{0.5, 0.2, 0.4, 0.3}, {0.1, 0.85, 0.05, 0.9}, {0.3, 0.65, 0.5, 0.1}, {0.3, 0.7, 0.3, 0.6}};
  for (const auto& c : cases) {
    const double r = 1 - c.p7 - c.p1, s = 1 - c.q7 - c.q2;
    double leastKl = INFINITY, leastTv = INFINITY;
    constexpr int kSteps = 400;
    for (int i = 0; i <= kSteps; ++i)
      for (int j = 0; j <= kSteps; ++j) {
        const double x = i == kSteps ? r : r * i / kSteps, y = j == kSteps ? s : s * j / kSteps;
        const std::vector<double> p = {c.p7, c.p1, x, r - x}, q = {c.q7, y, c.q2, s - y};
        leastKl = std::min(leastKl, kl(p, q));
        double tv = 0;
        for (size_t e = 0; e < 4; ++e) tv += std::abs(p[e] - q[e]) / 2;
        leastTv = std::min(leastTv, tv);
      }
    const Dump dump = pairOf({c.p7, c.p1}, {7, 1}, {c.q7, c.q2}, {7, 2});
    CAPTURE(c.p1, leastKl, leastTv);
    const double bound = valueOf(dump, "kl");
    CHECK(bound <= leastKl * (1 + 1e-6));
    CHECK(bound == Catch::Approx(leastKl).epsilon(2e-4).margin(1e-6));
    CHECK(valueOf(dump, "tv") == Catch::Approx(leastTv).epsilon(1e-5).margin(1e-6));
  }
}

TEST_CASE_METHOD(GpuTest, "lists by hand", "[gpu][topk]") {
  // Disjoint lists of nearly everything are nearly disjoint; the textbook lump of all that is not shared would say 0.
  CHECK(valueOf(pairOf({0.6, 0.399}, {1, 2}, {0.5, 0.4999}, {3, 4}), "jsd") > 0.68);
  // A target that is not listed has at most the rest's probability.
  Dump dump = pairOf({0.5, 0.3}, {1, 2}, {0.6, 0.3}, {1, 4});
  dump.tensors.push_back(tensorOf({"targets", {axis("token", 1)}, Kind::Scalar, DType::I32, {9}}));
  const Cells open = run(dump, optionsFor("cross-entropy", "target"));
  CHECK(double(open.at(0, 0, 0)) == Catch::Approx(-std::log(0.1)).epsilon(1e-5));
  dump.tensors.back() = tensorOf({"targets", {axis("token", 1)}, Kind::Scalar, DType::I32, {4}});
  CHECK(double(run(dump, optionsFor("cross-entropy", "target")).at(0, 0, 0)) ==
        Catch::Approx(-std::log(0.3)).epsilon(1e-6));
  CHECK(run(dump, optionsFor("kl", "layer:prev")).nans == 1);
}

TEST_CASE_METHOD(GpuTest, "lists that make no sense are NaN cells, padding is left out", "[gpu][topk]") {
  const std::vector<double> p = {0.5, 0.3}, ids = {1, 2};
  CHECK(std::isnan(valueOf(pairOf(p, ids, p, {3, 3}), "jsd")));        // twice
  CHECK(std::isnan(valueOf(pairOf(p, ids, p, {3, -1}), "jsd")));       // no id
  CHECK(std::isnan(valueOf(pairOf(p, ids, {0.8, 0.3}, ids), "jsd")));  // more than 1
  CHECK(std::isnan(valueOf(pairOf(p, ids, {0.8, NAN}, ids), "jsd")));
  CHECK(valueOf(pairOf(p, ids, {0.5005, 0.5}, ids), "jsd") >= 0);  // rounding
  // An entry of probability 0 is known to be 0; one of 0 without an id is padding.
  CHECK(std::isinf(valueOf(pairOf(p, ids, {0.9, 0}, ids), "kl")));
  CHECK(valueOf(pairOf(p, ids, {0.9, 0}, {1, -1}), "kl") < 1);
}

TEST_CASE("lists refuse what needs whole rows, by name", "[topk]") {
  const Dump dump = dumpOfLists(listsOf(wholeRows(), 5));
  const auto denied = [&](const std::function<void(PlanOptions&)>& change) {
    PlanOptions options = optionsFor("kl");
    change(options);
    const auto [code, text] = refusal([&] { makePlan(dump, "", options); });
    CHECK(code == Exit::Usage);
    return text;
  };
  using Catch::Matchers::ContainsSubstring;
  CHECK_THAT(denied([](PlanOptions& o) { o.metrics = {"entropy-difference"}; }), ContainsSubstring("no sound bound"));
  CHECK_THAT(denied([](PlanOptions& o) { o.metrics = {"rank"}, o.reference = "layer=0"; }), ContainsSubstring("rank"));
  CHECK_THAT(denied([](PlanOptions& o) { o.temperature = 2; }), ContainsSubstring("--temperature"));
  CHECK_THAT(denied([](PlanOptions& o) { o.vocab = 3; }), ContainsSubstring("--vocab"));
  CHECK_THAT(denied([](PlanOptions& o) { o.convention = "scipy", o.metrics = {"jsd"}; }),
             ContainsSubstring("--convention"));
  CHECK_THAT(denied([](PlanOptions& o) { o.reference = "uniform"; }), ContainsSubstring("uniform"));
  CHECK_THAT(denied([](PlanOptions& o) { o.reference = "mean:layer"; }), ContainsSubstring("mean:AXIS"));
  Dump lost = dump;
  lost.tensors[0].ids.clear();
  CHECK(makePlan(lost, "", optionsFor("kl")).ids.name == "ids");  // the only tensor that fits
  lost.tensors.pop_back();
  CHECK_REFUSED(makePlan(lost, "", optionsFor("kl")), Exit::BadInput, "\"ids\": \"NAME\"");
}
