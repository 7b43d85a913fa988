#include "app/info.h"

#include <nlohmann/json.hpp>

#include "catch.h"
#include "plan_dumps.h"

using namespace divlens;
using Catch::Matchers::ContainsSubstring;
using Json = nlohmann::json;

namespace {

Json jsonOf(const Dump& dump, const PlanOptions& options = {}) {
  return Json::parse(describeDumpsJson({dump}, {""}, options)).at("dumps").at(0);
}

}  // namespace

TEST_CASE("info shows tensors, axes, labels and the plan", "[info]") {
  Dump dump = test::lens();
  dump.title = "Logit lens";
  dump.bytes = 8u << 20;
  const std::string text = describeDump(dump, "", {});
  CHECK_THAT(text, ContainsSubstring("memory.safetensors: safetensors, 8.0 MiB"));
  CHECK_THAT(text, ContainsSubstring("title: Logit lens"));
  CHECK_THAT(text, ContainsSubstring("logits [layer 11, token 8, vocab 49152] F16, logits, 8.2 MiB"));
  CHECK_THAT(text, ContainsSubstring("layer: emb 3 6 … 30"));
  CHECK_THAT(text, ContainsSubstring("tokens [token 8] I32"));
  CHECK_THAT(text, ContainsSubstring("plan: layer (11) × token (8) of tensor logits"));
  CHECK_THAT(text, ContainsSubstring("metric: jsd (nats)"));
  CHECK_THAT(text, ContainsSubstring("reference: layer=-1 (layer 30)"));
}

TEST_CASE("info shows what can be opened, then says what cannot", "[info]") {
  Settings settings;
  settings.dumps = {"no-such-file.npy", DIVLENS_EXAMPLES "/steps.csv", "nor-this.csv"};
  for (const bool json : {false, true}) {
    settings.json = json;
    const InfoText info = runInfo(settings);
    CHECK_THAT(info.text, ContainsSubstring("steps.csv"));
    if (json) CHECK(Json::parse(info.text).at("dumps").size() == 1);
    REQUIRE(info.error);
    CHECK(info.error->code() == Exit::BadInput);
    CHECK_THAT(info.error->what(), ContainsSubstring("no-such-file.npy") && ContainsSubstring("nor-this.csv"));
  }
  settings.dumps.pop_back();
  settings.dumps.erase(settings.dumps.begin());
  CHECK_FALSE(runInfo(settings).error);
}

TEST_CASE("info shows groups, panels and the error that a plan would give", "[info]") {
  CHECK_THAT(describeDump(test::interventions(), "", {}),
             ContainsSubstring("example in groups: known (2), fictional (1)"));
  CHECK_THAT(describeDump(test::interventions(), "", {}),
             ContainsSubstring("no plan: memory.safetensors: several tensors"));
  PlanOptions options;
  options.reference = "tensor:clean";
  options.rows = "site";
  options.columns = "layer";
  options.reduce = {"example=q0.5"};
  CHECK_THAT(describeDump(test::interventions(), "", options), ContainsSubstring("reduced: example (4) by q0.5"));
  options.group = "example";
  CHECK_THAT(describeDump(test::interventions(), "", options), ContainsSubstring("panel: known (2)"));
  CHECK_THAT(describeDump(test::interventions(), "clean", {}), ContainsSubstring("no axis 'layer'"));
}

TEST_CASE("guessed axes are told from named ones", "[info]") {
  const Dump dump = test::dump({test::unnamed("a", {4, 4, 50})});
  CHECK_THAT(describeDump(dump, "", {}),
             ContainsSubstring("a [layer 4, token 4, vocab 50] F32, logits, 3.1 KiB (axes guessed)"));
  CHECK(jsonOf(dump).at("tensors").at(0).at("named_by") == "guess");
  CHECK(jsonOf(test::lens()).at("tensors").at(0).at("named_by") == "file");
  const Json deep = jsonOf(test::dump({test::unnamed("a", {2, 2, 4, 50})}));
  CHECK(deep.at("tensors").at(0).at("named_by").is_null());
  CHECK(deep.at("tensors").at(0).at("axes").empty());
  CHECK(deep.at("plan").is_null());
  CHECK(deep.at("plan_error").at("code") == 3);
}

TEST_CASE("info for programs has stable keys", "[info]") {
  const Json dump = jsonOf(test::lens());
  CHECK(dump.at("path") == "memory.safetensors");
  CHECK(dump.at("format") == "safetensors");
  CHECK(dump.at("plan_error").is_null());
  const Json& tensor = dump.at("tensors").at(0);
  CHECK(tensor.at("name") == "logits");
  CHECK(tensor.at("dtype") == "F16");
  CHECK(tensor.at("kind") == "logits");
  CHECK(tensor.at("shape") == Json({11, 8, 49152}));
  CHECK(tensor.at("bytes") == 11 * 8 * 49152 * 2);
  CHECK(tensor.at("axes").at(0).at("name") == "layer");
  CHECK(tensor.at("axes").at(0).at("labels").at(10) == "30");
  const Json& plan = dump.at("plan");
  CHECK(plan.at("tensor") == "logits");
  CHECK(plan.at("rows").at("axis") == "layer");
  CHECK(plan.at("columns").at("labels").at(6) == "Paris");
  CHECK(plan.at("metrics") == Json({"jsd"}));
  CHECK(plan.at("reference") == "layer=-1");
  CHECK(plan.at("unit") == "nats");
  CHECK(plan.at("vocab") == 49152);
  CHECK(plan.at("panels") == Json::parse(R"([{"label": null, "count": 1}])"));
  CHECK(plan.at("bytes_to_read") == 11 * 8 * 49152 * 2);
}

TEST_CASE("text from files cannot steer the terminal, nor break the JSON", "[info]") {
  Dump dump = test::lens();
  dump.title = "a\x1b[2Jb\nc\xff";
  dump.tensors[0].name = "lo\tgits";
  dump.tensors[0].axes[0].labels[0] = "\x07";
  const std::string text = describeDump(dump, "", {});
  for (const char c : text) CHECK((c == '\n' || static_cast<unsigned char>(c) >= 0x20));
  CHECK_THAT(text, ContainsSubstring("title: a\\x1B[2Jb\\x0Ac\\xFF"));
  CHECK(jsonOf(dump).at("tensors").at(0).at("name") == "lo\tgits");
}

TEST_CASE("bytes are counted once for each row that is read", "[info]") {
  const auto bytes = [](const std::string& reference, const std::vector<std::string>& select = {}) {
    PlanOptions options;
    options.reference = reference;
    options.select = select;
    options.vocab = 100;
    return bytesToRead(makePlan(test::lens(), "logits", options));
  };
  CHECK(bytes("uniform") == 11 * 8 * 200);
  CHECK(bytes("layer:prev") == 11 * 8 * 200);
  CHECK(bytes("mean:layer") == 11 * 8 * 200 * 2);
  CHECK(bytes("target") == 11 * 8 * 200 + 8 * 4);
  CHECK(bytes("layer=0", {"token=1,2"}) == 11 * 2 * 200);
}

TEST_CASE("info names the preset of a checkpoint and its plan", "[info]") {
  const std::string folder = std::string(DIVLENS_EXAMPLES) + "/checkpoints/base";
  const std::string text = describeDump(openDump(folder), "", {});
  CHECK_THAT(text, ContainsSubstring("weights [layer 36, component 7] BF16, weights, 126 KiB") &&
                       ContainsSubstring("252 tensors by the preset llama: model.layers.{layer}"));
  CHECK_THAT(text, ContainsSubstring("plan: layer (36) × component (7)") &&
                       ContainsSubstring("to be chosen with --metric: mean, std") &&
                       ContainsSubstring("reads: 126 KiB"));
  CHECK_THAT(text, ContainsSubstring("and 252 more, 252 of which stand side by side above"));
  CHECK_THAT(text, !ContainsSubstring("q_proj.weight ["));
}

TEST_CASE("sizes are short", "[info]") {
  CHECK(humanBytes(0) == "0 bytes");
  CHECK(humanBytes(1023) == "1023 bytes");
  CHECK(humanBytes(1024) == "1.0 KiB");
  CHECK(humanBytes(430u << 20) == "430 MiB");
  CHECK(humanBytes(uint64_t{1} << 40) == "1.0 TiB");
}
