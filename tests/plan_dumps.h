#pragma once
// Dumps in memory with the shapes of real ones, for tests of what reads no bytes; and how to check what is refused.
#include <string>
#include <utility>
#include <vector>

#include "catch.h"
#include "dump/dump.h"
#include "error.h"

namespace divlens::test {

inline Axis axis(std::string name, int64_t length, std::vector<std::string> labels = {},
                 std::vector<std::string> groups = {}) {
  return Axis{std::move(name), length, std::move(labels), {}, std::move(groups)};
}

inline Tensor tensor(std::string name, std::vector<Axis> axes, Kind kind, DType dtype = DType::F16) {
  Tensor out;
  out.name = std::move(name);
  out.dtype = dtype;
  out.kind = kind;
  for (const Axis& each : axes) out.shape.push_back(each.length);
  out.strides = stridesInC(out.shape);
  out.axes = std::move(axes);
  out.source = memoryBytes("memory.safetensors", {});
  return out;
}

inline Tensor unnamed(std::string name, std::vector<int64_t> shape, DType dtype = DType::F32) {
  Tensor out = tensor(std::move(name), {}, Kind::Unknown, dtype);
  out.shape = std::move(shape);
  out.strides = stridesInC(out.shape);
  return out;
}

inline Dump dump(std::vector<Tensor> tensors) {
  Dump out;
  out.path = "memory.safetensors";
  out.format = "safetensors";
  out.bytes = 1000;
  out.tensors = std::move(tensors);
  return out;
}

inline std::vector<std::string> counted(int64_t count, const std::string& prefix = "") {
  std::vector<std::string> out;
  for (int64_t i = 0; i < count; ++i) out.push_back(prefix + std::to_string(i));
  return out;
}

/// interventions.safetensors: intervened[example 4, site 3, layer 30, vocab], clean[example, vocab].
inline Dump interventions() {
  const Axis example = axis("example", 4, {"a", "b", "c", "d"}, {"known", "fictional", "known", "mistaken"});
  const Axis site = axis("site", 3, {"Subj.", "Attn.", "Last."});
  const Axis vocab = axis("vocab", 49152);
  return dump({tensor("intervened", {example, site, axis("layer", 30, counted(30)), vocab}, Kind::Logits),
               tensor("clean", {example, vocab}, Kind::Logits)});
}

/// generated.safetensors: ablated[layer 9, token 5, vocab], clean[token, vocab], targets[token].
inline Dump generated() {
  const Axis token = axis("token", 5, counted(5, "Gen"));
  const Axis layer = axis("layer", 9, {"0", "15", "16", "17", "18", "19", "20", "21", "27"});
  const Axis vocab = axis("vocab", 49152);
  return dump({tensor("ablated", {layer, token, vocab}, Kind::Logits), tensor("clean", {token, vocab}, Kind::Logits),
               tensor("targets", {token}, Kind::Scalar, DType::I32)});
}

/// lens.safetensors: logits[layer 11, token 8, vocab], tokens and targets.
inline Dump lens() {
  const Axis token = axis("token", 8, {"is", "located", "in", "the", "city", "of", "Paris", "the"});
  const Axis layer = axis("layer", 11, {"emb", "3", "6", "9", "12", "15", "18", "21", "24", "27", "30"});
  return dump({tensor("logits", {layer, token, axis("vocab", 49152)}, Kind::Logits),
               tensor("tokens", {token}, Kind::Scalar, DType::I32),
               tensor("targets", {token}, Kind::Scalar, DType::I32)});
}

/// steps.safetensors: logits[step 33, layer 12, token 32, vocab 256].
inline Dump steps() {
  return dump(
      {tensor("logits", {axis("step", 33), axis("layer", 12), axis("token", 32), axis("vocab", 256)}, Kind::Logits)});
}

/// The exit code and message of what `call` throws; Exit::Done when it throws nothing.
template <typename Call>
std::pair<Exit, std::string> refusal(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {Exit::Done, ""};
}

}  // namespace divlens::test

/// Checks that `expression` throws Error(exit) with `text` in its message.
#define CHECK_REFUSED(expression, exit, text)                                            \
  do {                                                                                   \
    const auto refused = divlens::test::refusal([&] { static_cast<void>(expression); }); \
    INFO(refused.second);                                                                \
    CHECK(refused.first == (exit));                                                      \
    CHECK_THAT(refused.second, Catch::Matchers::ContainsSubstring(text));                \
  } while (false)
