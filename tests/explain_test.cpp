#include "app/explain.h"

#include <cmath>

#include "app/tokens.h"
#include "catch.h"
#include "dump_fixtures.h"
#include "plan_dumps.h"

using Catch::Approx;
using namespace divlens;

namespace {

/// probs[example 2, layer 2, token 2, vocab 3]; the last layer is the reference.
Dump probabilities() {
  Tensor tensor = test::tensor("p",
                               {test::axis("example", 2), test::axis("layer", 2), test::axis("token", 2, {"a", "a"}),
                                test::axis("vocab", 3, {"x", "y\t", "z"})},
                               Kind::Probs, DType::F64);
  const std::vector<double> values = {0, 0.5,  0.5,  0.2, 0.3, 0.5, 0.5,  0.5,  0, 0.2, 0.3, 0.5,
                                      0, 0.75, 0.25, 0.2, 0.3, 0.5, 0.25, 0.75, 0, 0.5, 0.3, 0.2};
  const auto bytes = std::as_bytes(std::span(values));
  tensor.source = memoryBytes("m", {bytes.begin(), bytes.end()});
  return test::dump({tensor});
}

Plan planOf(const std::string& metric, std::vector<std::string> select = {}, std::vector<std::string> reduce = {}) {
  PlanOptions options;
  options.metrics = {metric};
  options.select = std::move(select);
  options.reduce = std::move(reduce);
  return makePlan(probabilities(), "", options);
}

}  // namespace

TEST_CASE("a cell of one pair is the sum of its terms, largest first", "[explain]") {
  const Explanation e = explainCell(planOf("tv"), {"layer=0", "token=0", "example=0"}, 2);
  CHECK(e.cell == Approx(0.5));
  CHECK(e.count == 1);
  REQUIRE(e.entries.size() == 2);
  // p = [.5 .5 0], q = [0 .5 .5]: equal terms go by id.
  CHECK(e.entries[0].id == 0);
  CHECK(e.entries[0].p == Approx(0.5));
  CHECK(e.entries[0].q == 0);
  CHECK(e.entries[0].term == Approx(0.25));
  CHECK(e.entries[0].rankP == 1);
  CHECK(e.entries[0].rankQ == 3);
  CHECK(e.entries[1].id == 2);
  CHECK(e.entries[1].rankP == 3);
  CHECK(e.entries[1].rankQ == 1);
  CHECK(e.rest == 0);
  using At = std::vector<std::pair<std::string, std::string>>;
  CHECK(e.at == At{{"layer", "0"}, {"token", "a"}, {"example", "0"}});
}

TEST_CASE("reduced axes are averaged, and terms still sum to the cell", "[explain]") {
  const Explanation e = explainCell(planOf("jsd"), {"layer=0", "token=0"}, 1);
  const double first = 0.5 * std::log(2.0);
  const double second = 0.25 * std::log(2.0);  // p = [.25 .75 0], q = [0 .75 .25]
  CHECK(e.cell == Approx((first + second) / 2));
  CHECK(e.count == 2);
  CHECK(e.entries.at(0).p == Approx((0.5 + 0.25) / 2));
  CHECK(e.entries.at(0).term + e.rest == Approx(e.cell));
}

TEST_CASE("infinite values stay out of a mean and are shown alone", "[explain]") {
  const Explanation alone = explainCell(planOf("kl"), {"layer=0", "token=0", "example=0"}, 3);
  CHECK(alone.cell == INFINITY);
  CHECK(alone.entries[0].id == 0);
  CHECK(alone.entries[0].term == INFINITY);
  CHECK_REFUSED(explainCell(planOf("kl"), {"layer=0", "token=0"}, 3), Exit::Failure, "infinite");
}

TEST_CASE("metrics without a reference have no p", "[explain]") {
  const Explanation e = explainCell(planOf("entropy"), {"layer=0", "token=1"}, 3);
  CHECK(std::isnan(e.entries[0].p));
  CHECK(e.entries[0].rankP == 0);
  CHECK(e.entries[0].rankQ >= 1);
}

TEST_CASE("what cannot be taken apart is refused", "[explain]") {
  CHECK_REFUSED(explainCell(planOf("hellinger"), {"layer=0", "token=0"}, 3), Exit::Usage, "these can: jsd, kl");
  CHECK_REFUSED(explainCell(planOf("kl"), {"layer=0"}, 3), Exit::Usage, "--at token=SPEC is missing");
  CHECK_REFUSED(explainCell(planOf("kl"), {"layer=0", "token=a"}, 3), Exit::Usage, "it names 2");
  CHECK_REFUSED(explainCell(planOf("kl"), {"layer=0", "token=0:2"}, 3), Exit::Usage, "it names 2");
  CHECK_REFUSED(explainCell(planOf("kl"), {"layer=0", "layer=1", "token=0"}, 3), Exit::Usage, "fixed twice");
  CHECK_REFUSED(explainCell(planOf("kl"), {"leyer=0", "token=0"}, 3), Exit::Usage, "did you mean 'layer'?");
  CHECK_REFUSED(explainCell(planOf("kl"), {"layer=7", "token=0"}, 3), Exit::Usage, "out of range");
  CHECK_REFUSED(explainCell(planOf("kl", {"token=1"}), {"layer=0", "token=0"}, 3), Exit::Usage, "--select leaves");
  CHECK_REFUSED(explainCell(planOf("tv", {}, {"example=max"}), {"layer=0", "token=0"}, 3), Exit::Usage,
                "reduced by max");
}

TEST_CASE("token texts come from tokenizer.json", "[explain]") {
  const test::TempDir dir;
  const std::string map = dir.write(
      "map.json", R"({"model": {"vocab": {"a": 1, "Ġb": 0}}, "added_tokens": [{"id": 3, "content": "<s>"}]})");
  const TokenTexts texts = TokenTexts::fromTokenizer(map);
  CHECK(texts.text(0) == "Ġb");
  CHECK(texts.text(1) == "a");
  CHECK(texts.text(2).empty());
  CHECK(texts.text(3) == "<s>");
  CHECK(texts.text(4).empty());
  const std::string list = dir.write("list.json", R"({"model": {"vocab": [["<unk>", 0.0], ["▁the", -3.5]]}})");
  CHECK(TokenTexts::fromTokenizer(list).text(1) == "▁the");
  const std::string neither = dir.write("no.json", "[1]");
  CHECK_REFUSED(TokenTexts::fromTokenizer(neither), Exit::BadInput, "is no tokenizer.json");
  const std::string huge = dir.write("huge.json", R"({"model": {"vocab": {"a": 99999999999}}})");
  CHECK_REFUSED(TokenTexts::fromTokenizer(huge), Exit::BadInput, "must pair texts with ids");
}

TEST_CASE("labels of the vocabulary name the entries unless a tokenizer is given", "[explain]") {
  CHECK(tokenTexts(planOf("kl"), "").text(2) == "z");
  const test::TempDir dir;
  const std::string path = dir.write("t.json", R"({"model": {"vocab": {"other": 2}}})");
  CHECK(tokenTexts(planOf("kl"), path).text(2) == "other");
}
