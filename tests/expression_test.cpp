#include "divergence/expression.h"

#include <cmath>

#include "catch.h"
#include "divergence/exact.h"
#include "divergence/user_metric.h"
#include "dump_fixtures.h"
#include "plan_dumps.h"

using Catch::Approx;
using namespace divlens;

namespace {

double at(const std::string& text, double t = 2) { return Expression::parse(text).at(t); }

}  // namespace

TEST_CASE("expressions follow the rules of arithmetic", "[expression]") {
  CHECK(at("1 + 2*3 - 4/2") == 5);
  CHECK(at("2^3^2") == 512);
  CHECK(at("-t^2") == -4);
  CHECK(at("2^-1") == 0.5);
  CHECK(at("(1 - t)*-3") == 3);
  CHECK(at("8/2/2") == 2);
  CHECK(at("1.5e1 + .5") == 15.5);
  CHECK(at("min(t, 1) + max(t, 3) + pow(t, 3)") == 12);
  CHECK(at("log(exp(t)) + sqrt(t^4) + abs(-t)") == Approx(8));
  CHECK(at("log1p(t) + expm1(t) + tanh(t)") == Approx(std::log1p(2.0) + std::expm1(2.0) + std::tanh(2.0)));
}

TEST_CASE("expressions that make no sense are refused with a caret", "[expression]") {
  const auto [text, column, why] = GENERATE(table<std::string, std::string, std::string>({
      {"t +", "column 4", "it ends where a value is expected"},
      {"t + * 2", "column 5", "a value is expected"},
      {"(t", "column 3", "a ')' is missing"},
      {"t)", "column 2", "without its '('"},
      {"t t", "column 3", "an operator is expected"},
      {"lgo(t)", "column 1", "did you mean 'log'?"},
      {"log t", "column 5", "needs its arguments in parentheses"},
      {"pow(t)", "column 1", "takes 2 arguments"},
      {"x", "column 1", "unknown name 'x'"},
      {"1e999", "column 1", "this is no number"},
      {"", "column 1", "it ends"},
      {"system(t)", "column 1", "unknown name 'system'"},
  }));
  INFO(text);
  CHECK_REFUSED(Expression::parse(text), Exit::Usage, column);
  CHECK_REFUSED(Expression::parse(text), Exit::Usage, why);
  CHECK_REFUSED(Expression::parse(text), Exit::Usage, "^");
  CHECK_REFUSED(Expression::parse(std::string(5000, '(')), Exit::Usage, "longer");
  CHECK_REFUSED(Expression::parse(std::string(1000, '(')), Exit::Usage, "nests too deep");
  CHECK_REFUSED(Expression::parse(std::string(1000, '-')), Exit::Usage, "nests too deep");
}

TEST_CASE("power series at 1 agree with differences", "[expression]") {
  const std::string text =
      GENERATE(as<std::string>{}, "t*log(t)", "1/t", "(t-1)^2/(t+1)", "sqrt(t)", "t^2.5", "exp(t/3)",
               "tanh(t)*log1p(t)", "expm1(t)/t", "max(t, 0.5) + min(t, 3)*abs(t - 5)", "t^t", "t^-2");
  INFO(text);
  const Expression f = Expression::parse(text);
  const std::vector<double> c = f.taylor(20);
  REQUIRE(c.size() == 20);
  for (double u : {-0.1, 0.05, 0.2}) {
    double sum = 0;
    for (size_t i = c.size(); i-- > 0;) sum = sum * u + c[i];
    CHECK(sum == Approx(f.at(1 + u)).epsilon(1e-10));
  }
  CHECK(Expression::parse("abs(t - 1)").taylor(20).empty());
  CHECK(Expression::parse("1/(t - 1)").taylor(20).empty());
}

TEST_CASE("f-divergences are those of the table", "[expression]") {
  const auto [own, name, factor] = GENERATE(table<std::string, std::string, double>({
      {"t*log(t)", "kl", 1},
      {"t*log(t) - t + 1", "kl", 1},
      {"-log(t)", "kl-reverse", 1},
      {"(t - 1)*log(t)", "jeffreys", 1},
      {"0.5*abs(t - 1)", "tv", 1},
      {"(t - 1)^2", "chi2", 1},
      {"t/2*log(t) - (1 + t)/2*log((1 + t)/2)", "jsd", 1},
      {"t*log(t) - (1 + t)*log((1 + t)/2)", "jsd", 2},
  }));
  INFO(own);
  const auto user = UserMetric::parse(own);
  PlanOptions options;
  options.metrics = {"f:" + own, name};
  std::vector<Axis> axes = {test::axis("layer", 4), test::axis("token", 1), test::axis("vocab", 4)};
  Tensor tensor = test::tensor("t", axes, Kind::Logits, DType::F64);
  const std::vector<double> values = {0, 1, 2, 3, 60, 0, 1, -80, 1e-4, -1e-4, 2e-4, 0, 0, 0, 0, 0};
  const auto bytes = std::as_bytes(std::span(values));
  tensor.source = memoryBytes("m", {bytes.begin(), bytes.end()});
  const Dump dump = test::dump({tensor});
  const Plan plan = makePlan(dump, "", options);
  ExactReader reader(plan);
  for (size_t row = 0; row < 4; ++row) {
    const ExactPair pair = reader.pair({row, 0, {}}, plan.metrics[0]);
    INFO("row " << row);
    CHECK(exactValue(plan, plan.metrics[0], pair) ==
          Approx(factor * exactValue(plan, plan.metrics[1], pair)).epsilon(1e-6));
    for (double term : exactTerms(plan, plan.metrics[0], pair)) CHECK(term >= 0);
  }
}

TEST_CASE("limits of f decide about entries that one side rules out", "[expression]") {
  const auto zeroP = [](const std::string& f) { return UserMetric::parse(f)->term(0, 0.5, -INFINITY, 0, true, false); };
  const auto zeroQ = [](const std::string& f) { return UserMetric::parse(f)->term(0.5, 0, 0, -INFINITY, false, true); };
  CHECK(zeroP("t*log(t)") == Approx(0.5));
  CHECK(zeroQ("t*log(t)") == INFINITY);
  CHECK(zeroP("-log(t)") == INFINITY);
  CHECK(zeroQ("-log(t)") == Approx(0.5));
  CHECK(zeroP("(sqrt(t) - 1)^2") == Approx(0.5).epsilon(1e-6));
  CHECK(zeroQ("(sqrt(t) - 1)^2") == Approx(0.5).epsilon(1e-6));
  CHECK(zeroQ("(t - 1)^2") == INFINITY);
  CHECK(zeroP("t*log(t); 0: inf") == INFINITY);
  CHECK(zeroP("0.5*abs(t - 1)") == Approx(0.25));
}

TEST_CASE("metrics of one's own that are no f-divergence are refused", "[expression]") {
  CHECK_REFUSED(UserMetric::parse("t^2"), Exit::Usage, "f(1) is 1, and must be 0");
  CHECK_REFUSED(UserMetric::parse("-(t - 1)^2"), Exit::Usage, "is not convex");
  CHECK_REFUSED(UserMetric::parse("log(t)"), Exit::Usage, "is not convex");
  CHECK_REFUSED(UserMetric::parse("log(3 - t) - log(2)"), Exit::Usage, "not");
  CHECK_REFUSED(UserMetric::parse("t*log(t); 0: x"), Exit::Usage, "is no limit");
  CHECK_REFUSED(UserMetric::parse("t*log(t); 1: 2"), Exit::Usage, "is no limit");
  CHECK_REFUSED(UserMetric::parse("t*lg(t)"), Exit::Usage, "did you mean 'log'?");
}
