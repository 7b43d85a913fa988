#pragma once
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <memory>
#include <vector>

namespace divlens {

struct FreeDoubles {
  void operator()(double* entries) const { std::free(entries); }
};
using AlignedDoubles = std::unique_ptr<double[], FreeDoubles>;

/// The lower triangle of a symmetric matrix, column by column, each as long as the first. Nothing is set at first, and
/// what lies above the diagonal never is, so that memory is taken as entries are.
class SymmetricMatrix {
 public:
  explicit SymmetricMatrix(size_t size);
  size_t size() const { return size_; }
  /// Entries from one column to the next.
  size_t stride() const { return stride_; }
  double& at(size_t row, size_t column) { return entries_[column * stride_ + row]; }
  /// Memory that a matrix takes, in bytes.
  static size_t bytes(size_t size);

 private:
  size_t size_, stride_;
  AlignedDoubles entries_;
};

/// All eigenvalues in ascending order, errors about 1e-15 of the largest; the matrix is used up. About 4/3 n³ products
/// and sums by the calling thread, with the same bits in every process of a machine. Calls `progress` now and then with
/// the share that is done; empty where the iteration does not converge.
std::vector<double> eigenvalues(SymmetricMatrix matrix, const std::function<void(double)>& progress);

}  // namespace divlens
