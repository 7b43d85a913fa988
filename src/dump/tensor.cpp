#include "dump/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "dump/escape.h"
#include "dump/fault.h"

namespace divlens {
namespace {

// In the order of the enumeration.
constexpr std::array<const char*, 8> kKinds = {"unknown", "logits", "logprobs", "probs",
                                               "hidden",  "scalar", "topk",     "weights"};

}  // namespace

const char* name(Kind kind) { return kKinds[static_cast<size_t>(kind)]; }

std::optional<Kind> kindFromName(std::string_view text) {
  for (size_t i = 1; i < kKinds.size(); ++i) {
    if (text == kKinds[i]) return static_cast<Kind>(i);
  }
  return std::nullopt;
}

bool holdsDistribution(Kind kind) { return kind == Kind::Logits || kind == Kind::LogProbs || kind == Kind::Probs; }

std::string Axis::label(int64_t position) const {
  if (position >= 0 && static_cast<size_t>(position) < labels.size()) return labels[static_cast<size_t>(position)];
  return fmt::format("{}", position);
}

int64_t Tensor::elements() const {
  int64_t product = 1;
  for (const int64_t length : shape) product *= length;
  return product;
}

int Tensor::axisIndex(std::string_view axisName) const {
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i].name == axisName) return static_cast<int>(i);
  }
  return -1;
}

std::string shapeText(std::span<const int64_t> shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

// An array without elements has no strides to speak of, and its other lengths may be too large to multiply.
static bool hasElements(std::span<const int64_t> shape) {
  return std::find(shape.begin(), shape.end(), 0) == shape.end();
}

std::vector<int64_t> stridesInC(std::span<const int64_t> shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  if (!hasElements(shape)) return strides;
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

std::vector<int64_t> stridesInFortran(std::span<const int64_t> shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  if (!hasElements(shape)) return strides;
  for (size_t i = 1; i < shape.size(); ++i) strides[i] = strides[i - 1] * shape[i - 1];
  return strides;
}

void badTensor(const Tensor& tensor, std::string_view text) {
  badInput(tensor.source ? tensor.source->name() : std::string("dump"),
           fmt::format("tensor '{}': {}", escaped(tensor.name), text));
}

}  // namespace divlens
