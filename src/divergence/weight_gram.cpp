#include "divergence/weight_gram.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "divergence/share_lines.h"
#include "dump/convert.h"
#include "gpu/barrier.h"
#include "shaders/weights_gram.h"

namespace divlens {
namespace {

constexpr uint64_t kTileBytes = uint64_t{16} << 20;  // of vectors
constexpr int64_t kMostVectors = 4096;               // of a tile: far below the 65,535 trips of lavapipe
constexpr uint64_t kSumBytes = uint64_t{16} << 20;   // of one buffer
constexpr uint64_t kBlockBytes = uint64_t{kernels::kGramBlock} * kernels::kGramBlock * 2 * sizeof(float);
constexpr size_t kBlocksAtOnce = 1024;
constexpr double kNothing = 0x1p-48;  // of the largest eigenvalue: 2^-24 of σ₁

double gibibytes(uint64_t bytes) { return double(bytes) / double(uint64_t{1} << 30); }

int64_t divideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

template <typename Convert>
void convertAll(const std::byte* from, size_t bytes, int64_t count, float scale, float* to, int64_t stride,
                const Convert& convert) {
  for (int64_t i = 0; i < count; ++i) to[i * stride] = convert(from + size_t(i) * bytes) * scale;
}

/// `count` elements become floats times `scale`, `stride` floats apart.
void spread(DType dtype, const std::byte* from, int64_t count, float scale, float* to, int64_t stride) {
  const auto all = [&]<DType Type>() {
    convertAll(from, info(Type).bytes, count, scale, to, stride, [](const std::byte* at) { return toFloat(Type, at); });
  };
  if (dtype == DType::F16)
    all.operator()<DType::F16>();
  else if (dtype == DType::BF16)
    all.operator()<DType::BF16>();
  else
    all.operator()<DType::F32>();
}

float effectiveRankOf(std::vector<double> values) {
  const double largest = *std::max_element(values.begin(), values.end());
  double sum = 0, entropy = 0;
  for (double& value : values) {
    value = value > kNothing * largest ? std::sqrt(value) : 0;
    sum += value;
  }
  for (const double value : values)
    if (value > 0) entropy -= value / sum * std::log(value / sum);
  return float(std::exp(entropy));
}

}  // namespace

/// A matrix as vectors of its shorter side.
struct WeightGram::Shape {
  int64_t side, count;
  bool wide;  ///< vectors are columns
  int64_t blocks() const { return divideUp(side, kernels::kGramBlock); }
  int64_t padded() const { return blocks() * kernels::kGramBlock; }
  int64_t triangle() const { return blocks() * (blocks() + 1) / 2; }
  /// Of the sums and the matrix that replaces them, which grows as they are given back.
  uint64_t bytes() const {
    return std::max(uint64_t(triangle()) * kBlockBytes, uint64_t(SymmetricMatrix::bytes(size_t(side)))) + 2 * kSumBytes;
  }
  int64_t atOnce() const { return std::min(kMostVectors, int64_t(kTileBytes / sizeof(float)) / padded()); }
};

WeightGram::WeightGram(const gpu::Context& context, const CellReader& cells, uint64_t memory)
    : context_(context),
      cells_(cells),
      limited_(memory > 0),
      memory_(limited_ ? memory : uint64_t(sysconf(_SC_PHYS_PAGES)) * uint64_t(sysconf(_SC_PAGESIZE))),
      lanes_(context.isCpu() ? 8 : 64),
      exact_(context, "weights_gram.comp", 2, uint32_t(sizeof(kernels::GramPush)), std::array{lanes_, 1u}, {}, 1),
      rounding_(context, "weights_gram.comp", 2, uint32_t(sizeof(kernels::GramPush)), std::array{lanes_, 0u}, {}, 1),
      vectors_(context, kTileBytes, gpu::Memory::Device, "vectors of a matrix"),
      texels_(context, vectors_, 0, kTileBytes),
      submission_(context, 8, 2) {}

void WeightGram::fill(int64_t cell, int exponent, const Shape& shape, int64_t first, int64_t count) {
  const DType dtype = cells_.deviceDType(cell);
  const float scale = std::ldexp(1.0f, -exponent);
  const int64_t padded = shape.padded();
  auto* to = reinterpret_cast<float*>(vectors_.mapped());
  if (to == nullptr) {
    tile_.resize(kTileBytes / sizeof(float));
    to = tile_.data();
  }
  std::fill_n(to, count * padded, 0.0f);
  stored_.resize(size_t(shape.wide ? count : count * shape.side) * info(dtype).bytes);
  if (shape.wide) {
    for (int64_t row = 0; row < shape.side; ++row) {
      cells_.read(cell, row * shape.count + first, count, stored_.data());
      spread(dtype, stored_.data(), count, scale, to + row, padded);
    }
  } else {
    cells_.read(cell, first * shape.side, count * shape.side, stored_.data());
    for (int64_t i = 0; i < count; ++i)
      spread(dtype, stored_.data() + size_t(i * shape.side) * info(dtype).bytes, shape.side, scale, to + i * padded, 1);
  }
  if (!vectors_.mapped())
    gpu::upload(context_, vectors_, 0, std::as_bytes(std::span(tile_).first(size_t(count * padded))));
}

int64_t WeightGram::makeSums(int64_t blocks) {
  const int64_t buffers = divideUp(blocks, kSumBytes / kBlockBytes), each = divideUp(blocks, buffers);
  sums_.clear();
  for (int64_t i = 0; i < buffers; ++i)
    sums_.emplace_back(context_, uint64_t(each) * kBlockBytes, gpu::Memory::Device, "Gram matrix");
  return each;
}

SymmetricMatrix WeightGram::gram(int64_t cell, int exponent, const Shape& shape,
                                 const std::function<void(double)>& progress) {
  const int64_t perBuffer = makeSums(shape.triangle());
  context_.runOnce([&](VkCommandBuffer commands) {
    gpu::barrier(commands, gpu::kComputeReadWrite, gpu::kTransferWrite);
    for (const gpu::Buffer& buffer : sums_) vkCmdFillBuffer(commands, buffer.handle(), 0, buffer.bytes(), 0);
    gpu::barrier(commands, gpu::kTransferWrite, gpu::kComputeReadWrite);
  });
  const bool exact = cells_.deviceDType(cell) != DType::F32;
  for (int64_t first = 0; first < shape.count; first += shape.atOnce()) {
    const int64_t count = std::min(shape.atOnce(), shape.count - first);
    fill(cell, exponent, shape, first, count);
    for (int64_t block = 0; block < shape.triangle(); block += perBuffer) {
      const kernels::GramPush push{uint32_t(count), uint32_t(shape.padded() / 4), uint32_t(block),
                                   uint32_t(std::min(perBuffer, shape.triangle() - block))};
      const VkCommandBuffer commands = submission_.begin();
      gpu::barrier(commands, gpu::kComputeReadWrite, gpu::kComputeReadWrite);
      const gpu::BufferRange buffers[] = {{&vectors_, 0, 0, texels_.handle()}, {&sums_[size_t(block / perBuffer)]}};
      const uint32_t invocations = kernels::kGramBlock * kernels::kGramBlock / (4 * kernels::kGramRows);
      (exact ? exact_ : rounding_)
          .dispatch(commands, submission_.descriptors(), buffers, std::as_bytes(std::span(&push, 1)),
                    uint32_t(divideUp(int64_t(push.blocks) * invocations, lanes_)));
      submission_.submit();
      submission_.wait();
      progress(double(first) / double(shape.count) +
               double(count) / double(shape.count) * double(block + push.blocks) / double(shape.triangle()));
    }
  }
  return collect(shape);
}

SymmetricMatrix WeightGram::collect(const Shape& shape) {
  constexpr auto kBlock = size_t{kernels::kGramBlock}, kFloats = kBlock * kBlock * 2;
  SymmetricMatrix out{size_t(shape.side)};
  const size_t perBuffer = sums_.front().bytes() / kBlockBytes;
  std::vector<float> read;
  size_t number = 0, at = 0;
  for (size_t row = 0; row < size_t(shape.blocks()); ++row)
    for (size_t column = 0; column <= row; ++column, ++number, at += kFloats) {
      if (at == read.size()) {
        const size_t first = number % perBuffer;
        if (first == 0 && number > 0) sums_[number / perBuffer - 1] = gpu::Buffer();
        read.resize(std::min(kBlocksAtOnce, perBuffer - first) * kFloats);
        gpu::download(context_, sums_[number / perBuffer], first * kBlockBytes,
                      std::as_writable_bytes(std::span(read)));
        at = 0;
      }
      for (size_t i = 0; i < kBlock && row * kBlock + i < out.size(); ++i)
        for (size_t j = 0; j < kBlock && column * kBlock + j <= row * kBlock + i; ++j) {
          const float* const pair = &read[at + i * kBlock * 2 + j / 4 * 8 + j % 4];
          out.at(row * kBlock + i, column * kBlock + j) = double(pair[0]) + double(pair[4]);
        }
    }
  sums_.clear();
  return out;
}

float WeightGram::effectiveRank(int64_t cell, int exponent, const std::function<void(double)>& progress) {
  const auto [rows, columns] = cells_.matrix(cell);
  const Shape shape{std::min(rows, columns), std::max(rows, columns), rows < columns};
  if (shape.bytes() > memory_) {
    tooLarge_.push_back(fmt::format("{} ({:.1f} GiB)", cells_.name(cell), gibibytes(shape.bytes())));
    return std::numeric_limits<float>::quiet_NaN();
  }
  // On two cores the products take about as long as the eigenvalues of a square matrix.
  const double products = double(shape.count) / double(shape.count + shape.side);
  const std::vector<double> values =
      eigenvalues(gram(cell, exponent, shape, [&](double share) { progress(products * share); }),
                  [&](double share) { progress(products + (1 - products) * share); });
  if (!values.empty()) return effectiveRankOf(values);
  unresolved_.push_back(cells_.name(cell));
  return std::numeric_limits<float>::quiet_NaN();
}

std::vector<std::string> WeightGram::notes(const Share& share) const {
  std::vector<std::string> out;
  if (const Lines large = gathered(share, tooLarge_); large.count > 0)
    out.push_back(
        fmt::format("the effective ranks of {} cells are NaN, taking more memory than the {:.1f} GiB that {}: {}",
                    large.count, gibibytes(memory_), limited_ ? "--max-ram leaves" : "there are", large.text()));
  if (const Lines unresolved = gathered(share, unresolved_); unresolved.count > 0)
    out.push_back(fmt::format("the effective ranks of {} cells are NaN, LAPACK not having found all eigenvalues: {}",
                              unresolved.count, unresolved.text()));
  return out;
}

}  // namespace divlens
