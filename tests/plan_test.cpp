#include "divergence/plan.h"

#include <cmath>
#include <functional>

#include "catch.h"
#include "plan_dumps.h"

using namespace divlens;
using test::axis;
using test::dump;
using test::tensor;

namespace {

PlanOptions with(const std::function<void(PlanOptions&)>& change) {
  PlanOptions options;
  change(options);
  return options;
}

Plan plan(const Dump& from, const std::function<void(PlanOptions&)>& change = [](PlanOptions&) {}) {
  return makePlan(from, "", with(change));
}

std::string shown(const Plan& plan) { return plan.rows.name + " x " + plan.columns.name; }

std::string reduced(const Plan& plan) {
  std::string out;
  for (const PlanAxis& each : plan.reduced) out += (out.empty() ? "" : ",") + each.name + "=" + name(each.how);
  return out;
}

/// A dump of one logits tensor with the given leading axes, five entries each.
Dump logitsOver(const std::vector<std::string>& names) {
  std::vector<Axis> axes;
  for (const std::string& each : names) axes.push_back(axis(each, 5));
  axes.push_back(axis("vocab", 100));
  return dump({tensor("logits", axes, Kind::Logits)});
}

}  // namespace

TEST_CASE("layer and token are the grid by default", "[plan]") {
  const Plan p = plan(test::lens());
  CHECK(p.cells.name == "logits");
  CHECK(p.kind == Kind::Logits);
  CHECK(shown(p) == "layer x token");
  CHECK(p.rows.cellStride == 8);
  CHECK(p.columns.cellStride == 1);
  CHECK(p.rows.positions.size() == 11);
  CHECK(p.rows.label(0) == "emb");
  CHECK(p.reduced.empty());
  CHECK(p.entriesPerCell() == 1);
  CHECK(p.vocab == 49152);
  CHECK(std::string(p.metrics.at(0).metric->name) == "jsd");
  CHECK(p.reference.text == "layer=-1");
  CHECK(p.unit == "nats");
  CHECK(p.logBase == 1);
  CHECK(p.notes.empty());
  CHECK(p.inputs.size() == 1);
  REQUIRE(p.panels.size() == 1);
  CHECK(p.panels[0].label.empty());
}

TEST_CASE("other axes are reduced by their mean, in dump order", "[plan]") {
  const Plan p = plan(test::steps(), [](PlanOptions& o) { o.rows = "step", o.columns = "layer"; });
  CHECK(shown(p) == "step x layer");
  CHECK(reduced(p) == "token=mean");
  CHECK(p.rows.cellStride == 12 * 32);
  CHECK(p.columns.cellStride == 32);
  CHECK(p.reduced[0].cellStride == 1);
  CHECK(p.entriesPerCell() == 32);
  CHECK(shown(plan(test::steps())) == "layer x token");
  CHECK(reduced(plan(test::steps())) == "step=mean");
}

TEST_CASE("the two axes of the grid", "[plan]") {
  struct Case {
    std::vector<std::string> axes;
    std::string rows, columns;
    std::vector<std::string> select, reduce;
    std::string shown, reduced;
  };
  const Case c = GENERATE(values<Case>({
      {{"token", "layer"}, "", "", {}, {}, "layer x token", ""},
      {{"a", "b", "c"}, "", "", {}, {}, "b x c", "a=mean"},
      {{"layer", "b", "c"}, "", "", {}, {}, "b x c", "layer=mean"},
      {{"layer", "b", "c"}, "b", "", {}, {}, "b x layer", "c=mean"},
      {{"token", "b", "c"}, "", "b", {}, {}, "token x b", "c=mean"},
      {{"a", "b", "c"}, "a", "", {}, {}, "a x c", "b=mean"},
      {{"layer", "token"}, "", "", {"layer=0"}, {}, "layer x token", ""},
      {{"token", "layer"}, "", "", {"layer=0"}, {}, "layer x token", ""},
      {{"step", "layer", "token"}, "", "", {"layer=0"}, {}, "step x token", "layer=mean"},
      {{"step", "layer", "token"}, "", "", {"layer=0", "token=1"}, {}, "step x token", "layer=mean"},
      {{"step", "layer", "token"}, "", "", {"step=0", "token=1"}, {}, "layer x token", "step=mean"},
      {{"step", "layer", "token"}, "", "", {"step=0", "layer=0", "token=1"}, {}, "layer x token", "step=mean"},
      {{"step", "layer", "token"}, "", "", {"step=0", "layer=1,2"}, {}, "layer x token", "step=mean"},
      {{"step", "layer", "token"}, "step", "", {"layer=0"}, {}, "step x token", "layer=mean"},
      {{"step", "layer"}, "step", "", {"layer=0"}, {}, "step x layer", ""},
      {{"a", "layer", "token"}, "", "", {}, {"layer=max"}, "a x token", "layer=max"},
      {{"layer", "token"}, "", "", {}, {"token=q0.9"}, "layer x value", "token=quantile"},
      {{"layer", "token"}, "", "", {}, {"layer=sem"}, "token x value", "layer=sem"},
      {{"layer", "token"}, "", "token", {}, {"layer=std"}, "cell x token", "layer=std"},
      {{"layer", "token"}, "", "", {}, {"layer=min", "token=count"}, "cell x value", "layer=min,token=count"},
      {{"layer"}, "", "", {}, {}, "layer x value", ""},
  }));
  const Plan p = plan(logitsOver(c.axes), [&](PlanOptions& o) {
    o.rows = c.rows, o.columns = c.columns, o.select = c.select, o.reduce = c.reduce, o.reference = "uniform";
  });
  CHECK(shown(p) == c.shown);
  CHECK(reduced(p) == c.reduced);
}

TEST_CASE("one axis left makes one column named value", "[plan]") {
  const Plan p = plan(logitsOver({"layer"}));
  CHECK(p.columns.positions == std::vector<int64_t>{0});
  CHECK(p.columns.label(0) == "value");
  CHECK(p.columns.synthetic);
  CHECK(p.columns.cellStride == 0);
  CHECK(p.reference.base == 4);
}

TEST_CASE("an axis called value is not taken for the synthetic one", "[plan]") {
  const Plan p = plan(logitsOver({"value"}), [](PlanOptions& o) { o.reference = "value:prev"; });
  CHECK(shown(p) == "value x value");
  CHECK(p.rows.referenceStride == 1);
  CHECK(p.columns.referenceStride == 0);
}

TEST_CASE("rows and columns that cannot be are refused", "[plan]") {
  const Dump d = test::lens();
  CHECK_REFUSED(plan(d, [](PlanOptions& o) { o.rows = "layr"; }), Exit::Usage, "did you mean 'layer'?");
  CHECK_REFUSED(plan(d, [](PlanOptions& o) { o.rows = "vocab"; }), Exit::Usage, "holds the distribution");
  CHECK_REFUSED(plan(d, [](PlanOptions& o) { o.rows = o.columns = "token"; }), Exit::Usage, "both name axis 'token'");
  CHECK_REFUSED(plan(d, [](PlanOptions& o) { o.rows = "layer", o.reduce = {"layer=mean"}; }), Exit::Usage, "--reduce");
  CHECK_REFUSED(plan(d, [](PlanOptions& o) { o.columns = "layer", o.group = "layer"; }), Exit::Usage, "--group");
}

TEST_CASE("selections keep their order, join, and carry the labels", "[plan]") {
  const Plan p = plan(test::generated(), [](PlanOptions& o) {
    o.reference = "tensor:clean";
    o.select = {"layer=label:27", "token=Gen3,0", "layer=0:2"};
  });
  CHECK(p.rows.positions == std::vector<int64_t>{8, 0, 1});
  CHECK(p.rows.labels == std::vector<std::string>{"27", "0", "15"});
  CHECK(p.rows.length == 9);
  CHECK(p.columns.positions == std::vector<int64_t>{3, 0});
  CHECK_REFUSED(plan(test::lens(), [](PlanOptions& o) { o.select = {"layer=40"}; }), Exit::Usage, "out of range");
  CHECK_REFUSED(plan(test::lens(), [](PlanOptions& o) { o.select = {"vocab=0:5"}; }), Exit::Usage, "--vocab");
  CHECK_REFUSED(plan(test::lens(), [](PlanOptions& o) { o.select = {"head=1"}; }), Exit::Usage, "no axis 'head'");
}

TEST_CASE("reductions need a HOW that exists", "[plan]") {
  const auto reducing = [](const std::string& text) {
    return plan(test::lens(), [&](PlanOptions& o) { o.reduce = {text}; });
  };
  CHECK(reducing("token=q0.25").reduced.at(0).quantile == 0.25);
  CHECK_REFUSED(reducing("token"), Exit::Usage, "AXIS=HOW");
  CHECK_REFUSED(reducing("token="), Exit::Usage, "mean, median");
  CHECK_REFUSED(reducing("token=avg"), Exit::Usage, "unknown 'avg'");
  CHECK_REFUSED(reducing("token=meedian"), Exit::Usage, "did you mean 'median'?");
  CHECK_REFUSED(reducing("token=quantile"), Exit::Usage, "q0.9");
  CHECK_REFUSED(reducing("token=q1.5"), Exit::Usage, "q0.9");
  CHECK_REFUSED(reducing("token=qnan"), Exit::Usage, "q0.9");
  CHECK_REFUSED(reducing("tokens=mean"), Exit::Usage, "did you mean 'token'?");
  CHECK_REFUSED(plan(test::lens(), [](PlanOptions& o) { o.reduce = {"token=min", "token=max"}; }), Exit::Usage,
                "twice");
}

TEST_CASE("groups make panels in the order of first appearance, after the selection", "[plan]") {
  const auto grouped = [](const std::vector<std::string>& select) {
    return plan(test::interventions(), [&](PlanOptions& o) {
      o.rows = "site", o.columns = "layer", o.reference = "tensor:clean", o.group = "example", o.select = select;
    });
  };
  const Plan all = grouped({});
  REQUIRE(all.panels.size() == 3);
  CHECK(all.groupAxis == 0);
  CHECK(all.panels[0].label == "known");
  CHECK(all.panels[0].entries == std::vector<size_t>{0, 2});
  CHECK(all.panels[1].label == "fictional");
  CHECK(all.panels[2].label == "mistaken");
  CHECK(all.entriesPerCell() == 4);
  CHECK(all.entriesPerCell(all.panels[0]) == 2);
  const Plan some = grouped({"example=3,1,1"});
  REQUIRE(some.panels.size() == 2);
  CHECK(some.panels[0].label == "mistaken");
  CHECK(some.panels[1].entries == std::vector<size_t>{1, 2});
  CHECK_REFUSED(plan(test::steps(), [](PlanOptions& o) { o.group = "step"; }), Exit::Usage, "no groups");
  CHECK_REFUSED(plan(test::steps(), [](PlanOptions& o) { o.group = "stp"; }), Exit::Usage, "did you mean 'step'?");
}

TEST_CASE("the tensor is chosen where one fits, and asked for where several do", "[plan]") {
  CHECK_REFUSED(plan(test::interventions()), Exit::Usage, "intervened[4, 3, 30, 49152], clean[4, 49152]");
  CHECK(plan(test::interventions(), [](PlanOptions& o) { o.reference = "tensor:clean"; }).cells.name == "intervened");
  CHECK(plan(test::interventions(), [](PlanOptions& o) { o.tensor = "intervened"; }).reference.text == "layer=-1");
  CHECK(makePlan(test::interventions(), "intervened", {}).cells.name == "intervened");
  CHECK_REFUSED(makePlan(test::interventions(), "clean", with([](PlanOptions& o) { o.tensor = "intervened"; })),
                Exit::Usage, "drop one");
  CHECK_REFUSED(plan(test::lens(), [](PlanOptions& o) { o.tensor = "tokens"; }), Exit::Usage, "I32 integers");
  CHECK_REFUSED(plan(test::lens(), [](PlanOptions& o) { o.tensor = "logit"; }), Exit::Usage, "did you mean 'logits'?");
  CHECK_REFUSED(plan(dump({test::unnamed("ids", {4, 4}, DType::I64)})), Exit::BadInput,
                "no tensor of floating numbers");
  CHECK_REFUSED(plan(dump({})), Exit::BadInput, "no tensor of floating numbers");
  Tensor odd = test::unnamed("w", {4, 4, 4}, DType::Unsupported);
  odd.dtypeName = "F4";
  CHECK_REFUSED(plan(dump({odd}), [](PlanOptions& o) { o.tensor = "w"; }), Exit::BadInput, "'F4' cannot be read");
}

TEST_CASE("one distribution among other floating tensors is the cells' tensor", "[plan]") {
  Dump d = test::lens();
  d.tensors.push_back(tensor("loss", {axis("token", 8)}, Kind::Scalar, DType::F32));
  CHECK(plan(d).cells.name == "logits");
  d.tensors.erase(d.tensors.begin());
  CHECK(plan(d).cells.name == "loss");
}

TEST_CASE("guessed axes are said aloud with what changes them", "[plan]") {
  const Plan p = plan(dump({test::unnamed("a", {4, 4, 50})}));
  CHECK(shown(p) == "layer x token");
  REQUIRE(p.notes.size() == 1);
  CHECK_THAT(p.notes[0], Catch::Matchers::ContainsSubstring("guessed as layer, token, vocab (logits)"));
  CHECK_THAT(p.notes[0], Catch::Matchers::ContainsSubstring("--axes"));
  const Plan named = plan(dump({test::unnamed("a", {4, 5, 50})}),
                          [](PlanOptions& o) { o.axes = {"step", "layer", "vocab"}, o.kind = "probs"; });
  CHECK(named.notes.empty());
  CHECK(named.kind == Kind::Probs);
  CHECK(shown(named) == "step x layer");
  CHECK_REFUSED(plan(dump({test::unnamed("a", {2, 3, 4, 50})})), Exit::BadInput, "--axes");
  CHECK_REFUSED(plan(dump({test::unnamed("a", {2, 3, 4})}), [](PlanOptions& o) { o.kind = "logit"; }), Exit::Usage,
                "did you mean 'logits'?");
  CHECK_REFUSED(plan(dump({test::unnamed("a", {2, 0, 4})})), Exit::BadInput, "no cells");
}

TEST_CASE("scalar tables are drawn as they are", "[plan]") {
  const Dump d = dump({tensor("scalar", {axis("step", 33), axis("layer", 12)}, Kind::Scalar, DType::F32)});
  const Plan p = plan(d);
  CHECK(shown(p) == "step x layer");
  CHECK(p.metrics.empty());
  CHECK(p.reference.kind == ReferenceKind::None);
  CHECK(p.rows.cellStride == 12);
  CHECK(p.columns.cellStride == 1);
  CHECK(p.vocab == 0);
  CHECK(p.unit.empty());
  CHECK_REFUSED(plan(d, [](PlanOptions& o) { o.metrics = {"kl"}; }), Exit::Usage, "--metric does not apply");
  CHECK_REFUSED(plan(d, [](PlanOptions& o) { o.reference = "layer=-1"; }), Exit::Usage, "--reference does not apply");
  CHECK_REFUSED(plan(d, [](PlanOptions& o) { o.vocab = 3; }), Exit::Usage, "--vocab does not apply");
  CHECK_REFUSED(plan(d, [](PlanOptions& o) { o.base = "2"; }), Exit::Usage, "--base does not apply");
  CHECK_REFUSED(plan(d, [](PlanOptions& o) { o.temperature = 2; }), Exit::Usage, "--temperature does not apply");
  CHECK_REFUSED(plan(d, [](PlanOptions& o) { o.convention = "scipy"; }), Exit::Usage, "--convention does not apply");
  CHECK_REFUSED(plan(d, [](PlanOptions& o) { o.targets = "ids"; }), Exit::Usage, "--targets does not apply");
}

TEST_CASE("hidden states ask for an unembedding", "[plan]") {
  const Dump d = dump({tensor("hidden", {axis("layer", 31), axis("token", 48), axis("hidden", 576)}, Kind::Hidden)});
  CHECK_REFUSED(plan(d), Exit::Usage, "--unembed FILE:TENSOR");
  const Dump topk = dump({tensor("top", {axis("layer", 3), axis("token", 4), axis("k", 8)}, Kind::TopK)});
  CHECK_REFUSED(plan(topk), Exit::BadInput, "kind topk");
}

TEST_CASE("base, temperature and vocab are checked", "[plan]") {
  const auto p = [](auto change) { return plan(test::lens(), change); };
  CHECK(p([](PlanOptions& o) { o.base = "2"; }).logBase == Approx(std::log(2.0)));
  CHECK(p([](PlanOptions& o) { o.base = "2"; }).unit == "bits");
  CHECK(p([](PlanOptions& o) { o.base = "10"; }).unit == "bans");
  CHECK(p([](PlanOptions& o) { o.temperature = 0.5; }).temperature == 0.5);
  CHECK(p([](PlanOptions& o) { o.vocab = 1000; }).vocab == 1000);
  CHECK_REFUSED(p([](PlanOptions& o) { o.base = "3"; }), Exit::Usage, "--base '3'");
  CHECK_REFUSED(p([](PlanOptions& o) { o.temperature = 0; }), Exit::Usage, "--temperature 0");
  CHECK_REFUSED(p([](PlanOptions& o) { o.temperature = NAN; }), Exit::Usage, "above 0");
  CHECK_REFUSED(p([](PlanOptions& o) { o.temperature = INFINITY; }), Exit::Usage, "above 0");
  CHECK_REFUSED(p([](PlanOptions& o) { o.vocab = 0; }), Exit::Usage, "between 1 and 49152");
  CHECK_REFUSED(p([](PlanOptions& o) { o.vocab = 50000; }), Exit::Usage, "between 1 and 49152");
  CHECK_REFUSED(p([](PlanOptions& o) { o.metrics = {"jsd", "kll"}; }), Exit::Usage, "did you mean 'kl'?");
}

TEST_CASE("a truncated file gives the rows that it has", "[plan]") {
  Dump d = test::lens();
  d.tensors[0].availableRows = 4;
  const Plan p = plan(d);
  CHECK(p.rows.positions.size() == 4);
  CHECK(p.reference.label == "layer 9");
  REQUIRE(p.notes.size() == 1);
  CHECK_THAT(p.notes[0], Catch::Matchers::ContainsSubstring("4 of 11 entries"));
}
