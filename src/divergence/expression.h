#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace divlens {

/// An arithmetic expression in t: + - * / ^, parentheses, numbers, and the functions of functionNames().
class Expression {
 public:
  Expression() = default;
  /// Error(Usage) that shows the text with a caret under the column where it stops making sense.
  static Expression parse(std::string_view text);
  double at(double t) const;
  /// The same where u = t − 1 and l = ln t are known better than t says: t − 1 and log(t) take them as they are.
  double at(double t, double u, double l) const;
  /// Coefficients of 1, u, u², … at t = 1; empty where the expression has a kink or a pole there.
  std::vector<double> taylor(size_t count) const;
  /// The expression in GLSL over the floats `t`, `u` and `l`.
  std::string glsl() const;

  struct Node;

 private:
  std::shared_ptr<const Node> root_;
};

/// "abs exp …": the functions that an expression may use.
std::string functionNames();

}  // namespace divlens
