#include "divergence/lanczos.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace divlens {
namespace {

using Vector = std::vector<double>;

double dot(std::span<const double> x, std::span<const double> y) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

void addTimes(std::span<double> x, double factor, std::span<const double> y) {
  for (size_t i = 0; i < x.size(); ++i) x[i] += factor * y[i];
}

/// The same numbers in [-1, 1) on every machine, with no pattern that a matrix is likely to have (splitmix64).
Vector startOf(size_t size) {
  Vector out(size);
  uint64_t state = 0;
  for (double& value : out) {
    uint64_t z = state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    value = double(int64_t(z ^ (z >> 31))) * 0x1p-63;
  }
  const double length = std::sqrt(dot(out, out));
  for (double& value : out) value /= length;
  return out;
}

/// Whether all eigenvalues of a tridiagonal matrix are below x (Sturm): every pivot of T − x is negative.
bool allBelow(const Vector& diagonal, const Vector& beside, double x) {
  double pivot = -1;
  for (size_t i = 0; i < diagonal.size(); ++i) {
    pivot = diagonal[i] - x - (i == 0 ? 0 : beside[i - 1] * beside[i - 1] / pivot);
    if (pivot >= 0) return false;
  }
  return true;
}

double largestOf(const Vector& diagonal, const Vector& beside) {
  double high = 0;
  for (size_t i = 0; i < diagonal.size(); ++i)
    high = std::max(high, diagonal[i] + (i == 0 ? 0 : beside[i - 1]) + (i + 1 < diagonal.size() ? beside[i] : 0));
  double low = 0;
  for (int i = 0; i < 100 && high - low > 1e-15 * high; ++i) {
    const double middle = (low + high) / 2;
    (allBelow(diagonal, beside, middle) ? high : low) = middle;
  }
  return high;
}

/// Last entry of the unit eigenvector for `value`: two steps of inverse iteration from beneath it.
double lastEntry(const Vector& diagonal, const Vector& beside, double value) {
  const size_t n = diagonal.size();
  const double shift = value * (1 + 1e-13) + std::numeric_limits<double>::min();
  Vector pivots(n), x(n, 1.0);
  for (size_t i = 0; i < n; ++i)
    pivots[i] = diagonal[i] - shift - (i == 0 ? 0 : beside[i - 1] * beside[i - 1] / pivots[i - 1]);
  for (int repeat = 0; repeat < 3; ++repeat) {
    for (size_t i = 1; i < n; ++i) x[i] -= beside[i - 1] / pivots[i - 1] * x[i - 1];
    for (size_t i = n; i-- > 0;) x[i] = (x[i] - (i + 1 < n ? beside[i] * x[i + 1] : 0)) / pivots[i];
    const double length = std::sqrt(dot(x, x));
    for (double& each : x) each /= length;
  }
  return std::abs(x.back());
}

}  // namespace

LargestEigenvalue largestEigenvalue(size_t size, int mostSteps, double tolerance,
                                    const std::function<void(std::span<const double>, std::span<double>)>& multiply) {
  std::vector<Vector> basis = {startOf(size)};
  Vector diagonal, beside, next(size);
  LargestEigenvalue out;
  while (out.steps < mostSteps) {
    multiply(basis.back(), next);
    ++out.steps;
    diagonal.push_back(dot(basis.back(), next));
    for (int twice = 0; twice < 2; ++twice)
      for (const Vector& each : basis) addTimes(next, -dot(each, next), each);
    const double length = std::sqrt(dot(next, next));
    out.value = largestOf(diagonal, beside);
    if (!(out.value > 0)) return out;  // zero, or no number
    out.residual = length * lastEntry(diagonal, beside, out.value);
    out.converged = out.residual <= tolerance * out.value;
    if (out.converged || basis.size() == size) {
      out.converged = true;
      return out;
    }
    beside.push_back(length);
    for (double& value : next) value /= length;
    basis.push_back(next);
  }
  return out;
}

}  // namespace divlens
