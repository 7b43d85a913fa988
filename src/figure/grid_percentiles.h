#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "divergence/grid.h"
#include "figure/cell_rule.h"
#include "gpu/pipeline.h"
#include "shaders/percentiles.h"

namespace divlens {

/// Exact percentiles of the finite cells of some panels that no rule hides, found on the device: four passes count the
/// digits of the cells' ordered bits. What was counted is kept, so that further percentiles read the cells less often.
/// The grid must outlive it, and its cells stay as they are.
class GridPercentiles {
 public:
  GridPercentiles(const gpu::Context& context, const Grid& grid, std::vector<int64_t> panels, const CellRule& hidden);
  /// Values at percentiles 0 … 100, linear between neighbours as numpy's nanpercentile; NaN where there are no cells.
  std::vector<double> at(std::span<const double> percents);

 private:
  using Counts = std::array<uint64_t, kDigits>;
  using Digit = std::pair<uint32_t, uint32_t>;  ///< its shift, and the digits above it
  /// The cell at a place of the ascending order, as far as its digits are known.
  struct Wanted {
    uint64_t place = 0;  ///< among the cells that begin with these digits
    uint32_t key = 0;
  };
  void find(std::span<Wanted> wanted);
  void count(uint32_t shift, std::span<const uint32_t> prefixes);
  uint64_t cells();

  const gpu::Context& context_;
  const Grid& grid_;
  std::vector<int64_t> panels_;
  CellRule hidden_;
  std::unique_ptr<gpu::ComputePipeline> pipeline_;  ///< made when something is asked
  std::map<Digit, Counts> counted_;
};

}  // namespace divlens
