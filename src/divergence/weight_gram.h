#pragma once
#include <functional>
#include <string>
#include <vector>

#include "divergence/checkpoint.h"
#include "divergence/symmetric_eigen.h"
#include "divergence/weight_cells.h"
#include "gpu/pipeline.h"

namespace divlens {

/// Effective ranks of matrices from all singular values: the device sums the Gram matrix of the longer side's vectors,
/// tile by tile, the processor finds its eigenvalues.
class WeightGram {
 public:
  /// At most `memory` bytes for a matrix and its sums; 0: what the machine has.
  WeightGram(const gpu::Context& context, const CellReader& cells, uint64_t memory);
  /// exp(-Σ p ln p), p = σ / Σσ, of a cell whose entries are finite, not all zero and below 2^(exponent + 1); NaN where
  /// that takes more memory than there is, which notes() then says. Calls `progress` now and then with the share that
  /// is done.
  float effectiveRank(int64_t cell, int exponent, const std::function<void(double)>& progress);
  /// Cells of all processes without a value, in words; empty where all have one. Every process calls it.
  std::vector<std::string> notes(const Share& share) const;

 private:
  struct Shape;
  void fill(int64_t cell, int exponent, const Shape& shape, int64_t first, int64_t count);
  SymmetricMatrix gram(int64_t cell, int exponent, const Shape& shape, const std::function<void(double)>& progress);
  /// Sums of `blocks` blocks, as many of them in each buffer as it returns.
  int64_t makeSums(int64_t blocks);
  /// The sums, whose buffers are given back one by one.
  SymmetricMatrix collect(const Shape& shape);

  const gpu::Context& context_;
  const CellReader& cells_;
  bool limited_;  ///< by an option
  uint64_t memory_;
  uint32_t lanes_;
  gpu::ComputePipeline exact_, rounding_;
  gpu::Buffer vectors_;
  gpu::TexelView texels_;
  std::vector<gpu::Buffer> sums_;  ///< blocks of the lower triangle, in order
  gpu::Submission submission_;
  std::vector<std::byte> stored_;
  std::vector<float> tile_;
  std::vector<std::string> tooLarge_, unresolved_;
};

}  // namespace divlens
