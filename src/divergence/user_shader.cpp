#include "divergence/user_shader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "divergence/evaluate.h"
#include "divergence/user_metric.h"
#include "divergence/verify.h"
#include "embedded.h"
#include "error.h"
#include "gpu/compiler.h"

namespace divlens {
namespace {

std::string_view textOf(std::string_view file) {
  const std::span<const std::byte> bytes = embedded("glsl/" + std::string(file));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Rows [layer, token, vocab] of logits; those of the last layer are the reference, the others lie closer and closer.
Dump probes() {
  constexpr int64_t kLayers = 8, kTokens = 4, kVocab = 200;
  constexpr float kDistances[kLayers] = {25, 8, 3, 1, 0.3F, 0.03F, 0.002F, 0};
  std::mt19937 random(5);
  const auto noise = [&] { return float(random() % 20001) / 10000 - 1; };
  std::vector<float> base(kTokens * kVocab), all;
  for (float& x : base) x = 3 * noise();
  for (float distance : kDistances)
    for (float x : base) all.push_back(x + distance * noise());
  Tensor tensor;
  tensor.name = "probes";
  tensor.dtype = DType::F32;
  tensor.dtypeName = info(tensor.dtype).name;
  tensor.shape = {kLayers, kTokens, kVocab};
  tensor.strides = stridesInC(tensor.shape);
  tensor.axes = {{.name = "layer", .length = kLayers, .labels = {}, .coordinates = {}, .groups = {}},
                 {.name = "token", .length = kTokens, .labels = {}, .coordinates = {}, .groups = {}},
                 {.name = "vocab", .length = kVocab, .labels = {}, .coordinates = {}, .groups = {}}};
  tensor.kind = Kind::Logits;
  const auto bytes = std::as_bytes(std::span(all));
  tensor.source = memoryBytes("probes", {bytes.begin(), bytes.end()});
  Dump dump;
  dump.path = "probes";
  dump.tensors = {tensor};
  return dump;
}

}  // namespace

std::vector<uint32_t> userShader(std::span<const MetricUse> uses, std::string_view shader) {
  const auto own = std::find_if(uses.begin(), uses.end(), [](const MetricUse& use) { return use.user != nullptr; });
  if (own == uses.end()) return {};
  const std::string term = own->user->glsl();
  return gpu::compileCompute(
      fmt::format("--metric '{}'", own->text), textOf(shader), {"DIVLENS_USER_METRIC"},
      [&](std::string_view file) { return file == "user_metric.glsl" ? term : std::string(textOf(file)); });
}

void checkUserMetrics(const gpu::Context& context, const Plan& plan) {
  std::vector<MetricUse> own;
  std::copy_if(plan.metrics.begin(), plan.metrics.end(), std::back_inserter(own),
               [](const MetricUse& use) { return use.user != nullptr; });
  if (own.empty()) return;
  if (own.size() > 1)
    throw Error(Exit::Usage, "a run takes one --metric of your own (f:… or @FILE); ask for the others apart");
  const Dump dump = probes();
  PlanOptions options;
  options.metrics = {own.front().text};
  const Plan probe = makePlan(dump, "", options);
  const Result result = evaluate(context, probe);
  const Verification v = verify(probe, result.panels, {result.grid.read(context, 0)}, 1000);
  if (v.passed()) return;
  throw Error(
      Exit::Usage,
      fmt::format("--metric '{}': in single precision it is {}, in double precision {} (a test pair, {}); write "
                  "it with log(t), t - 1, expm1 or log1p where parts cancel",
                  own.front().text, v.computed, v.exact, v.where));
}

}  // namespace divlens
