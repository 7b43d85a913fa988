#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "divergence/expression.h"
#include "divergence/metrics.h"
#include "divergence/term_program.h"

namespace divlens {

/// An f-divergence of the user's own, D_f(p‖q) = Σ q f(p/q), where f is convex and f(1) = 0. What is summed is
/// f(t) − f′(1)(t − 1), whose terms are never negative and whose sum is the same.
class UserMetric {
 public:
  /// "EXPRESSION", or with limits that are declared: "EXPRESSION; 0: V; inf: V", V a number or inf: those of f(t) at
  /// t → 0 and of f(t)/t at t → ∞. Error(Usage) says what is wrong with it, with a caret where it is a matter of
  /// syntax.
  static std::shared_ptr<const UserMetric> parse(std::string_view text);
  /// A file with a term function (TermProgram): the metric is the sum of its values over the entries that are not zero
  /// on both sides.
  static std::shared_ptr<const UserMetric> fromFile(const std::string& path);
  UserMetric(const UserMetric&) = delete;
  UserMetric& operator=(const UserMetric&) = delete;

  /// Its row of the metric table.
  const Metric& row() const { return row_; }
  /// The term of one vocabulary entry, d = ln q − ln p where neither is zero.
  double term(double p, double q, double lnP, double lnQ, bool zeroP, bool zeroQ) const;
  /// The same in GLSL: float userTerm(Pair t).
  std::string glsl() const;

 private:
  /// How f grows towards an end, over x = |ln t| beyond kTail: a + bx + cx², or e to that.
  struct Tail {
    double a = 0, b = 0, c = 0;
    bool exponential = false;
    double at(double x, double logWeight) const;
    double limit() const;
    std::string glsl(const char* weight, const char* logWeight) const;
  };
  explicit UserMetric(std::string_view text);
  UserMetric(const std::string& path, TermProgram program);
  std::string programGlsl() const;
  double normalised(double l) const;
  void chooseSeries();
  Tail fitted(bool towardsZero) const;
  void checkConvex() const;

  std::string text_;
  Expression f_;
  double slope_ = 0;            ///< f′(1)
  std::vector<double> series_;  ///< f − f′(1)u over u², in powers of u
  double radius_ = 0;           ///< of u where the series is used
  Tail zero_, infinity_;
  double atZero_ = 0, atInfinity_ = 0;
  Metric row_{};
  std::optional<TermProgram> program_;  ///< instead of f
  std::string symbol_;
};

/// Id of the row of a metric of the user's own.
constexpr int kUserMetricId = 1000;

}  // namespace divlens
