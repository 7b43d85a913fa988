#include "divergence/verify.h"

#include <cmath>

#include "catch.h"
#include "dump_fixtures.h"
#include "plan_dumps.h"

using Catch::Approx;
using namespace divlens;
using Catch::Matchers::ContainsSubstring;

namespace {

/// A scalar table [row 3, column 2] with values 1 … 6, over which plans are made.
Dump table() {
  Tensor tensor = test::tensor("t", {test::axis("row", 3), test::axis("column", 2)}, Kind::Scalar, DType::F64);
  std::vector<double> values = {1, 2, 3, 4, 5, 6.5};
  const auto bytes = std::as_bytes(std::span(values));
  tensor.source = memoryBytes("m", {bytes.begin(), bytes.end()});
  return test::dump({tensor});
}

Plan planOf(PlanOptions options) { return makePlan(table(), "", options); }

std::vector<ResultPanel> onePanel(const Plan& plan) { return resultPanels(plan); }

}  // namespace

TEST_CASE("cells that are right pass, and the largest error is found where it is", "[verify]") {
  const Plan plan = planOf({});
  std::vector<std::vector<float>> cells = {{1, 2, 3, 4, 5, 6.5F}};
  const Verification right = verify(plan, onePanel(plan), cells, 100);
  CHECK(right.values == 6);
  CHECK(right.largest == 0);
  CHECK(right.passed());
  cells[0][3] = 4.004F;
  const Verification wrong = verify(plan, onePanel(plan), cells, 100);
  CHECK(wrong.largest == Approx(1e-3).epsilon(1e-3));
  CHECK(wrong.where == "row 1, column 1");
  CHECK(wrong.exact == 4);
  CHECK_FALSE(wrong.passed());
  CHECK_THAT(wrong.text(), ContainsSubstring("6 values in double precision: largest relative error 1.0e-03 at row 1"));
  cells[0][3] = NAN;
  CHECK(verify(plan, onePanel(plan), cells, 100).largest == INFINITY);
}

TEST_CASE("a part of the cells is chosen alike each time", "[verify]") {
  const Plan plan = planOf({});
  const std::vector<std::vector<float>> cells = {{1.1F, 2.2F, 3.3F, 4.5F, 5.6F, 7}};
  const Verification first = verify(plan, onePanel(plan), cells, 3);
  CHECK(first.values == 3);
  CHECK(verify(plan, onePanel(plan), cells, 3).where == first.where);
  CHECK(verify(plan, onePanel(plan), cells, 3).largest == first.largest);
}

TEST_CASE("reduced cells are reduced in double precision too", "[verify]") {
  const auto [how, first, second] = GENERATE(table<std::string, float, float>({
      {"mean", 3, 4.1666667F},
      {"median", 3, 4},
      {"q0.25", 2, 3},
      {"min", 1, 2},
      {"max", 5, 6.5F},
      {"std", 2, 2.2546249F},
      {"sem", 1.1547005F, 1.3017083F},
      {"count", 3, 3},
  }));
  INFO(how);
  PlanOptions options;
  options.rows = "column";
  options.reduce = {"row=" + how};
  const Plan plan = planOf(options);
  CHECK(verify(plan, onePanel(plan), {{first, second}}, 10).passed());
  CHECK_FALSE(verify(plan, onePanel(plan), {{first, second * 1.01F}}, 10).passed());
}

TEST_CASE("infinite entries of scalar tables stay out of means, as on the device", "[verify]") {
  Dump dump = table();
  const std::vector<double> values = {1, 2, INFINITY, 4, 5, NAN};
  const auto bytes = std::as_bytes(std::span(values));
  dump.tensors[0].source = memoryBytes("m", {bytes.begin(), bytes.end()});
  PlanOptions options;
  options.rows = "column";
  options.reduce = {"row=mean"};
  const Plan plan = makePlan(dump, "", options);
  CHECK(verify(plan, onePanel(plan), {{3, 3}}, 10).largest == 0);
}

TEST_CASE("differences of groups are differences in double precision too", "[verify]") {
  Dump dump = table();
  dump.tensors[0].axes[0].groups = {"a", "b", "a"};
  PlanOptions options;
  options.rows = "column";
  options.group = "row";
  options.minus = "b";
  const Plan plan = makePlan(dump, "", options);
  CHECK(verify(plan, resultPanels(plan), {{0, 0.25F}}, 10).passed());
  CHECK_FALSE(verify(plan, resultPanels(plan), {{0, 0.26F}}, 10).passed());
}

TEST_CASE("definitions of other tools are refused", "[verify]") {
  PlanOptions options;
  options.metrics = {"jsd"};
  options.convention = "scipy";
  const Plan plan = makePlan(test::lens(), "", options);
  const std::vector<ResultPanel> panels = resultPanels(plan);
  const std::vector<std::vector<float>> cells(1, std::vector<float>(88));
  CHECK_REFUSED(verify(plan, panels, cells, 1), Exit::Usage, "drop --verify or --convention");
}
