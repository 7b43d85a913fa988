// Final norms and unembeddings of checkpoints: which tensors they are, by the names that families of models use.
#include "dump/lens.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "dump/escape.h"
#include "dump/fault.h"
#include "dump/json.h"
#include "suggest.h"

namespace divlens {
namespace {

using Json = nlohmann::json;

// Names less a prefix such as "model.", in the order in which they are tried; a head of its own wins over the
// embedding that serves as one.
constexpr std::array<std::string_view, 7> kNorms = {
    "norm.weight", "final_layernorm.weight", "final_layer_norm.weight", "ln_f.weight", "norm_f.weight",
    "ln_final.w",  "final_norm.weight"};
constexpr std::array<std::string_view, 3> kHeads = {"lm_head.weight", "embed_out.weight", "output.weight"};
constexpr std::array<std::string_view, 5> kEmbeddings = {"embed_tokens.weight", "wte.weight", "word_embeddings.weight",
                                                         "embeddings.weight", "embed_in.weight"};
constexpr std::array<std::string_view, 10> kPrefixes = {"",
                                                        "model.",
                                                        "transformer.",
                                                        "gpt_neox.",
                                                        "model.decoder.",
                                                        "backbone.",
                                                        "language_model.model.",
                                                        "model.language_model.",
                                                        "language_model.",
                                                        "decoder."};
constexpr std::array<const char*, 6> kEpsilons = {"rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon",
                                                  "norm_epsilon", "norm_eps",       "layernorm_epsilon"};
// Families whose norm multiplies by 1 + weight.
constexpr std::array<std::string_view, 7> kAddOne = {"gemma",     "gemma2",          "gemma3",    "gemma3_text",
                                                     "paligemma", "recurrent_gemma", "qwen3_next"};
// Families whose head does more than a norm and a matrix.
constexpr std::array<std::string_view, 6> kRefused = {"bert",    "roberta", "distilbert",
                                                      "electra", "albert",  "deberta-v2"};

template <size_t N>
const Tensor* firstOf(const Dump& dump, const std::array<std::string_view, N>& names) {
  for (const std::string_view name : names)
    for (const std::string_view prefix : kPrefixes)
      if (const Tensor* tensor = dump.find(std::string(prefix) + std::string(name))) return tensor;
  return nullptr;
}

template <size_t N>
std::string shown(const std::array<std::string_view, N>& names) {
  return listed(std::vector<std::string>(names.begin(), names.end()));
}

void checkVector(const Tensor& tensor, int64_t length) {
  if (tensor.shape.size() != 1 || tensor.shape[0] != length || !info(tensor.dtype).floating)
    badTensor(tensor, fmt::format("is {} of {}, where {} floating numbers of the final norm or head are needed",
                                  shapeText(tensor.shape), escaped(tensor.dtypeName), length));
}

void checkMatrix(const Tensor& tensor) {
  if (tensor.dtype == DType::Unsupported)
    badTensor(tensor, fmt::format("elements of type '{}' cannot be read as an unembedding; convert it to BF16, F16 or "
                                  "F32",
                                  escaped(tensor.dtypeName)));
  if (tensor.shape.size() != 2 || !info(tensor.dtype).floating || tensor.shape[0] < 1 || tensor.shape[1] < 1)
    badTensor(tensor, fmt::format("is {} of {}; an unembedding is a matrix [vocab, hidden] of floating numbers",
                                  shapeText(tensor.shape), escaped(tensor.dtypeName)));
}

std::string typeOf(const Json& config) {
  const auto type = config.find("model_type");
  return type != config.end() && type->is_string() ? type->get<std::string>() : "";
}

/// A number of config.json, or nothing where it is absent or null.
std::optional<double> numberIn(const Json& config, const char* key, const std::string& where) {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return {};
  if (!found->is_number() || !std::isfinite(found->get<double>()))
    badInput(where, fmt::format("key '{}' must be a number", key));
  return found->get<double>();
}

void chooseNorm(Lens& lens, const Dump& dump, const Json& config, const std::string& where) {
  const std::string type = typeOf(config);
  std::optional<double> epsilon;
  std::string key;
  for (const char* name : kEpsilons) {
    if (epsilon) break;
    epsilon = numberIn(config, name, where);
    key = name;
  }
  if (epsilon && !(*epsilon >= 0))
    badInput(where, fmt::format("key '{}' is {}, it must not be negative", key, *epsilon));
  const Tensor* weight = firstOf(dump, kNorms);
  if (weight == nullptr && type == "olmo") {  // its LayerNorm has no parameters
    lens.norm = Lens::Norm::Layer;
    lens.epsilon = 1e-5;
    return;
  }
  if (weight == nullptr)
    badInput(dump.path, fmt::format("no final norm: none of {} is among its tensors (with or without a prefix such as "
                                    "model.); to multiply by an unembedding alone pass --unembed FILE:TENSOR",
                                    shown(kNorms)));
  checkVector(*weight, lens.hidden());
  lens.weight = *weight;
  std::string biasName = weight->name;
  biasName.replace(biasName.rfind('.'), std::string::npos, biasName.ends_with(".w") ? ".b" : ".bias");
  if (const Tensor* bias = dump.find(biasName)) {
    checkVector(*bias, lens.hidden());
    lens.bias = *bias;
  }
  // LayerNorm may lack a bias (Cohere); then the name of its epsilon tells it from RMSNorm, but for Mamba.
  const bool named = key == "rms_norm_eps" || key == "norm_eps" || type.find("mamba") != std::string::npos;
  lens.norm = !lens.bias && (named || !epsilon) ? Lens::Norm::Rms : Lens::Norm::Layer;
  lens.addsOne = std::find(kAddOne.begin(), kAddOne.end(), type) != kAddOne.end();
  if (!epsilon && lens.norm == Lens::Norm::Rms)
    badInput(where, fmt::format("has none of the keys {}, one of which is the epsilon of the final norm",
                                listed(std::vector<std::string>(kEpsilons.begin(), kEpsilons.end()))));
  lens.epsilon = epsilon.value_or(1e-5);  // LayerNorm's default, which OPT leaves out
}

void chooseScale(Lens& lens, const Json& config, const std::string& where) {
  if (const auto cap = numberIn(config, "final_logit_softcapping", where)) lens.softcap = *cap;
  if (const auto scale = numberIn(config, "logit_scale", where)) lens.scale = *scale;         // Cohere
  if (const auto scale = numberIn(config, "logits_scaling", where)) lens.scale = 1 / *scale;  // Granite
  if (!(lens.softcap >= 0) || !std::isfinite(lens.scale)) badInput(where, "the scale of its logits makes no sense");
}

/// Every tensor under its own name, where a preset would put them side by side.
Dump plainTensors(const std::string& path, OpenOptions options) {
  options.patterns.clear();
  options.stack.clear();
  return openDump(path, options);
}

}  // namespace

std::string Lens::about() const {
  const char* kind = norm == Norm::Rms ? "RMSNorm" : "LayerNorm";
  return fmt::format("{}unembedding {} {}", norm == Norm::None ? "" : fmt::format("{} (eps {}), ", kind, epsilon),
                     escaped(unembedding.name), shapeText(unembedding.shape));
}

Lens openLens(const std::string& folder, const OpenOptions& options) {
  struct stat status{};
  const std::string where = folder.ends_with('/') ? folder + "config.json" : folder + "/config.json";
  if (::stat(folder.c_str(), &status) == 0 && !S_ISDIR(status.st_mode))
    throw Error(Exit::Usage, fmt::format("--lens {}: it is the folder of a checkpoint, with config.json; for a matrix "
                                         "in a file pass --unembed FILE:TENSOR",
                                         escapedPath(folder)));
  const Dump dump = plainTensors(folder, options);
  if (::stat(where.c_str(), &status) != 0)
    badInput(folder,
             "has no config.json, which says how the final norm is made; for a matrix alone pass --unembed "
             "FILE:TENSOR");
  Json config = readJson(*openFile(where));
  if (!config.is_object()) badInput(where, "must be a JSON object");
  if (const auto inner = config.find("text_config"); inner != config.end() && inner->is_object()) {
    Json text = *inner;
    config = std::move(text);
  }
  const std::string type = typeOf(config);
  if (std::find(kRefused.begin(), kRefused.end(), type) != kRefused.end())
    badInput(folder,
             fmt::format("the head of a {} model is more than a norm and a matrix; dump its logits instead", type));
  Lens lens;
  lens.text = folder.substr(0, folder.find_last_not_of('/') + 1);
  const Tensor* head = firstOf(dump, kHeads);
  if (head == nullptr) head = firstOf(dump, kEmbeddings);
  if (head == nullptr)
    badInput(folder, fmt::format("no unembedding: none of {} and, where it is tied, {} is among its tensors",
                                 shown(kHeads), shown(kEmbeddings)));
  checkMatrix(*head);
  lens.unembedding = *head;
  if (head->name.ends_with("lm_head.weight")) {
    if (const Tensor* bias = dump.find(head->name.substr(0, head->name.size() - 6) + "bias")) {
      checkVector(*bias, lens.vocab());
      lens.headBias = *bias;
    }
  }
  chooseNorm(lens, dump, config, where);
  chooseScale(lens, config, where);
  return lens;
}

void addTranslators(Lens& lens, const std::string& folder, const OpenOptions& options) {
  const Dump dump = plainTensors(folder, options);
  const auto named = [&](size_t layer, const char* what) -> const Tensor* {
    for (const char* prefix : {"", "layer_translators.", "translators."})
      if (const Tensor* tensor = dump.find(fmt::format("{}{}.{}", prefix, layer, what))) return tensor;
    return nullptr;
  };
  for (size_t layer = 0;; ++layer) {
    const Tensor* matrix = named(layer, "weight");
    if (matrix == nullptr) break;
    if (matrix->shape != std::vector<int64_t>{lens.hidden(), lens.hidden()} || !info(matrix->dtype).floating)
      badTensor(*matrix,
                fmt::format("is {} of {}; a translator is a matrix [{}, {}] of floating numbers",
                            shapeText(matrix->shape), escaped(matrix->dtypeName), lens.hidden(), lens.hidden()));
    lens.translators.push_back({*matrix, {}});
    if (const Tensor* bias = named(layer, "bias")) {
      checkVector(*bias, lens.hidden());
      lens.translators.back().bias = *bias;
    }
  }
  if (lens.translators.empty())
    badInput(folder,
             "holds no translators of a tuned lens: tensors 0.weight, 0.bias, 1.weight … (save its state dict "
             "as params.safetensors)");
}

Lens openUnembedding(const std::string& text, int64_t hidden, const OpenOptions& options) {
  const DumpName name = splitDumpName(text);
  const Dump dump = plainTensors(name.path, options);
  std::vector<std::string> matrices;
  const Tensor* only = nullptr;
  for (const Tensor& tensor : dump.tensors) {
    if (tensor.shape.size() != 2 || !info(tensor.dtype).floating) continue;
    matrices.push_back(escaped(tensor.name));
    only = &tensor;
  }
  const Tensor* chosen = name.tensor.empty() ? (matrices.size() == 1 ? only : nullptr) : dump.find(name.tensor);
  if (chosen == nullptr) {
    const std::string guess = didYouMean(escaped(name.tensor), matrices);
    throw Error(Exit::Usage, fmt::format("--unembed {}: {}{} its matrices: {}", escaped(text),
                                         name.tensor.empty() ? "say which tensor, FILE:TENSOR"
                                                             : fmt::format("no tensor '{}'", escaped(name.tensor)),
                                         guess.empty() ? ";" : guess, matrices.empty() ? "none" : listed(matrices)));
  }
  checkMatrix(*chosen);
  Lens lens;
  lens.text = text;
  lens.unembedding = *chosen;
  Tensor& matrix = lens.unembedding;
  matrix.axes.clear();
  if (matrix.shape[1] != hidden && matrix.shape[0] == hidden) {  // [hidden, vocab], as TransformerLens has it
    std::swap(matrix.shape[0], matrix.shape[1]);
    std::swap(matrix.strides[0], matrix.strides[1]);
  }
  return lens;
}

}  // namespace divlens
