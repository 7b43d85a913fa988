#pragma once
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "divergence/evaluate.h"

namespace divlens {

/// How far the device's cells are from the same cells in double precision.
struct Verification {
  int64_t values = 0;
  double largest = 0;   ///< relative error; ∞ where only one of the two is finite
  std::string where;    ///< "layer 3, token 5": the cell with that error
  double computed = 0;  ///< its value in the grid
  double exact = 0;
  bool passed() const;
  /// "20 values in double precision: largest relative error 2.1e-07 at layer 3, token 5".
  std::string text() const;
};

/// Recomputes `count` cells, chosen at random from a fixed seed, from the stored rows: all the values that a cell is
/// reduced from, then the reduction. `cells` are the grid's panels as `panels` describes them, row-major.
Verification verify(const Plan& plan, const std::vector<ResultPanel>& panels,
                    const std::vector<std::vector<float>>& cells, int64_t count,
                    const std::atomic<int>* cancel = nullptr);

}  // namespace divlens
