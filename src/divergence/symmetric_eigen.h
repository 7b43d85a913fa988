#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace divlens {

/// The lower triangle of a symmetric matrix, column by column. Nothing is set at first, so that memory is taken as
/// entries are.
class SymmetricMatrix {
 public:
  explicit SymmetricMatrix(size_t size)
      : size_(size), entries_(std::make_unique_for_overwrite<double[]>(size * (size + 1) / 2)) {}
  size_t size() const { return size_; }
  /// Entries of a column, to be indexed by rows from `column` on.
  double* column(size_t column) { return entries_.get() + offset(column) - column; }
  double& at(size_t row, size_t column) { return entries_[offset(column) + row - column]; }

 private:
  size_t offset(size_t column) const { return column * (2 * size_ - column + 1) / 2; }
  size_t size_;
  std::unique_ptr<double[]> entries_;
};

/// All eigenvalues in no order, errors about 1e-15 of the largest; the matrix is used up. About 2/3 n³ multiplications
/// by all processors, with the same bits however many there are. Calls `progress` now and then with the share that is
/// done; empty where the iteration does not converge.
std::vector<double> eigenvalues(SymmetricMatrix matrix, const std::function<void(double)>& progress);

}  // namespace divlens
