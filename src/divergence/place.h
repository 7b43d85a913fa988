#pragma once
#include <cstdint>
#include <vector>

#include "divergence/plan.h"

namespace divlens {

/// A value before any reduction: indices into the positions of the plan's rows, columns and reduced axes.
struct EntryIndex {
  size_t row = 0;
  size_t column = 0;
  std::vector<size_t> reduced;
};

/// Where its two rows are (of scalar tables: its element).
struct Place {
  int64_t cell = 0, reference = 0;
  bool outside = false;  ///< the reference does not exist: layer:prev of the first layer
  bool masked = false;
};
Place placeOf(const Plan& plan, const EntryIndex& index);

/// With a reference `mean:AXIS`: the rows of the cells' tensor of which row `first` (position 0 of the axis) is the
/// mean, less those that are masked; none may be left.
std::vector<int64_t> rowsOfMean(const Plan& plan, int64_t first);

}  // namespace divlens
