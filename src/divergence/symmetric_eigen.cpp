#include "divergence/symmetric_eigen.h"

#include <algorithm>
#include <array>
#include <barrier>
#include <cmath>
#include <limits>
#include <thread>

namespace divlens {
namespace {

using Vector = std::vector<double>;

constexpr size_t kParts = 16;              // of a pass over the matrix: fixed, so that the bits are too
constexpr size_t kWorthThreads = 256;      // columns
constexpr size_t kStepsBetweenWords = 16;  // calls of progress
constexpr int kMostRotations = 60;         // sweeps for one eigenvalue

/// Threads that take parts of the same work over and over.
class Team {
 public:
  Team(size_t threads, std::function<void(size_t)> part)
      : threads_(threads), part_(std::move(part)), start_(ptrdiff_t(threads)), end_(ptrdiff_t(threads)) {
    for (size_t i = 1; i < threads; ++i)
      workers_.emplace_back([this, i] {
        while (true) {
          start_.arrive_and_wait();
          if (stop_) return;
          work(i);
          end_.arrive_and_wait();
        }
      });
  }
  ~Team() {
    stop_ = true;
    start_.arrive_and_wait();
  }
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;
  /// All parts once.
  void run() {
    start_.arrive_and_wait();
    work(0);
    end_.arrive_and_wait();
  }

 private:
  void work(size_t thread) {
    for (size_t i = thread; i < kParts; i += threads_) part_(i);
  }
  size_t threads_;
  std::function<void(size_t)> part_;
  std::barrier<> start_, end_;
  bool stop_ = false;
  std::vector<std::jthread> workers_;
};

double dot(const Vector& a, const Vector& b, size_t first) {
  double sum = 0;
  for (size_t i = first; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// A column below its diagonal, and what stands beside it in vectors; they start at the diagonal.
struct Below {
  double* entries;
  size_t count;
  const double *v, *w, *x;
  double* y;
};

/// Column - v w(0) - w v(0); adds its products with x(0) to y; returns that of its entries and x.
double below(const Below& b) {
  constexpr size_t kLanes = 8;
  double* __restrict a = b.entries;
  double* __restrict y = b.y + 1;
  const double* __restrict v = b.v + 1;
  const double* __restrict w = b.w + 1;
  const double* __restrict x = b.x + 1;
  const double vc = *b.v, wc = *b.w, xc = *b.x;
  double sums[kLanes] = {};
  size_t r = 0;
  for (; r + kLanes <= b.count; r += kLanes)
    for (size_t i = 0; i < kLanes; ++i) {
      const double entry = a[r + i] - (v[r + i] * wc + w[r + i] * vc);
      a[r + i] = entry;
      y[r + i] += entry * xc;
      sums[i] += entry * x[r + i];
    }
  double sum = 0;
  for (; r < b.count; ++r) {
    a[r] -= v[r] * wc + w[r] * vc;
    y[r] += a[r] * xc;
    sum += a[r] * x[r];
  }
  for (const double each : sums) sum += each;
  return sum;
}

/// Householder's reduction to tridiagonal form (Golub & Van Loan 8.3.1). What one reflection does to the matrix is
/// applied in the pass that multiplies it with the next one's vector, so that each step reads it once.
class Tridiagonal {
 public:
  explicit Tridiagonal(SymmetricMatrix& matrix)
      : matrix_(matrix), n_(matrix.size()), v_(n_, 0.0), w_(n_, 0.0), x_(n_, 0.0), products_(kParts, Vector(n_)) {}

  void reduce(Vector& diagonal, Vector& beside, const std::function<void(double)>& progress) {
    const size_t most = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, kParts);
    Team team(n_ < kWorthThreads ? 1 : most, [this](size_t part) { pass(part); });
    for (size_t j = 0; j + 1 < n_; ++j) {
      double* const column = matrix_.column(j);
      for (size_t r = j; r < n_; ++r) column[r] -= v_[r] * w_[j] + w_[r] * v_[j];
      diagonal[j] = column[j];
      const double scale = reflect(j, beside[j]);
      first_ = j + 1;
      team.run();
      next(scale);
      const double left = double(n_ - j) / double(n_);
      if (j % kStepsBetweenWords == 0) progress(1 - left * left * left);
    }
    diagonal[n_ - 1] = matrix_.at(n_ - 1, n_ - 1);
    if (n_ > 0) diagonal[n_ - 1] -= 2 * v_[n_ - 1] * w_[n_ - 1];
  }

 private:
  /// x becomes what reflects the column below its diagonal onto its first entry, which becomes `beside`; returns
  /// 2 / x·x, or 0 where nothing is to be done.
  double reflect(size_t j, double& beside) {
    const double* const column = matrix_.column(j);
    const double first = column[j + 1];
    double squares = 0;
    for (size_t r = j + 2; r < n_; ++r) squares += column[r] * column[r];
    x_[j] = 0;
    beside = first;
    if (squares == 0) {
      std::fill(x_.begin(), x_.end(), 0.0);
      return 0;
    }
    beside = std::copysign(std::sqrt(first * first + squares), -first);
    x_[j + 1] = first - beside;
    std::copy(column + j + 2, column + n_, x_.begin() + ptrdiff_t(j) + 2);
    return 2 / (x_[j + 1] * x_[j + 1] + squares);
  }

  /// Columns [edge(part), edge(part + 1)) hold about the same number of entries each.
  size_t edge(size_t part) const {
    return n_ - size_t(std::lround(double(n_ - first_) * std::sqrt(1 - double(part) / double(kParts))));
  }

  void pass(size_t part) {
    const size_t begin = edge(part), end = edge(part + 1);
    Vector& y = products_[part];
    std::fill(y.begin() + ptrdiff_t(first_), y.end(), 0.0);
    for (size_t c = begin; c < end; ++c) {
      double* const a = matrix_.column(c);
      a[c] -= 2 * v_[c] * w_[c];
      y[c] += a[c] * x_[c] + below({a + c + 1, n_ - c - 1, &v_[c], &w_[c], &x_[c], &y[c]});
    }
  }

  /// v and w of the update A - v wᵀ - w vᵀ that the reflection makes.
  void next(double scale) {
    v_ = x_;
    for (size_t r = 0; r < n_; ++r) {
      double sum = 0;
      if (r >= first_)
        for (const Vector& each : products_) sum += each[r];
      w_[r] = scale * sum;
    }
    const double share = scale / 2 * dot(w_, v_, first_);
    for (size_t r = first_; r < n_; ++r) w_[r] -= share * v_[r];
  }

  SymmetricMatrix& matrix_;
  size_t n_, first_ = 0;
  Vector v_, w_, x_;
  std::vector<Vector> products_;  // of the parts
};

/// Implicit QL steps with Wilkinson's shift (EISPACK imtql1): the eigenvalues replace the diagonal.
bool diagonalise(Vector& d, Vector& e) {
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  const size_t n = d.size();
  double size = 0;
  for (size_t i = 0; i < n; ++i) size = std::max(size, std::abs(d[i]) + std::abs(e[i]));
  const double nothing = size * kEpsilon / 4;
  if (std::abs(d.front()) > std::abs(d.back())) {  // the steps want what is large last
    std::reverse(d.begin(), d.end());
    std::reverse(e.begin(), e.end() - 1);
  }
  for (size_t l = 0; l < n; ++l) {
    for (int round = 0;; ++round) {
      size_t m = l;
      while (m + 1 < n && std::abs(e[m]) > nothing + kEpsilon * (std::abs(d[m]) + std::abs(d[m + 1]))) ++m;
      if (m == l) break;
      if (round == kMostRotations) return false;
      double g = (d[l + 1] - d[l]) / (2 * e[l]), r = std::hypot(g, 1.0);
      g = d[m] - d[l] + e[l] / (g + std::copysign(r, g));
      double s = 1, c = 1, p = 0;
      size_t i = m;
      for (; i-- > l;) {
        const double f = s * e[i], b = c * e[i];
        r = std::hypot(f, g);
        e[i + 1] = r;
        if (r == 0) {
          d[i + 1] -= p;
          e[m] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
      }
      if (r == 0 && i + 1 > l) continue;
      d[l] -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
  return true;
}

}  // namespace

std::vector<double> eigenvalues(SymmetricMatrix matrix, const std::function<void(double)>& progress) {
  const size_t n = matrix.size();
  Vector diagonal(n, 0.0), beside(n, 0.0);
  if (n == 0) return diagonal;
  Tridiagonal(matrix).reduce(diagonal, beside, progress);
  if (!diagonalise(diagonal, beside)) diagonal.clear();
  return diagonal;
}

}  // namespace divlens
