#include "divergence/weight_spectrum.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "divergence/lanczos.h"
#include "divergence/share_lines.h"
#include "gpu/barrier.h"
#include "shaders/kernels.h"
#include "shaders/weights_matrix.h"

namespace divlens {
namespace {

constexpr uint64_t kTileBytes = uint64_t{16} << 20;
constexpr size_t kResident = 12;  // tiles that stay on the device between steps
constexpr uint64_t kStep = 8;     // elements
constexpr int64_t kMostColumns = int64_t{1} << 21;
constexpr uint64_t kBasisBytes = uint64_t{128} << 20;
constexpr int kMostSteps = 256;
constexpr double kTolerance = 1e-5;  // of σ₁²: of σ₁ half of that

uint32_t typeOf(DType dtype) {
  return dtype == DType::F16 ? kernels::kF16 : dtype == DType::BF16 ? kernels::kBf16 : kernels::kF32;
}

uint64_t divideUp(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

}  // namespace

struct WeightSpectrum::Tile {
  int64_t firstRow, rows, columns;
  uint64_t steps, elementBytes;
  uint64_t rowBytes() const { return steps * kStep * elementBytes; }
};

WeightSpectrum::WeightSpectrum(const gpu::Context& context, const CellReader& cells)
    : context_(context), cells_(cells), lanes_(context.isCpu() ? 8 : 64), submission_(context, 2, 3) {}

WeightSpectrum::~WeightSpectrum() = default;

const gpu::ComputePipeline& WeightSpectrum::pipelineFor(const char* shader, uint32_t type) {
  const std::string key = fmt::format("{} {}", shader, type);
  for (const auto& [name, pipeline] : pipelines_)
    if (name == key) return *pipeline;
  pipelines_.emplace_back(
      key, std::make_unique<gpu::ComputePipeline>(context_, shader, 3, uint32_t(sizeof(kernels::MatrixPush)),
                                                  std::array{lanes_, type}));
  return *pipelines_.back().second;
}

void WeightSpectrum::cut(int64_t cell, int64_t rows, int64_t columns) {
  tiles_.clear();
  filled_ = false;
  Tile tile{0, 0, columns, divideUp(uint64_t(columns), kStep), info(cells_.deviceDType(cell)).bytes};
  const auto most = int64_t(kTileBytes / tile.rowBytes());
  for (; tile.firstRow < rows; tile.firstRow += tile.rows) {
    tile.rows = std::min(most, rows - tile.firstRow);
    tiles_.push_back(tile);
  }
  while (buffers_.size() < std::min(tiles_.size(), kResident))
    buffers_.emplace_back(context_, kTileBytes, gpu::Memory::Device, "matrix rows");
  const auto grown = [&](gpu::Buffer& buffer, uint64_t floats, const char* name) {
    const uint64_t bytes = divideUp(floats, 4) * 16;
    if (buffer.bytes() < bytes) buffer = gpu::Buffer(context_, bytes, gpu::Memory::Device, name);
  };
  const Tile& first = tiles_.front();
  grown(x_, first.steps * kStep, "matrix x");
  grown(y_, uint64_t(first.rows), "matrix y");
  grown(parts_, divideUp(uint64_t(first.rows), kernels::kMatrixRows) * first.steps * kStep, "sums of columns");
}

void WeightSpectrum::fill(const Tile& tile, int64_t cell, const gpu::Buffer& buffer) {
  const uint64_t bytes = uint64_t(tile.rows) * tile.rowBytes(), own = uint64_t(tile.columns) * tile.elementBytes;
  std::byte* to = buffer.mapped();
  if (to == nullptr) {
    staging_.resize(kTileBytes);
    to = staging_.data();
  }
  if (own == tile.rowBytes()) {
    cells_.read(cell, tile.firstRow * tile.columns, tile.rows * tile.columns, to);
  } else {
    // Read in one go at the end, then moved to where the padded rows are, from the front.
    const uint64_t packed = uint64_t(tile.rows) * own;
    std::byte* from = to + (bytes - packed);
    cells_.read(cell, tile.firstRow * tile.columns, tile.rows * tile.columns, from);
    for (int64_t row = 0; row < tile.rows; ++row, from += own, to += tile.rowBytes()) {
      std::memmove(to, from, own);
      std::memset(to + own, 0, tile.rowBytes() - own);
    }
  }
  if (buffer.mapped() == nullptr) gpu::upload(context_, buffer, 0, std::span(staging_).first(bytes));
}

void WeightSpectrum::multiply(int64_t cell, int exponent, std::span<const double> x, std::span<double> y) {
  const uint64_t width = tiles_.front().steps * kStep;
  std::vector<float> floats(width, 0.0f);
  std::copy(x.begin(), x.end(), floats.begin());
  gpu::upload(context_, x_, 0, std::as_bytes(std::span(floats)));
  std::fill(y.begin(), y.end(), 0.0);
  const uint32_t type = typeOf(cells_.deviceDType(cell));
  for (size_t i = 0; i < tiles_.size(); ++i) {
    const Tile& tile = tiles_[i];
    const gpu::Buffer& rows = buffers_[i % buffers_.size()];
    if (!filled_) fill(tile, cell, rows);
    const uint64_t parts = divideUp(uint64_t(tile.rows), kernels::kMatrixRows);
    const kernels::MatrixPush push{uint32_t(tile.rows), uint32_t(tile.steps), exponent};
    const auto pushed = std::as_bytes(std::span(&push, 1));
    const VkCommandBuffer commands = submission_.begin();
    gpu::barrier(commands, gpu::kComputeReadWrite, gpu::kComputeReadWrite);
    const gpu::BufferRange forward[] = {{&rows}, {&x_}, {&y_}};
    pipelineFor("weights_rows.comp", type)
        .dispatch(commands, submission_.descriptors(), forward, pushed, uint32_t(tile.rows));
    gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
    const gpu::BufferRange back[] = {{&rows}, {&y_}, {&parts_}};
    pipelineFor("weights_columns.comp", type)
        .dispatch(commands, submission_.descriptors(), back, pushed, uint32_t(parts * divideUp(tile.steps, lanes_)));
    submission_.submit();
    submission_.wait();
    floats.resize(parts * width);
    gpu::download(context_, parts_, 0, std::as_writable_bytes(std::span(floats)));
    for (uint64_t part = 0; part < parts; ++part)
      for (size_t column = 0; column < y.size(); ++column) y[column] += double(floats[part * width + column]);
  }
  filled_ = tiles_.size() <= buffers_.size();
}

float WeightSpectrum::largest(int64_t cell, int exponent, const std::function<void()>& afterTile) {
  const auto [rows, columns] = cells_.matrix(cell);
  if (columns > kMostColumns) {
    failed_.push_back(fmt::format("{} has more than {} columns", cells_.name(cell), kMostColumns));
    return std::numeric_limits<float>::quiet_NaN();
  }
  cut(cell, rows, columns);
  const auto most = int(std::min<uint64_t>(kMostSteps, kBasisBytes / (uint64_t(columns) * sizeof(double))));
  const LargestEigenvalue found = largestEigenvalue(size_t(columns), most, kTolerance, [&](auto x, auto y) {
    multiply(cell, exponent, x, y);
    afterTile();
  });
  if (found.converged) return float(std::sqrt(found.value));
  failed_.push_back(fmt::format("{} after {} steps: σ₁² known to {:.1g} of itself", cells_.name(cell), found.steps,
                                found.residual / found.value));
  return std::numeric_limits<float>::quiet_NaN();
}

std::vector<std::string> WeightSpectrum::notes(const Share& share) const {
  const Lines failed = gathered(share, failed_);
  if (failed.count == 0) return {};
  return {fmt::format("the largest singular values of {} cells are not known to {:g} and are NaN: {}", failed.count,
                      kTolerance / 2, failed.text())};
}

}  // namespace divlens
