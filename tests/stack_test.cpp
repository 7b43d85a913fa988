// Patterns of names, stacks of tensors and files, folders as checkpoints.
#include "dump/stack.h"

#include <nlohmann/json.hpp>

#include "divergence/plan.h"
#include "dump/pattern.h"
#include "dump/presets.h"
#include "dump_fixtures.h"

using namespace divlens;
using namespace divlens::test;

namespace {

struct Item {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<float> values;
};

/// Bytes of a safetensors file of F32 tensors.
std::string fileOf(const std::vector<Item>& items) {
  nlohmann::ordered_json header;
  std::string body;
  for (const Item& item : items) {
    const size_t begin = body.size();
    body += bytesOf(item.values);
    header[item.name] = {{"dtype", "F32"}, {"shape", item.shape}, {"data_offsets", {begin, body.size()}}};
  }
  return safetensors(header.dump(), body);
}

Item filled(const std::string& name, std::vector<int64_t> shape, float value) {
  size_t count = 1;
  for (const int64_t length : shape) count *= static_cast<size_t>(length);
  return {name, std::move(shape), std::vector<float>(count, value)};
}

OpenOptions withPatterns(std::vector<std::string> patterns) {
  OpenOptions options;
  options.patterns = std::move(patterns);
  return options;
}

std::vector<std::string> labels(const Tensor& tensor, size_t axis) { return tensor.axes.at(axis).labels; }

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("patterns take names apart", "[stack]") {
  const NamePattern q = NamePattern::parse("h.{layer}.{component:q,k=keys}_proj.weight", "--pattern");
  const auto values = q.match("h.12.k_proj.weight");
  REQUIRE(values);
  CHECK(values->at(0).label == "12");
  CHECK(values->at(0).rank == std::vector<double>{12});
  CHECK(values->at(1).label == "keys");
  CHECK(!q.match("h.12.v_proj.weight"));
  CHECK(!q.match("h.1.2.k_proj.weight.x"));
  CHECK(!q.match("x.h.12.k_proj.weight"));
  CHECK(q.sample() == "h.0.q_proj.weight");
  const NamePattern experts = NamePattern::parse("e.{component:#=expert #}.w{component:1= up,2= down}", "--pattern");
  CHECK(experts.match("e.10.w2")->at(0).label == "expert 10 down");
  CHECK(experts.variables() == Texts{"component"});
  CHECK(!experts.match("e.x.w2"));
  // A dot belongs to a variable only as the point of a number.
  CHECK(NamePattern::parse("lr_{lr}.npy", "--stack").match("lr_0.5.npy")->at(0).label == "0.5");
  CHECK(!NamePattern::parse("{layer}.weight", "--pattern").match("a.b.weight"));
}

TEST_CASE("patterns that cannot be read are usage errors", "[stack]") {
  for (const char* text : {"h.{layer", "h.{}", "h.layer}", "plain"}) {
    CAPTURE(text);
    if (std::string(text) == "h.layer}") {
      CHECK_THROWS_AS(NamePattern::parse(text, "--pattern"), Error);
      continue;
    }
    failure(Exit::Usage, [&] { NamePattern::parse(text, "--pattern"); });
  }
}

TEST_CASE("equal tensors become one with an axis in front, numbers as numbers", "[stack]") {
  const TempDir dir;
  const std::string path =
      dir.write("a.safetensors",
                fileOf({filled("blocks.10.hook_resid_post", {2, 3}, 10), filled("blocks.2.hook_resid_post", {2, 3}, 2),
                        filled("blocks.0.hook_resid_post", {2, 3}, 0), filled("ln_f", {3}, 1)}));
  const Dump dump = openDump(path, withPatterns({"blocks.{layer}.hook_resid_post"}));
  const Tensor& stack = *dump.find(dump.preferred);
  CHECK(stack.shape == std::vector<int64_t>{3, 2, 3});
  CHECK(labels(stack, 0) == Texts{"0", "2", "10"});
  CHECK(stack.axes[1].name == "token");
  CHECK(stack.kind == Kind::Hidden);
  const std::vector<float> all = allElements(stack);
  CHECK(all[0] == 0);
  CHECK(all[6] == 2);
  CHECK(all[17] == 10);
  CHECK(openDump(path, withPatterns({"transformer-lens"})).find("blocks.hook_resid_post") != nullptr);
}

TEST_CASE("holes are NaN and counted", "[stack]") {
  const TempDir dir;
  const std::string path =
      dir.write("a.safetensors", fileOf({filled("a.0.x", {4}, 1), filled("a.1.x", {4}, 2), filled("a.0.y", {4}, 3)}));
  const Dump dump = openDump(path, withPatterns({"a.{layer}.{component:x,y}"}));
  const Tensor& stack = *dump.find(dump.preferred);
  REQUIRE(stack.shape == std::vector<int64_t>{2, 2, 4});
  const std::vector<float> all = allElements(stack);
  CHECK(all[4] == 3);
  CHECK(std::isnan(all[12]));
  CHECK(stack.stack->holes == 1);
  REQUIRE(dump.notes.size() == 1);
  CHECK_THAT(dump.notes[0], ContainsSubstring("1 of 4 cells"));
}

TEST_CASE("patterns that do not fit say what is there", "[stack]") {
  const TempDir dir;
  const std::string path = dir.write(
      "a.safetensors", fileOf({filled("layers.0.q_proj.weight", {2, 2}, 1), filled("layers.0.k_proj.weight", {1, 2}, 2),
                               filled("act.0", {2, 2}, 1), filled("act.1", {3, 2}, 1)}));
  const auto message = [&](std::vector<std::string> patterns, Exit code = Exit::Usage) {
    return failure(code, [&] { openDump(path, withPatterns(std::move(patterns))); });
  };
  CHECK_THAT(message({"layer.{layer}.q_proj.weight"}), ContainsSubstring("nearest: 'layers.0.q_proj.weight'"));
  CHECK_THAT(message({"zzz.{layer}"}), ContainsSubstring("'zzz.{layer}'; there are: "));
  CHECK_THAT(message({"layers.{layer}.{component:q,v}_proj.weight"}), ContainsSubstring("no tensor has 'v'"));
  CHECK_THAT(message({"layers.{layer}.q_proj.weight", "layers.{layer}.k_proj.weight"}),
             ContainsSubstring("1 cell twice"));
  CHECK_THAT(message({"layers.{layer}.{component:q}_proj.weight", "layers.{layer}.{component}_proj.weight"}),
             ContainsSubstring("two patterns find"));
  CHECK_THAT(message({"layers.{layer}.q_proj.weight", "layers.0.{component:k}_proj.weight"}),
             ContainsSubstring("the same variables"));
  CHECK_THAT(message({"act.{layer}"}, Exit::BadInput), ContainsSubstring("'act.1' is [3, 2]"));
  CHECK_THAT(message({"lama"}), ContainsSubstring("did you mean 'llama'?"));
  CHECK_THAT(message({"gpt2"}), ContainsSubstring("none of the preset gpt2's patterns"));
}

TEST_CASE("weights of any shape are cells of their own, patterns join", "[stack]") {
  const TempDir dir;
  const std::string path =
      dir.write("a.safetensors", fileOf({filled("m.0.a.q.weight", {2, 2}, 1), filled("m.0.mlp.up.weight", {3, 2}, 2),
                                         filled("m.1.a.q.weight", {2, 2}, 3), filled("m.1.mlp.up.weight", {3, 2}, 4)}));
  const Dump dump = openDump(
      path, withPatterns({"m.{layer}.a.{component:q=attn. q}.weight", "m.{layer}.mlp.{component:up=mlp. up}.weight"}));
  const Tensor& stack = *dump.find("weights");
  CHECK(stack.kind == Kind::Weights);
  CHECK(stack.shape == std::vector<int64_t>{2, 2});
  CHECK(labels(stack, 1) == Texts{"attn. q", "mlp. up"});
  CHECK(stack.stack->parts[static_cast<size_t>(stack.stack->partOf[3])].name == "m.1.mlp.up.weight");
}

TEST_CASE("every preset's patterns can be read and join", "[stack]") {
  CHECK(presets().size() >= 6);
  for (const Preset& preset : presets()) {
    CAPTURE(preset.name);
    std::vector<Item> items;
    for (const std::string& text : preset.patterns)
      items.push_back(filled(preset.prefixes[0] + NamePattern::parse(text, "preset").sample(), {2, 2}, 1));
    const TempDir dir;
    const Dump dump = openDump(dir.write("a.safetensors", fileOf(items)), withPatterns({preset.name}));
    CHECK(dump.find(dump.preferred)->stack->parts.size() == items.size());
  }
}

TEST_CASE("a folder with config.json is a checkpoint", "[stack]") {
  const TempDir dir;
  std::filesystem::create_directories(dir.path("ck"));
  dir.write("ck/config.json", R"({"model_type": "gpt2", "tie_word_embeddings": true})");
  dir.write("ck/model.safetensors",
            fileOf({filled("h.0.attn.c_attn.weight", {2, 6}, 1), filled("h.0.mlp.c_fc.weight", {2, 8}, 2),
                    filled("h.1.attn.c_attn.weight", {2, 6}, 1), filled("wte.weight", {5, 2}, 1)}));
  const Dump dump = openDump(dir.path("ck"));
  const Tensor& stack = *dump.find("weights");
  CHECK(stack.stack->preset == "gpt2");
  CHECK(labels(stack, 1) == Texts{"attn. qkv", "mlp. up"});
  CHECK(stack.stack->holes == 1);

  dir.write("ck/config.json", R"({"model_type": "other", "quantization_config": {"quant_method": "gptq"}})");
  dir.write("ck/model.safetensors", fileOf({filled("x.qweight", {2, 6}, 1)}));
  CHECK_THAT(openDump(dir.path("ck")).notes.at(0), ContainsSubstring("quantised (gptq)"));
}

TEST_CASE("tied weights have both names", "[stack]") {
  const TempDir dir;
  std::filesystem::create_directories(dir.path("ck"));
  dir.write("ck/config.json", R"({"model_type": "llama", "tie_word_embeddings": true})");
  dir.write("ck/model.safetensors", fileOf({filled("model.embed_tokens.weight", {5, 2}, 7),
                                            filled("model.layers.0.self_attn.q_proj.weight", {2, 2}, 1)}));
  const Dump dump = openDump(dir.path("ck"));
  REQUIRE(dump.find("lm_head.weight") != nullptr);
  CHECK(allElements(*dump.find("lm_head.weight"))[9] == 7);
}

TEST_CASE("a preset says which matrices it leaves out", "[stack]") {
  const TempDir dir;
  dir.write("config.json", R"({"model_type": "llama"})");
  dir.write("model.safetensors", fileOf({filled("model.layers.0.self_attn.q_proj.weight", {2, 2}, 1),
                                         filled("model.layers.0.self_attn.q_proj.bias", {2}, 1),
                                         filled("model.layers.0.self_attn.q_proj.weight_scale", {2, 2}, 1),
                                         filled("model.layers.0.input_layernorm.weight", {2}, 1),
                                         filled("model.layers.0.self_attn.kv_b_proj.weight", {4, 2}, 1),
                                         filled("model.embed_tokens.weight", {3, 2}, 1)}));
  const Dump dump = openDump(dir.path(""));
  REQUIRE(dump.notes.size() == 1);
  CHECK_THAT(dump.notes[0], ContainsSubstring("the preset llama leaves out 1 matrices of layers, such as "
                                              "'model.layers.0.self_attn.kv_b_proj.weight'"));
}

TEST_CASE("presets know the names of their families", "[stack]") {
  struct Family {
    const char* model;
    std::vector<std::string> names;
    Texts components;
  };
  const Family families[] = {
      {"phi", {"model.layers.0.self_attn.dense.weight", "model.layers.0.mlp.fc1.weight"}, {"attn. o", "mlp. up"}},
      {"bloom",
       {"h.0.self_attention.query_key_value.weight", "h.0.mlp.dense_4h_to_h.weight"},
       {"attn. qkv", "mlp. down"}},
      {"t5",
       {"decoder.block.0.layer.1.EncDecAttention.q.weight", "encoder.block.0.layer.1.DenseReluDense.wi_0.weight"},
       {"enc. gate", "cross q"}},
      {"mamba", {"backbone.layers.0.mixer.dt_proj.weight", "backbone.layers.0.mixer.in_proj.weight"}, {"in", "dt"}},
      {"starcoder2", {"model.layers.0.mlp.c_proj.weight"}, {"mlp. down"}},
      {"deepseek_v3",
       {"model.layers.0.self_attn.kv_a_proj_with_mqa.weight", "model.layers.0.mlp.shared_experts.up_proj.weight",
        "model.layers.0.mlp.experts.0.gate_proj.weight"},
       {"attn. kv a", "shared up", "expert 0 gate"}},
      {"gpt_oss",
       {"model.layers.0.mlp.experts.down_proj", "model.layers.0.self_attn.q_proj.weight"},
       {"attn. q", "experts down"}}};
  for (const Family& family : families) {
    CAPTURE(family.model);
    const TempDir dir;
    std::vector<Item> items;
    for (const std::string& name : family.names)
      items.push_back(filled(
          name, name.ends_with("experts.down_proj") ? std::vector<int64_t>{2, 3, 4} : std::vector<int64_t>{2, 2}, 1));
    dir.write("config.json", fmt::format(R"({{"model_type": "{}"}})", family.model));
    dir.write("model.safetensors", fileOf(items));
    const Dump dump = openDump(dir.path(""));
    CHECK(dump.notes.empty());
    REQUIRE(dump.find("weights"));
    CHECK(labels(*dump.find("weights"), 1) == family.components);
  }
}

TEST_CASE("what config.json says of a model is its source", "[stack]") {
  const TempDir dir;
  const std::string weights = fileOf({filled("model.layers.0.self_attn.q_proj.weight", {2, 2}, 1)});
  const auto sourceOf = [&](const std::string& config) {
    dir.write("config.json", config);
    dir.write("model.safetensors", weights);
    return openDump(dir.path("")).source;
  };
  CHECK(sourceOf(R"({"model_type": "llama", "num_hidden_layers": 1, "hidden_size": 2, "vocab_size": 9,
                     "torch_dtype": "bfloat16"})") == "model llama, 1 layers, width 2, vocabulary 9, bfloat16");
  CHECK(sourceOf(R"({"model_type": "gpt2", "n_layer": 12, "n_embd": [3]})") == "model gpt2, 12 layers");
  CHECK(sourceOf(R"({"model_type": "gemma3", "text_config": {"num_hidden_layers": 4}})") == "model gemma3, 4 layers");
  CHECK(sourceOf("[]").empty());
}

TEST_CASE("files of a folder stand side by side", "[stack]") {
  const TempDir dir;
  for (const int layer : {0, 2, 11}) {
    const std::string values = bytesOf(std::vector<float>(6, static_cast<float>(layer)));
    dir.write(fmt::format("layer_{}.npy", layer), npy(npyDict("<f4", false, "(2, 3)"), values));
  }
  OpenOptions options;
  options.stack = "layer_{layer}.npy";
  const Dump dump = openDump(dir.path(""), options);
  REQUIRE(dump.tensors.size() == 1);
  const Tensor& stack = dump.tensors[0];
  CHECK(labels(stack, 0) == Texts{"0", "2", "11"});
  CHECK(stack.axes[0].coordinates == std::vector<double>{0, 2, 11});
  CHECK(allElements(stack)[17] == 11);
  // Without --stack it is said what to pass.
  CHECK_THAT(openFailure(dir.path("")), ContainsSubstring("--stack 'layer_{layer}.npy'"));
  options.stack = "leyer_{layer}.npy";
  CHECK_THAT(failure(Exit::Usage, [&] { openDump(dir.path(""), options); }),
             ContainsSubstring("nearest: 'layer_0.npy'"));
  dir.write("layer_3.npy", npy(npyDict("<f4", false, "(1, 3)"), bytesOf(std::vector<float>(3))));
  options.stack = "layer_{layer}.npy";
  CHECK_THAT(openFailure(dir.path(""), options), ContainsSubstring("[1, 3]"));
}

TEST_CASE("three axes in a file a step are layers, tokens and a vocabulary, unless their name says hidden", "[stack]") {
  const TempDir dir;
  const auto stacked = [&](const std::string& tensor, std::vector<int64_t> shape, const std::string& files) {
    for (const int i : {0, 5})
      dir.write(files + "_" + std::to_string(i) + ".safetensors", fileOf({filled(tensor, shape, 1)}));
    OpenOptions options;
    options.stack = files + "_{" + files + "}.safetensors";
    return openDump(dir.path(""), options).tensors.at(0);
  };
  const auto namesOf = [](const Tensor& tensor) {
    Texts names;
    for (const Axis& axis : tensor.axes) names.push_back(axis.name);
    return names;
  };
  const Tensor steps = stacked("out", {2, 3, 4}, "step");
  CHECK(namesOf(steps) == Texts{"step", "layer", "token", "vocab"});
  CHECK(steps.kind == Kind::Logits);
  CHECK(steps.axesGuessed);
  CHECK(namesOf(stacked("hidden_states", {2, 3, 4}, "run")) == Texts{"run", "layer", "token", "hidden"});
  CHECK(namesOf(stacked("resid", {2, 3, 4}, "layer")) == Texts{"layer", "example", "token", "hidden"});
  CHECK(stacked("logits", {3, 4}, "epoch").kind == Kind::Logits);
  CHECK(stacked("log_probs", {3, 4}, "block").kind == Kind::LogProbs);
  CHECK(stacked("probs", {3, 4}, "part").kind == Kind::Probs);
}

TEST_CASE("tensors of many layers are told their pattern", "[stack]") {
  const TempDir dir;
  std::vector<Item> items;
  for (const int layer : {0, 1}) items.push_back(filled(fmt::format("hidden_states.{}", layer), {3, 4}, 1));
  const Dump dump = openDump(dir.write("a.safetensors", fileOf(items)));
  CHECK_THAT(failure(Exit::Usage, [&] { makePlan(dump, "", {}); }), ContainsSubstring("--pattern hidden-states"));
  OpenOptions options = withPatterns({"hidden_states.{layer}"});
  PlanOptions kl;
  kl.metrics = {"kl"};
  CHECK_THAT(failure(Exit::Usage, [&] { makePlan(openDump(dir.path("a.safetensors"), options), "", kl); }),
             ContainsSubstring("is a guess: if they are logits, pass --kind logits"));
}

TEST_CASE("checkpoints of steps join into one more axis", "[stack]") {
  const TempDir dir;
  for (const int step : {0, 1000, 200}) {
    const std::string folder = fmt::format("step_{}", step);
    std::filesystem::create_directories(dir.path(folder));
    dir.write(folder + "/config.json", R"({"model_type": "llama"})");
    dir.write(folder + "/model.safetensors",
              fileOf({filled("model.layers.0.self_attn.q_proj.weight", {2, 2}, static_cast<float>(step)),
                      filled("model.norm.weight", {2}, 1)}));
  }
  OpenOptions options;
  options.stack = "step_{step}";
  const Dump dump = openDump(dir.path(""), options);
  const Tensor& stack = *dump.find("weights");
  CHECK(stack.shape == std::vector<int64_t>{3, 1, 1});
  CHECK(labels(stack, 0) == Texts{"0", "200", "1000"});
  options.stack = "step_{step}/model.safetensors";
  options.patterns = {"model.layers.{layer}.self_attn.{component:q}_proj.weight"};
  CHECK(openDump(dir.path(""), options).find("weights")->shape == std::vector<int64_t>{3, 1, 1});
}

TEST_CASE("checkpoints that lack tensors have holes beside those that have them", "[stack]") {
  const TempDir dir;
  const auto save = [&](const std::string& folder, const std::vector<std::pair<int, char>>& tensors) {
    std::filesystem::create_directories(dir.path(folder));
    dir.write(folder + "/config.json", R"({"model_type": "llama"})");
    std::vector<Item> items;
    for (const auto& [layer, which] : tensors)
      items.push_back(filled(fmt::format("model.layers.{}.self_attn.{}_proj.weight", layer, which), {2, 2},
                             static_cast<float>(layer)));
    dir.write(folder + "/model.safetensors", fileOf(items));
  };
  save("step_0", {{0, 'q'}, {2, 'q'}, {10, 'q'}, {0, 'v'}, {2, 'v'}, {10, 'v'}});
  save("step_5", {{1, 'q'}, {1, 'k'}, {1, 'v'}, {10, 'q'}, {10, 'k'}, {10, 'v'}});
  OpenOptions options;
  options.stack = "step_{step}";
  const Dump dump = openDump(dir.path(""), options);
  const Tensor& stack = *dump.find("weights");
  CHECK(labels(stack, 1) == Texts{"0", "1", "2", "10"});
  CHECK(stack.axes[1].coordinates == std::vector<double>{0, 1, 2, 10});
  CHECK(labels(stack, 2) == Texts{"attn. q", "attn. k", "attn. v"});
  // Step by step, layer by layer: which of q, k, v there is.
  const std::string found[] = {"q.v", "...", "q.v", "q.v", "...", "qkv", "...", "qkv"};
  for (size_t i = 0; i < stack.stack->partOf.size(); ++i) {
    CAPTURE(i);
    const int64_t part = stack.stack->partOf[i];
    const char expected = found[i / 3][i % 3];
    REQUIRE((part >= 0) == (expected != '.'));
    if (part >= 0)
      CHECK(stack.stack->parts[size_t(part)].name ==
            fmt::format("model.layers.{}.self_attn.{}_proj.weight", stack.axes[1].labels[i / 3 % 4], expected));
  }
  CHECK(stack.stack->holes == 12);
  CHECK_THAT(dump.notes.back(), ContainsSubstring("12 of 24 cells are NaN"));
}

TEST_CASE("what cannot be read is refused by name", "[stack]") {
  const TempDir dir;
  const std::string header = R"({"l.0.q.weight":{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[0,4]},)"
                             R"("l.1.q.weight":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})";
  const std::string path = dir.write("a.safetensors", safetensors(header, "abcdefgh"));
  const Dump dump = openDump(path, withPatterns({"l.{layer}.q.weight"}));
  PlanOptions options;
  options.metrics = {"norm"};
  CHECK_THAT(failure(Exit::BadInput, [&] { makePlan(dump, "", options); }),
             ContainsSubstring("a.safetensors: tensor 'l.0.q.weight' [2, 2] holds F8_E4M3"));
  options.select = {"layer=1"};
  CHECK(makePlan(dump, "", options).rows.positions.size() == 1);
  std::filesystem::create_directories(dir.path("empty"));
  CHECK_THAT(openFailure(dir.path("empty")), ContainsSubstring("the folder is empty"));
}
