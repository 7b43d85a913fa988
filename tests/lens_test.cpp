// Hidden states seen through a lens: the device's logits and divergences against long double.
#include <cmath>
#include <map>

#include "dump_fixtures.h"
#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;

namespace {

struct Model {
  int64_t vocab, hidden;
  DType dtype = DType::F16;
  std::string config;
  bool bias = false;  // of the norm: then it is a LayerNorm
  bool headBias = false;
  std::string head = "lm_head.weight";
  std::string norm = "model.norm";
};

std::string configOf(const std::string& type, const std::string& rest) {
  return fmt::format(R"({{"model_type": "{}", {}}})", type, rest);
}

/// A checkpoint folder of the final norm and the head alone, with its values as they are stored.
struct HeadFolder {
  TempDir folder;
  Model model;
  std::vector<double> matrix, weight, normBias, headBias;

  explicit HeadFolder(Model given) : model(std::move(given)) {
    Random random(5);
    matrix = normals(random, model.vocab * model.hidden, 2 / std::sqrt(double(model.hidden)));
    weight = normals(random, model.hidden, 0.3);
    for (double& w : weight) w += 1;
    normBias = normals(random, model.bias ? model.hidden : 0, 0.2);
    headBias = normals(random, model.headBias ? model.vocab : 0, 1);
    std::string header, body;
    const auto add = [&](const std::string& name, std::vector<double>& values, const std::string& shape, DType dtype) {
      if (values.empty()) return;
      for (double& value : values) value = asStored(value, dtype);
      Array array{name, {axis("entry", int64_t(values.size()))}, Kind::Unknown, dtype, values};
      const Tensor tensor = tensorOf(array);
      std::string bytes(size_t(tensor.source->size()), '\0');
      tensor.source->read(0, std::as_writable_bytes(std::span(bytes)));
      header +=
          fmt::format(R"({}"{}": {{"dtype": "{}", "shape": {}, "data_offsets": [{}, {}]}})", header.empty() ? "" : ", ",
                      name, info(dtype).name, shape, body.size(), body.size() + bytes.size());
      body += bytes;
    };
    add(model.head, matrix, fmt::format("[{}, {}]", model.vocab, model.hidden), model.dtype);
    const std::string flat = fmt::format("[{}]", model.hidden);
    add(model.norm + ".weight", weight, flat, DType::F32);
    add(model.norm + ".bias", normBias, flat, DType::F32);
    add("lm_head.bias", headBias, fmt::format("[{}]", model.vocab), DType::F32);
    folder.write("model.safetensors", safetensors("{" + header + "}", body));
    folder.write("config.json", model.config);
  }

  struct How {
    bool layerNorm = false, addsOne = false, normed = false;
    double epsilon = 1e-5, scale = 1, softcap = 0;
  };
  OracleRow logits(const OracleRow& hidden, const How& how) const {
    std::vector<long double> h(hidden.values.begin(), hidden.values.end());
    const auto n = (long double)(h.size());
    long double mean = 0, square = 0;
    for (const long double x : h) mean += how.layerNorm ? x / n : 0;
    for (const long double x : h) square += (x - mean) * (x - mean) / n;
    for (size_t i = 0; i < h.size() && !how.normed; ++i)
      h[i] = (h[i] - mean) / std::sqrt(square + (long double)(how.epsilon)) * (weight[i] + (how.addsOne ? 1 : 0)) +
             (normBias.empty() ? 0 : normBias[i]);
    OracleRow out;
    for (int64_t v = 0; v < model.vocab; ++v) {
      long double z = 0;
      for (int64_t i = 0; i < model.hidden; ++i) z += h[size_t(i)] * matrix[size_t(v * model.hidden + i)];
      z = z * how.scale + (headBias.empty() ? 0 : headBias[size_t(v)]);
      out.values.push_back(double(how.softcap > 0 ? how.softcap * std::tanh(z / how.softcap) : z));
    }
    return out;
  }
};

Array states(int64_t layers, int64_t tokens, int64_t hidden, DType dtype = DType::F16, uint32_t seed = 9) {
  Random random(seed);
  return {"hidden",
          {axis("layer", layers), axis("token", tokens), axis("hidden", hidden)},
          Kind::Hidden,
          dtype,
          normals(random, layers * tokens * hidden, 3)};
}

const std::vector<std::string> kMetrics = {"kl", "jsd", "tv", "entropy", "kl-reverse"};

PlanOptions through(const HeadFolder& checkpoint, std::vector<std::string> metrics = kMetrics,
                    const std::string& reference = "") {
  PlanOptions plan;
  plan.metrics = std::move(metrics);
  plan.reference = reference;
  plan.lens = checkpoint.folder.path("");
  return plan;
}

/// Every cell against the last layer; `normedLayers`: those that the norm is in already.
void check(const HeadFolder& checkpoint, const Array& hidden, const Cells& cells, HeadFolder::How how,
           const std::vector<bool>& normedLayers = {}) {
  const int64_t layers = hidden.axes[0].length, tokens = hidden.axes[1].length;
  const auto row = [&](int64_t layer, int64_t token) {
    HeadFolder::How mine = how;
    if (!normedLayers.empty()) mine.normed = normedLayers[size_t(layer)];
    return checkpoint.logits(hidden.row(layer * tokens + token), mine);
  };
  for (int64_t token = 0; token < tokens; ++token) {
    const OracleRow last = row(layers - 1, token);
    for (int64_t layer = 0; layer < layers; ++layer) {
      const Oracle oracle(last, row(layer, token));
      for (size_t m = 0; m < kMetrics.size(); ++m) {
        const double expected = oracle(kMetrics[m]);
        const float got = cells.at(m, layer, token);
        CAPTURE(kMetrics[m], layer, token, expected, got);
        if (layer == layers - 1 && kMetrics[m] != "entropy") {
          CHECK(got == 0);
        } else {
          CHECK(std::abs(double(got) - expected) <= 1e-5 * std::abs(expected));
        }
      }
    }
  }
}

}  // namespace

TEST_CASE_METHOD(GpuTest, "hidden states become logits by RMSNorm and unembedding", "[gpu][lens]") {
  const std::string config = configOf("llama", R"("rms_norm_eps": 1e-5)");
  // Widths about the kernels' steps and blocks; vocabularies that end within one; every element type.
  for (const auto& [vocab, width, dtype] : std::vector<std::tuple<int64_t, int64_t, DType>>{{50, 8, DType::F16},
                                                                                            {131, 37, DType::BF16},
                                                                                            {64, 100, DType::F32},
                                                                                            {1001, 64, DType::F64},
                                                                                            {3, 5, DType::F32}}) {
    CAPTURE(vocab, width, info(dtype).name);
    const HeadFolder checkpoint({.vocab = vocab, .hidden = width, .dtype = dtype, .config = config});
    const Array hidden = states(3, 5, width, width % 2 ? DType::F32 : DType::F16);
    check(checkpoint, hidden, run(dumpOf({hidden}), through(checkpoint)), {});
  }
}

TEST_CASE_METHOD(GpuTest, "a wide model's rows keep every term", "[gpu][lens]") {
  // lavapipe ends loops silently after 65,535 trips: 20,000 terms take 625 blocks.
  const HeadFolder checkpoint(
      {.vocab = 70, .hidden = 20000, .dtype = DType::BF16, .config = configOf("llama", R"("rms_norm_eps": 1e-6)")});
  const Array hidden = states(2, 2, 20000);
  check(checkpoint, hidden, run(dumpOf({hidden}), through(checkpoint)), {.epsilon = 1e-6});
}

TEST_CASE_METHOD(GpuTest, "norms and heads are those that config.json says", "[gpu][lens]") {
  const Array hidden = states(3, 2, 48);
  const auto checkModel = [&](Model model, HeadFolder::How how) {
    const HeadFolder checkpoint(std::move(model));
    CAPTURE(checkpoint.model.config);
    check(checkpoint, hidden, run(dumpOf({hidden}), through(checkpoint)), how);
  };
  checkModel({.vocab = 90,
              .hidden = 48,
              .config = configOf("gpt2", R"("layer_norm_epsilon": 1e-3)"),
              .bias = true,
              .head = "wte.weight",
              .norm = "ln_f"},
             {.layerNorm = true, .epsilon = 1e-3});
  checkModel({.vocab = 90,
              .hidden = 48,
              .config = configOf("gptj", R"("layer_norm_epsilon": 1e-5)"),
              .bias = true,
              .headBias = true,
              .norm = "transformer.ln_f"},
             {.layerNorm = true});
  checkModel({.vocab = 90,
              .hidden = 48,
              .config = configOf("opt", R"("hidden_size": 48)"),
              .bias = true,
              .head = "model.decoder.embed_tokens.weight",
              .norm = "model.decoder.final_layer_norm"},
             {.layerNorm = true});
  checkModel({.vocab = 90,
              .hidden = 48,
              .config = configOf("gemma2", R"("rms_norm_eps": 1e-6, "final_logit_softcapping": 3.0)"),
              .head = "model.embed_tokens.weight"},
             {.addsOne = true, .epsilon = 1e-6, .softcap = 3});
  checkModel({.vocab = 90,
              .hidden = 48,
              .config = configOf("cohere", R"("layer_norm_eps": 1e-5, "logit_scale": 0.25)"),
              .head = "model.embed_tokens.weight"},
             {.layerNorm = true, .scale = 0.25});
}

TEST_CASE_METHOD(GpuTest, "rows that are normed already are not normed again", "[gpu][lens]") {
  const HeadFolder checkpoint({.vocab = 90, .hidden = 48, .config = configOf("llama", R"("rms_norm_eps": 1e-5)")});
  const Array hidden = states(3, 2, 48);
  PlanOptions plan = through(checkpoint);
  plan.normed = "true";
  check(checkpoint, hidden, run(dumpOf({hidden}), plan), {.normed = true});
  // A layer each, as transformers' output_hidden_states has it: the last one alone.
  Dump dump = dumpOf({hidden});
  dump.tensors[0].normed = {false, false, true};
  check(checkpoint, hidden, run(dump, through(checkpoint)), {}, {false, false, true});
  // --unembed brings no norm.
  PlanOptions bare;
  bare.metrics = kMetrics;
  bare.unembed = checkpoint.folder.path("model.safetensors") + ":lm_head.weight";
  check(checkpoint, hidden, run(dumpOf({hidden}), bare), {.normed = true});
}

TEST_CASE_METHOD(GpuTest, "a lens serves every reference and order", "[gpu][lens]") {
  const HeadFolder checkpoint({.vocab = 90, .hidden = 48, .config = configOf("llama", R"("rms_norm_eps": 1e-5)")});
  const Array hidden = states(4, 3, 48);
  Array clean = states(1, 3, 48, DType::F32, 77);
  clean.name = "clean";
  clean.axes.erase(clean.axes.begin());
  std::vector<OracleRow> rows, cleanRows;
  std::vector<double> logits;
  for (int64_t i = 0; i < 12; ++i) {
    rows.push_back(checkpoint.logits(hidden.row(i), {}));
    logits.insert(logits.end(), rows.back().values.begin(), rows.back().values.end());
  }
  for (int64_t i = 0; i < 3; ++i) cleanRows.push_back(checkpoint.logits(clean.row(i), {}));
  const Dump dump = dumpOf({hidden, clean});
  const auto options = [&](const std::string& reference) {
    PlanOptions plan = through(checkpoint, {"kl", "jsd"}, reference);
    plan.tensor = "hidden";
    return plan;
  };
  const Cells other = run(dump, options("tensor:clean"));
  for (int64_t i = 0; i < 12; ++i) {
    const Oracle oracle(cleanRows[size_t(i % 3)], rows[size_t(i)]);
    CHECK(std::abs(other.at(0, i / 3, i % 3) - oracle("kl")) <= 1e-5 * oracle("kl"));
    CHECK(std::abs(other.at(1, i / 3, i % 3) - oracle("jsd")) <= 1e-5 * oracle("jsd"));
  }
  // What stored logits give for the same plan, the lens gives too.
  const Array stored{"hidden", {hidden.axes[0], hidden.axes[1], axis("vocab", 90)}, Kind::Logits, DType::F64, logits};
  const auto compare = [&](PlanOptions plan) {
    const Cells lens = run(dump, plan);
    plan.lens.clear();
    const Cells plain = run(dumpOf({stored}), plan);
    REQUIRE(lens.panels.size() == plain.panels.size());
    for (size_t p = 0; p < lens.panels.size(); ++p)
      for (size_t i = 0; i < lens.panels[p].size(); ++i) {
        CAPTURE(plan.reference, p, i, lens.panels[p][i], plain.panels[p][i]);
        if (std::isnan(plain.panels[p][i]))
          CHECK(std::isnan(lens.panels[p][i]));
        else
          CHECK(std::abs(lens.panels[p][i] - plain.panels[p][i]) <= 1e-5f * plain.panels[p][i]);
      }
  };
  for (const char* reference : {"layer:prev", "mean:layer", "uniform", "layer=1"}) compare(options(reference));
  PlanOptions means = options("layer=-1");
  means.order = "divergence-of-means";
  means.rows = "layer";
  means.columns = "";
  means.reduce = {"token=mean"};
  compare(means);
  PlanOptions part = options("layer=-1");
  part.vocab = 61;
  part.temperature = 1.7;
  compare(part);
}

TEST_CASE_METHOD(GpuTest, "a tuned lens translates each layer's states but the last one's", "[gpu][lens]") {
  const HeadFolder checkpoint({.vocab = 90, .hidden = 48, .config = configOf("llama", R"("rms_norm_eps": 1e-5)")});
  const Array hidden = states(3, 2, 48);
  const TempDir folder;
  Random random(31);
  std::string header, body;
  std::vector<std::vector<double>> matrices, biases;
  for (int layer = 0; layer < 2; ++layer)
    for (const bool bias : {false, true}) {
      std::vector<float> stored;
      for (const double value : normals(random, bias ? 48 : 48 * 48, 0.1)) stored.push_back(float(value));
      header += fmt::format(R"({}"{}.{}": {{"dtype": "F32", "shape": {}, "data_offsets": [{}, {}]}})",
                            header.empty() ? "" : ", ", layer, bias ? "bias" : "weight", bias ? "[48]" : "[48, 48]",
                            body.size(), body.size() + stored.size() * 4);
      body += bytesOf(stored);
      (bias ? biases : matrices).emplace_back(stored.begin(), stored.end());
    }
  folder.write("params.safetensors", safetensors("{" + header + "}", body));
  PlanOptions plan = through(checkpoint, {"kl"});
  plan.tunedLens = folder.path("");
  const Cells cells = run(dumpOf({hidden}), plan);
  for (int64_t token = 0; token < 2; ++token) {
    const OracleRow last = checkpoint.logits(hidden.row(4 + token), {});
    CHECK(cells.at(0, 2, token) == 0);
    for (size_t layer = 0; layer < 2; ++layer) {
      const OracleRow h = hidden.row(int64_t(layer) * 2 + token);
      OracleRow moved = h;
      for (size_t i = 0; i < 48; ++i) {
        moved.values[i] += biases[layer][i];
        for (size_t j = 0; j < 48; ++j) moved.values[i] += matrices[layer][i * 48 + j] * h.values[j];
      }
      const double expected = Oracle(last, checkpoint.logits(moved, {}))("kl");
      CAPTURE(layer, token, expected, cells.at(0, int64_t(layer), token));
      CHECK(std::abs(cells.at(0, int64_t(layer), token) - expected) <= 1e-5 * expected);
    }
  }
}

TEST_CASE_METHOD(GpuTest, "tiles and pieces of the unembedding change no bit", "[gpu][lens]") {
  const HeadFolder checkpoint({.vocab = 500, .hidden = 64, .config = configOf("llama", R"("rms_norm_eps": 1e-5)")});
  const Dump dump = dumpOf({states(5, 7, 64)});
  const Cells whole = run(dump, through(checkpoint));
  const Cells tiles = run(dump, through(checkpoint), {.tileBytes = 5 * 2000});
  const Cells pieces = run(dump, through(checkpoint), {.maxGpuMemory = 100'000});
  for (size_t p = 0; p < whole.panels.size(); ++p) {
    CHECK(bits(whole.panels[p]) == bits(tiles.panels[p]));
    CHECK(bits(whole.panels[p]) == bits(pieces.panels[p]));
  }
}

TEST_CASE_METHOD(GpuTest, "hidden rows with NaN or infinity are NaN cells, zeros are uniform", "[gpu][lens]") {
  const HeadFolder checkpoint({.vocab = 90, .hidden = 48, .config = configOf("llama", R"("rms_norm_eps": 1e-5)")});
  Array hidden = states(4, 2, 48, DType::F32);
  hidden.values[5] = std::nan("");
  hidden.values[2 * 48 + 47] = INFINITY;
  std::fill_n(hidden.values.begin() + 4 * 48, 48, 0.0);
  const Cells cells = run(dumpOf({hidden}), through(checkpoint));
  CHECK(std::isnan(cells.at(0, 0, 0)));
  CHECK(std::isnan(cells.at(0, 1, 0)));
  CHECK(std::abs(cells.at(3, 2, 0) - std::log(90.0)) < 1e-6);
  CHECK(cells.nans > 0);
}

TEST_CASE("lenses that do not fit say why", "[lens]") {
  const HeadFolder checkpoint({.vocab = 90, .hidden = 48, .config = configOf("llama", R"("rms_norm_eps": 1e-5)")});
  const Dump dump = dumpOf({states(3, 2, 48)});
  const auto fails = [&](Exit code, const Dump& what, const PlanOptions& plan) {
    return failure(code, [&] { makePlan(what, "", plan); });
  };
  PlanOptions none;
  CHECK_THAT(fails(Exit::Usage, dump, none), ContainsSubstring("--lens") && ContainsSubstring("--unembed"));
  CHECK_THAT(fails(Exit::BadInput, dumpOf({states(3, 2, 32)}), through(checkpoint)),
             ContainsSubstring("32 entries") && ContainsSubstring("takes 48"));
  PlanOptions both = through(checkpoint);
  both.unembed = "x:y";
  CHECK_THAT(fails(Exit::Usage, dump, both), ContainsSubstring("drop --unembed"));
  CHECK_THAT(fails(Exit::Usage, dump, through(checkpoint, {"kl", "cosine"})), ContainsSubstring("runs of their own"));
  Array logits = states(3, 2, 48);
  logits.kind = Kind::Logits;
  CHECK_THAT(fails(Exit::Usage, dumpOf({logits}), through(checkpoint)), ContainsSubstring("neither"));
  CHECK(!makePlan(dump, "", through(checkpoint, {"cosine"})).lens);
  const auto broken = [&](const std::string& config) {
    const HeadFolder odd({.vocab = 9, .hidden = 48, .config = config});
    return fails(Exit::BadInput, dump, through(odd));
  };
  CHECK_THAT(broken(configOf("llama", R"("a": 1)")), ContainsSubstring("rms_norm_eps"));
  CHECK_THAT(broken(configOf("bert", R"("layer_norm_eps": 1e-5)")), ContainsSubstring("more than a norm"));
  CHECK_THAT(broken(configOf("llama", R"("rms_norm_eps": "x")")), ContainsSubstring("must be a number"));
  CHECK_THAT(broken("[1]"), ContainsSubstring("JSON object"));
}
