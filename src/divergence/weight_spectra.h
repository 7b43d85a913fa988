#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "divergence/weight_cells.h"
#include "divergence/weight_gram.h"
#include "divergence/weight_spectrum.h"
#include "shaders/weights.h"

namespace divlens {

/// What the singular values of cells give, as far as the plan's statistics ask for it.
class WeightSpectra {
 public:
  /// At most `memory` bytes for the matrices; 0: what the machine has.
  WeightSpectra(const gpu::Context& context, const Plan& plan, const CellReader& cells, uint64_t memory);
  /// False where no statistic asks.
  bool wanted() const { return largest_ || all_; }
  /// Of a cell that exists, from the moments of all its elements: zeros where they are not all finite, or all zero.
  /// Calls `progress` now and then with the share that is done.
  kernels::WeightSpectrumValues of(int64_t cell, const kernels::WeightMoments& moments,
                                   const std::function<void(double)>& progress);
  /// Cells of all processes without a value, in words; empty where all have one. Every process calls it.
  std::vector<std::string> notes(const Share& share) const;

 private:
  const CellReader& cells_;
  std::optional<WeightSpectrum> largest_;
  std::optional<WeightGram> all_;
};

}  // namespace divlens
