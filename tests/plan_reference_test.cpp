#include <filesystem>
#include <fstream>
#include <functional>

#include "catch.h"
#include "divergence/plan.h"
#include "plan_dumps.h"

using namespace divlens;
using test::axis;
using test::dump;
using test::tensor;

namespace {

Plan against(
    const Dump& from, const std::string& reference,
    const std::function<void(PlanOptions&)>& change = [](PlanOptions&) {}) {
  PlanOptions options;
  options.reference = reference;
  change(options);
  return makePlan(from, "", options);
}

/// cells[layer 4, token 3, vocab 10] and a reference tensor beside it.
Dump beside(Tensor other) {
  return dump({tensor("cells", {axis("layer", 4), axis("token", 3, {"a", "b", "c"}), axis("vocab", 10)}, Kind::Logits),
               std::move(other)});
}

/// Writes a version 1 .npy of float32 zeros.
std::string writeNpy(const std::string& name, const std::vector<int64_t>& shape) {
  const std::string path = (std::filesystem::temp_directory_path() / name).string();
  std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
  size_t count = 1;
  for (const int64_t length : shape) text += std::to_string(length) + ",", count *= static_cast<size_t>(length);
  text += "), }";
  while ((10 + text.size() + 1) % 64 != 0) text += ' ';
  text += '\n';
  std::ofstream file(path, std::ios::binary);
  file << "\x93NUMPY" << '\x01' << '\0' << static_cast<char>(text.size() & 0xFF) << static_cast<char>(text.size() >> 8)
       << text << std::string(4 * count, '\0');
  return path;
}

}  // namespace

TEST_CASE("an entry of an axis is the reference of all", "[reference]") {
  const Plan p = against(test::lens(), "layer=-1");
  CHECK(p.reference.kind == ReferenceKind::Rows);
  CHECK(p.reference.tensor.name == "logits");
  CHECK(p.reference.base == 10 * 8);
  CHECK(p.reference.label == "layer 30");
  CHECK(p.reference.text == "layer=-1");
  CHECK(p.reference.rowKind == Kind::Logits);
  CHECK(p.rows.referenceStride == 0);
  CHECK(p.columns.referenceStride == 1);
  CHECK(against(test::lens(), "layer=emb").reference.base == 0);
  CHECK(against(test::lens(), "layer=label:3").reference.base == 8);
  const Plan token = against(test::lens(), "token=Paris");
  CHECK(token.reference.base == 6);
  CHECK(token.rows.referenceStride == 8);
  CHECK(token.columns.referenceStride == 0);
}

TEST_CASE("the reference is resolved on the whole dump, before the selection", "[reference]") {
  const Plan p = against(test::lens(), "layer=-1", [](PlanOptions& o) { o.select = {"layer=0:3", "token=4"}; });
  CHECK(p.reference.base == 80);
  const Plan mean = against(test::steps(), "mean:step", [](PlanOptions& o) { o.select = {"step=2"}; });
  CHECK(mean.reference.meanCount == 33);
}

TEST_CASE("an entry must be exactly one that exists", "[reference]") {
  CHECK_REFUSED(against(test::lens(), "layer=0:2"), Exit::Usage, "stands for 2 entries");
  CHECK_REFUSED(against(test::lens(), "token=the"), Exit::Usage, "stands for 2 entries");
  CHECK_REFUSED(against(test::lens(), "layer=11"), Exit::Usage, "out of range");
  CHECK_REFUSED(against(test::lens(), "layer=embd"), Exit::Usage, "did you mean 'emb'?");
  CHECK_REFUSED(against(test::lens(), "layers=1"), Exit::Usage, "did you mean 'layer'?");
  CHECK_REFUSED(against(test::lens(), "vocab=1"), Exit::Usage, "holds the distribution");
}

TEST_CASE("the entry before or after is a shift along any axis", "[reference]") {
  const Plan p = against(test::lens(), "layer:prev");
  CHECK(p.reference.kind == ReferenceKind::Shifted);
  CHECK(p.reference.shiftAxis == "layer");
  CHECK(p.reference.shift == -1);
  CHECK(p.reference.base == -8);
  CHECK(p.reference.label == "previous layer");
  CHECK(p.rows.referenceStride == 8);
  const Plan next = against(test::lens(), "token:next");
  CHECK(next.reference.shift == 1);
  CHECK(next.reference.base == 1);
  CHECK(next.reference.label == "next token");
  CHECK_REFUSED(against(test::lens(), "lyer:prev"), Exit::Usage, "did you mean 'layer'?");
}

TEST_CASE("the mean over an axis", "[reference]") {
  const Plan p = against(test::steps(), "mean:layer", [](PlanOptions& o) { o.rows = "step", o.columns = "layer"; });
  CHECK(p.reference.kind == ReferenceKind::Mean);
  CHECK(p.reference.meanStride == 32);
  CHECK(p.reference.meanCount == 12);
  CHECK(p.columns.referenceStride == 0);
  CHECK(p.rows.referenceStride == 12 * 32);
  CHECK(p.reduced[0].referenceStride == 1);
  CHECK(p.reference.label == "mean over layer");
}

TEST_CASE("uniform needs no tensor", "[reference]") {
  const Plan p = against(test::lens(), "uniform");
  CHECK(p.reference.kind == ReferenceKind::Uniform);
  CHECK(p.reference.label == "uniform");
  CHECK(p.rows.referenceStride == 0);
}

TEST_CASE("another tensor is aligned by axis name; what it lacks is broadcast", "[reference]") {
  const Plan p =
      against(test::interventions(), "tensor:clean", [](PlanOptions& o) { o.rows = "site", o.columns = "layer"; });
  CHECK(p.reference.kind == ReferenceKind::Rows);
  CHECK(p.reference.label == "clean");
  CHECK(p.reference.tensor.name == "clean");
  CHECK(p.rows.referenceStride == 0);
  CHECK(p.columns.referenceStride == 0);
  CHECK(p.reduced.at(0).referenceStride == 1);
  const Plan generated = against(test::generated(), "tensor:clean");
  CHECK(generated.rows.referenceStride == 0);
  CHECK(generated.columns.referenceStride == 1);
}

TEST_CASE("the reference's axes may stand in another order, and hold another kind", "[reference]") {
  const Plan p =
      against(beside(tensor("other", {axis("token", 3), axis("layer", 4), axis("vocab", 10)}, Kind::Probs, DType::F64)),
              "tensor:other");
  CHECK(p.rows.referenceStride == 1);
  CHECK(p.columns.referenceStride == 4);
  CHECK(p.reference.rowKind == Kind::Probs);
  CHECK(p.kind == Kind::Logits);
}

TEST_CASE("references that do not fit are refused with both sides", "[reference]") {
  const auto other = [](std::vector<Axis> axes, Kind kind = Kind::Logits) {
    return against(beside(tensor("other", std::move(axes), kind)), "tensor:other");
  };
  CHECK_REFUSED(other({axis("layer", 5), axis("vocab", 10)}), Exit::BadInput,
                "axis 'layer' has 5 entries, the cells have 4");
  CHECK_REFUSED(other({axis("layer", 1), axis("vocab", 10)}), Exit::BadInput, "has 1 entries");
  for (const int64_t steps : {1, 2})
    CHECK_REFUSED(other({axis("step", steps), axis("vocab", 10)}), Exit::BadInput,
                  "axis 'step' of length " + std::to_string(steps) + " that the cells lack");
  CHECK_REFUSED(other({axis("token", 3, {"a", "x", "c"}), axis("vocab", 10)}), Exit::BadInput,
                "axis 'token', entry 1 is labelled 'x', but 'b' in the cells");
  CHECK(other({axis("token", 3), axis("vocab", 10)}).columns.referenceStride == 1);
  CHECK_REFUSED(other({axis("token", 3)}, Kind::Scalar), Exit::Usage,
                "holds scalar, which cannot be compared with logits");
  CHECK_REFUSED(against(test::lens(), "tensor:targets"), Exit::Usage, "I32 integers");
  CHECK_REFUSED(against(test::generated(), "tensor:claen"), Exit::Usage, "did you mean 'clean'?");
}

TEST_CASE("vocabularies of two lengths need --vocab", "[reference]") {
  const Dump d = beside(tensor("other", {axis("token", 3), axis("vocab", 12)}, Kind::Logits));
  CHECK_REFUSED(against(d, "tensor:other"), Exit::BadInput, "pass --vocab 10 to compare the common part");
  CHECK(against(d, "tensor:other", [](PlanOptions& o) { o.vocab = 10; }).vocab == 10);
  CHECK_REFUSED(against(d, "tensor:other", [](PlanOptions& o) { o.vocab = 11; }), Exit::Usage, "between 1 and 10");
  const Dump shorter = beside(tensor("other", {axis("token", 3), axis("vocab", 8)}, Kind::Logits));
  CHECK_REFUSED(against(shorter, "tensor:other", [](PlanOptions& o) { o.vocab = 9; }), Exit::Usage, "only 8 entries");
}

TEST_CASE("unnamed references take the cells' names where their rank allows", "[reference]") {
  const Dump d = dump({test::unnamed("a", {4, 3, 10}), test::unnamed("b", {4, 3, 10}), test::unnamed("c", {10}),
                       test::unnamed("d", {3, 10})});
  const auto cells = [](PlanOptions& o) { o.tensor = "a"; };
  CHECK(against(d, "tensor:b", cells).rows.referenceStride == 3);
  CHECK(against(d, "tensor:c", cells).columns.referenceStride == 0);
  CHECK_REFUSED(against(d, "tensor:d", cells), Exit::BadInput, "has no axis names");
}

TEST_CASE("axes renamed by --axes are renamed in the reference too", "[reference]") {
  const Plan p = against(test::interventions(), "tensor:clean", [](PlanOptions& o) {
    o.axes = {"prompt", "site", "depth", "vocab"}, o.rows = "site", o.columns = "depth";
  });
  CHECK(p.reduced.at(0).name == "prompt");
  CHECK(p.reduced.at(0).referenceStride == 1);
}

TEST_CASE("a file's tensor of the same name or its only one is the reference", "[reference]") {
  const std::string path = writeNpy("divlens_plan_reference.npy", {11, 8, 40});
  Dump d = test::lens();
  d.tensors[0].shape[2] = d.tensors[0].axes[2].length = 40;
  const Plan p = against(d, "file:" + path);
  CHECK(p.reference.label == "divlens_plan_reference");
  CHECK(p.reference.text == "file:" + path);
  CHECK(p.rows.referenceStride == 8);
  REQUIRE(p.inputs.size() == 2);
  CHECK(p.inputs[1].path == path);
  CHECK(p.inputs[1].bytes == std::filesystem::file_size(path));
  CHECK_REFUSED(against(test::lens(), "file:" + path), Exit::BadInput, "pass --vocab 40");
  CHECK_REFUSED(against(d, "file:" + path + ":nothing"), Exit::Usage, "no tensor 'nothing'");
  CHECK_REFUSED(against(d, "file:" + path + ".missing"), Exit::BadInput, "missing");
  std::filesystem::remove(path);
}

TEST_CASE("targets are token ids over the axes that they have", "[reference]") {
  const Plan p = against(test::generated(), "target", [](PlanOptions& o) { o.tensor = "ablated"; });
  CHECK(p.reference.kind == ReferenceKind::Target);
  CHECK(p.reference.tensor.name == "targets");
  CHECK(p.rows.referenceStride == 0);
  CHECK(p.columns.referenceStride == 1);
  CHECK(against(test::lens(), "target", [](PlanOptions& o) { o.targets = "tokens"; }).reference.tensor.name ==
        "tokens");
  CHECK_REFUSED(against(test::lens(), "target", [](PlanOptions& o) { o.targets = "ids"; }), Exit::Usage, "--targets");
  CHECK_REFUSED(against(test::steps(), "target"), Exit::Usage, "there is none");
}

TEST_CASE("without --reference the last layer is taken, or what fits is listed", "[reference]") {
  CHECK(against(test::lens(), "").reference.base == 80);
  const Dump d = dump({tensor("logits", {axis("step", 3), axis("token", 4), axis("vocab", 10)}, Kind::Logits)});
  CHECK_REFUSED(against(d, ""), Exit::Usage, "step=POSITION, step:prev, mean:step, token=POSITION");
  CHECK_REFUSED(against(d, ""), Exit::Usage, "uniform");
  const Plan entropy = against(d, "", [](PlanOptions& o) { o.metrics = {"entropy"}; });
  CHECK(entropy.reference.kind == ReferenceKind::None);
  const Plan both = against(test::lens(), "", [](PlanOptions& o) { o.metrics = {"entropy", "kl"}; });
  CHECK(both.reference.kind == ReferenceKind::Rows);
}

TEST_CASE("unknown forms of a reference are refused with the known ones", "[reference]") {
  CHECK_REFUSED(against(test::lens(), "unifrom"), Exit::Usage, "did you mean 'uniform'?");
  CHECK_REFUSED(against(test::lens(), "layer"), Exit::Usage, "AXIS:prev");
  CHECK_REFUSED(against(test::lens(), "tensor:"), Exit::Usage, "tensor:NAME");
  CHECK_REFUSED(against(test::lens(), "layer="), Exit::Usage, "expected");
  CHECK_REFUSED(against(test::lens(), ":prev"), Exit::Usage, "unknown reference");
}

TEST_CASE("metrics of a target default to the reference target, and take no other", "[reference]") {
  const auto of = [](const std::vector<std::string>& metrics, const std::string& reference) {
    return against(test::lens(), reference, [&](PlanOptions& o) { o.metrics = metrics; });
  };
  CHECK(of({"rank"}, "").reference.kind == ReferenceKind::Target);
  CHECK(of({"logprob", "entropy"}, "").reference.kind == ReferenceKind::Target);
  CHECK(of({"kl", "rank"}, "target").reference.kind == ReferenceKind::Target);
  CHECK_REFUSED(of({"kl", "rank"}, ""), Exit::Usage, "pass --reference target");
  CHECK_REFUSED(of({"rank"}, "layer=-1"), Exit::Usage, "metric 'rank' is about the target token");
}

TEST_CASE("metrics of stored rows serve hidden states, and need stored rows", "[reference]") {
  const std::vector<Axis> axes = {axis("layer", 4), axis("token", 3), axis("hidden", 8)};
  const Dump d =
      dump({tensor("hidden", axes, Kind::Hidden), tensor("short", {axis("token", 3), axis("hidden", 6)}, Kind::Hidden),
            tensor("logits", {axis("token", 3), axis("vocab", 8)}, Kind::Logits)});
  const auto of = [&](const std::string& metric, const std::string& reference) {
    return against(d, reference, [&](PlanOptions& o) { o.metrics = {metric}, o.tensor = "hidden"; });
  };
  CHECK(of("cosine", "").reference.text == "layer=-1");
  CHECK(of("l2", "layer:prev").kind == Kind::Hidden);
  CHECK_REFUSED(of("kl", "layer=-1"), Exit::Usage, "--lens FOLDER");
  CHECK_REFUSED(of("l2", "uniform"), Exit::Usage, "rows as they are stored");
  CHECK_REFUSED(of("l2", "tensor:logits"), Exit::Usage, "holds logits, which cannot be compared with hidden");
  CHECK_REFUSED(of("l2", "tensor:short"), Exit::BadInput, "has 6 hidden entries, the cells have 8");
}
