#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "divergence/evaluate.h"

namespace divlens {

/// Cells that cannot be told from what rounding to the dump's element type does.
struct Resolution {
  uint64_t cells = 0;    ///< of the grid: above 0, and below the divergence that rounding alone is expected to make
  double largest = 0;    ///< the largest such divergence, among them
  std::string elements;  ///< "F16", or "BF16 and F32" where the reference is stored otherwise
  std::string text() const;
};

/// Counts them: for a cell D_f of rows x and y the expected effect of rounding is f''(1)/2 · (R_x + R_y), see
/// shaders/resolution.comp; only cells small enough to be in question are read again. Cells of other metrics, of
/// differences of groups and of spreads are not judged. `cells` are the grid's panels.
Resolution findUnresolved(const gpu::Context& context, const Plan& plan, const std::vector<ResultPanel>& panels,
                          const std::vector<std::vector<float>>& cells);
/// f''(1)/2 of a metric, or of its square where it is a root; negative where rounding has no such form for it.
double curvature(const MetricUse& use);

}  // namespace divlens
