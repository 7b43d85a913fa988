#pragma once
#include <functional>
#include <span>
#include <vector>

namespace divlens {

/// The largest eigenvalue of a symmetric matrix without negative eigenvalues, as far as it is known.
struct LargestEigenvalue {
  double value = 0;
  double residual = 0;  ///< ‖A v − value · v‖: there is an eigenvalue that is no farther
  int steps = 0;
  bool converged = false;  ///< residual ≤ tolerance · value
};

/// Lanczos (1950) with full reorthogonalisation from a fixed start, at most `mostSteps` products with the matrix.
/// `multiply(x, y)` sets y = A x; both have `size` entries.
LargestEigenvalue largestEigenvalue(size_t size, int mostSteps, double tolerance,
                                    const std::function<void(std::span<const double>, std::span<double>)>& multiply);

}  // namespace divlens
