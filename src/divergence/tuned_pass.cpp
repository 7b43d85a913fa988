#include "divergence/tuned_pass.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <optional>

#include "divergence/plan_tensor.h"
#include "dump/rows.h"
#include "error.h"
#include "gpu/barrier.h"
#include "shaders/kernels.h"
#include "shaders/lens.h"

namespace divlens {
namespace {

constexpr int64_t kRowsAtOnce = 256;

std::optional<int64_t> numberOf(const std::string& label) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), value);
  if (error != std::errc() || end != label.data() + label.size() || value < 0) return {};
  return value;
}

uint64_t roundUp(uint64_t value, uint64_t step) { return (value + step - 1) / step * step; }

}  // namespace

int64_t translatorOf(const Lens& lens, const Tensor& tensor, int64_t row) {
  const int index = tensor.axisIndex("layer");
  if (index < 0) return -1;
  const std::vector<int64_t> strides = leadingStrides(tensor, tensor.shape.size() - 1);
  const Axis& axis = tensor.axes[size_t(index)];
  const int64_t position = row / strides[size_t(index)] % axis.length;
  const auto numbered = [](const std::string& label) { return numberOf(label).has_value(); };
  const bool numbers = !axis.labels.empty() && std::all_of(axis.labels.begin(), axis.labels.end(), numbered);
  const int64_t layer = numbers ? *numberOf(axis.labels[size_t(position)]) : position;
  return layer < int64_t(lens.translators.size()) ? layer : -1;
}

TunedPass::TunedPass(const gpu::Context& context, const Lens& lens, uint64_t maxRows)
    : context_(context),
      lens_(lens),
      lanes_(context.isCpu() ? 8 : 128),
      rowFloats_(roundUp(uint64_t(lens.hidden()), kernels::kLensBlock)),
      matrixFloats_(roundUp(uint64_t(lens.hidden()), 4)),
      pass_(context, context.isCpu() ? "lens_texels.comp" : "lens.comp", 4, uint32_t(sizeof(kernels::LensPush)),
            std::array{lanes_, kernels::kF32}, {}, context.isCpu() ? 2u : 0u),
      submission_(context, 1, 4) {
  const uint64_t bytes = uint64_t(lens.hidden()) * matrixFloats_ * sizeof(float);
  if (bytes > context.maxBufferBytes())
    throw Error(Exit::Budget, "a translator of --tuned-lens does not fit a buffer of this device");
  matrix_ = gpu::Buffer(context, bytes, gpu::Memory::Device, "translator");
  bias_ = gpu::Buffer(context, uint64_t(lens.hidden()) * sizeof(float), gpu::Memory::Device, "translator's bias");
  rows_ = gpu::Buffer(context, maxRows * rowFloats_ * sizeof(float), gpu::Memory::Device, "translated rows");
  if (context.isCpu()) texels_ = gpu::TexelView(context, matrix_, 0, bytes);
}

void TunedPass::load(int64_t translator) {
  if (loaded_ == translator) return;
  submission_.wait();
  const Lens::Translator& from = lens_.translators[size_t(translator)];
  const int64_t hidden = lens_.hidden();
  std::vector<double> rows;
  for (int64_t first = 0; first < hidden; first += kRowsAtOnce) {
    std::vector<int64_t> numbers(size_t(std::min(kRowsAtOnce, hidden - first)));
    std::iota(numbers.begin(), numbers.end(), first);
    rows.clear();
    readRows(from.matrix, numbers, hidden, rows);
    std::vector<float> floats(numbers.size() * matrixFloats_, 0);
    for (size_t r = 0; r < numbers.size(); ++r) {
      for (int64_t i = 0; i < hidden; ++i)  // h + A h = (A + 1) h
        floats[r * matrixFloats_ + size_t(i)] = float(rows[r * size_t(hidden) + size_t(i)] + (i == numbers[r] ? 1 : 0));
    }
    gpu::upload(context_, matrix_, uint64_t(first) * matrixFloats_ * sizeof(float), std::as_bytes(std::span(floats)));
  }
  std::vector<float> bias(size_t(hidden), 0);
  if (from.bias) readElements(*from.bias, 0, bias);
  gpu::upload(context_, bias_, 0, std::as_bytes(std::span(bias)));
  loaded_ = translator;
}

void TunedPass::run(const gpu::Buffer& ready, VkBufferView texels, std::span<const int64_t> translators) {
  for (size_t first = 0; first < translators.size();) {
    size_t end = first;
    while (end < translators.size() && translators[end] == translators[first]) ++end;
    const auto count = uint32_t(end - first);
    if (translators[first] >= 0) load(translators[first]);
    const VkCommandBuffer commands = submission_.begin();
    gpu::barrier(commands, gpu::kAnyAccess, gpu::kAnyAccess);
    if (translators[first] < 0) {
      const uint64_t at = first * rowFloats_ * sizeof(float);
      const VkBufferCopy region{.srcOffset = at, .dstOffset = at, .size = count * rowFloats_ * sizeof(float)};
      vkCmdCopyBuffer(commands, ready.handle(), rows_.handle(), 1, &region);
    } else {
      const auto hidden = uint32_t(lens_.hidden());
      const kernels::LensPush push{.rows = count,
                                   .firstRow = uint32_t(first),
                                   .cells = UINT32_MAX,
                                   .referenceStart = 0,
                                   .rowFloats = uint32_t(rowFloats_),
                                   .blocks = uint32_t(rowFloats_ / kernels::kLensBlock),
                                   .matrixVectors = uint32_t(matrixFloats_ / 4),
                                   .firstEntry = 0,
                                   .entries = hidden,
                                   .vocab = hidden,
                                   .scale = 1,
                                   .softcap = 0};
      const gpu::BufferRange buffers[] = {
          {&ready, 0, 0, texels}, {&matrix_, 0, 0, texels_.handle()}, {&bias_}, {&rows_}};
      pass_.dispatch(commands, submission_.descriptors(), buffers, std::as_bytes(std::span(&push, 1)),
                     uint32_t((count + kernels::kLensRows - 1) / kernels::kLensRows *
                              ((hidden + lanes_ * kernels::kLensEntries - 1) / (lanes_ * kernels::kLensEntries))));
    }
    gpu::barrier(commands, gpu::kAnyAccess, gpu::kAnyAccess);
    submission_.submit();
    first = end;
  }
}

}  // namespace divlens
