#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "divergence/checkpoint.h"
#include "divergence/weight_cells.h"
#include "gpu/pipeline.h"

namespace divlens {

/// Largest singular values of matrices: Lanczos steps on WᵀW, whose products W x and Wᵀ y run on the device, tile by
/// tile of whole rows. Small matrices stay on the device between the steps, larger ones are read again for each.
class WeightSpectrum {
 public:
  WeightSpectrum(const gpu::Context& context, const CellReader& cells);
  ~WeightSpectrum();
  /// σ₁ · 2^-exponent of a cell whose entries are finite, not all zero and below 2^(exponent + 1); NaN where the steps
  /// did not suffice, which notes() then says. Calls `afterTile` now and then.
  float largest(int64_t cell, int exponent, const std::function<void()>& afterTile);
  /// Cells of all processes without a value, in words; empty where all have one. Every process calls it.
  std::vector<std::string> notes(const Share& share) const;

 private:
  struct Tile;
  void cut(int64_t cell, int64_t rows, int64_t columns);
  void fill(const Tile& tile, int64_t cell, const gpu::Buffer& buffer);
  void multiply(int64_t cell, int exponent, std::span<const double> x, std::span<double> y);
  const gpu::ComputePipeline& pipelineFor(const char* shader, uint32_t type);

  const gpu::Context& context_;
  const CellReader& cells_;
  uint32_t lanes_;
  std::vector<std::pair<std::string, std::unique_ptr<gpu::ComputePipeline>>> pipelines_;
  std::vector<gpu::Buffer> buffers_;  ///< of tiles
  gpu::Buffer x_, y_, parts_;
  gpu::Submission submission_;
  std::vector<Tile> tiles_;
  bool filled_ = false;  ///< the buffers hold all tiles of the cell
  std::vector<std::byte> staging_;
  std::vector<std::string> failed_;
};

}  // namespace divlens
