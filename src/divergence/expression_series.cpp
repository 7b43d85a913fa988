// What operators and functions of expressions mean: values, power series at t = 1, GLSL.
#include <algorithm>
#include <cmath>

#include "divergence/expression_nodes.h"

namespace divlens {
namespace {

Series constant(double value, size_t count) {
  Series s{std::vector<double>(count, 0.0), true};
  s.c[0] = value;
  return s;
}

Series invalid(const Series& like) { return {std::vector<double>(like.c.size(), 0.0), false}; }

Series combined(const Series& a, double scale, const Series& b) {
  Series s = a;
  s.valid = a.valid && b.valid;
  for (size_t i = 0; i < s.c.size(); ++i) s.c[i] += scale * b.c[i];
  return s;
}

Series add(const Series& a, const Series& b) { return combined(a, 1, b); }
Series subtract(const Series& a, const Series& b) { return combined(a, -1, b); }
Series negate(const Series& a, const Series&) { return combined(constant(0, a.c.size()), -1, a); }

Series multiply(const Series& a, const Series& b) {
  Series s{std::vector<double>(a.c.size(), 0.0), a.valid && b.valid};
  for (size_t i = 0; i < s.c.size(); ++i)
    for (size_t k = 0; k <= i; ++k) s.c[i] += a.c[k] * b.c[i - k];
  return s;
}

Series divide(const Series& a, const Series& b) {
  if (b.c[0] == 0) return invalid(a);
  Series s{std::vector<double>(a.c.size(), 0.0), a.valid && b.valid};
  for (size_t i = 0; i < s.c.size(); ++i) {
    double rest = a.c[i];
    for (size_t k = 0; k < i; ++k) rest -= s.c[k] * b.c[i - k];
    s.c[i] = rest / b.c[0];
  }
  return s;
}

// From s' = a' s: i s_i = Σ k a_k s_(i−k).
Series exponential(const Series& a, const Series&) {
  Series s{std::vector<double>(a.c.size(), 0.0), a.valid};
  s.c[0] = std::exp(a.c[0]);
  for (size_t i = 1; i < s.c.size(); ++i) {
    for (size_t k = 1; k <= i; ++k) s.c[i] += double(k) * a.c[k] * s.c[i - k];
    s.c[i] /= double(i);
  }
  return s;
}

// From a s' = a'.
Series logarithm(const Series& a, const Series&) {
  if (!(a.c[0] > 0)) return invalid(a);
  Series s{std::vector<double>(a.c.size(), 0.0), a.valid};
  s.c[0] = std::log(a.c[0]);
  for (size_t i = 1; i < s.c.size(); ++i) {
    double rest = double(i) * a.c[i];
    for (size_t k = 1; k < i; ++k) rest -= double(k) * s.c[k] * a.c[i - k];
    s.c[i] = rest / (double(i) * a.c[0]);
  }
  return s;
}

// A constant exponent: from a s' = b a' s; else e^(b ln a).
Series power(const Series& a, const Series& b) {
  const bool constantExponent = std::all_of(b.c.begin() + 1, b.c.end(), [](double x) { return x == 0; });
  if (!constantExponent) return exponential(multiply(b, logarithm(a, a)), a);
  const double e = b.c[0];
  if (e == std::floor(e) && e >= 0 && e <= 64) {
    Series s = constant(1, a.c.size());
    s.valid = a.valid && b.valid;
    for (int i = 0; i < int(e); ++i) s = multiply(s, a);
    return s;
  }
  if (a.c[0] == 0 || (a.c[0] < 0 && e != std::floor(e))) return invalid(a);
  Series s{std::vector<double>(a.c.size(), 0.0), a.valid && b.valid};
  s.c[0] = std::pow(a.c[0], e);
  for (size_t i = 1; i < s.c.size(); ++i) {
    for (size_t k = 1; k <= i; ++k) s.c[i] += (e * double(k) - double(i - k)) * a.c[k] * s.c[i - k];
    s.c[i] /= double(i) * a.c[0];
  }
  return s;
}

Series square(const Series& a, const Series&) { return multiply(a, a); }
Series squareRoot(const Series& a, const Series&) { return power(a, constant(0.5, a.c.size())); }
Series log1pSeries(const Series& a, const Series& b) { return logarithm(add(constant(1, a.c.size()), a), b); }
Series expm1Series(const Series& a, const Series& b) { return subtract(exponential(a, b), constant(1, a.c.size())); }

// 1 − 2 / (e^(2a) + 1)
Series tanhSeries(const Series& a, const Series&) {
  const Series one = constant(1, a.c.size());
  return subtract(one, divide(constant(2, a.c.size()), add(exponential(add(a, a), a), one)));
}

Series absolute(const Series& a, const Series&) {
  if (a.c[0] == 0) return invalid(a);
  return a.c[0] > 0 ? a : negate(a, a);
}

Series chosen(const Series& a, const Series& b, bool first) {
  if (a.c[0] == b.c[0]) return invalid(a);
  Series s = first ? a : b;
  s.valid = a.valid && b.valid;
  return s;
}
Series least(const Series& a, const Series& b) { return chosen(a, b, a.c[0] < b.c[0]); }
Series greatest(const Series& a, const Series& b) { return chosen(a, b, a.c[0] > b.c[0]); }

using std::min, std::max;

const std::vector<Operation>& operators() {
  static const std::vector<Operation> table = {
      {"+", 2, [](double a, double b) { return a + b; }, add, "($1 + $2)"},
      {"-", 2, [](double a, double b) { return a - b; }, subtract, "($1 - $2)"},
      {"*", 2, [](double a, double b) { return a * b; }, multiply, "($1 * $2)"},
      {"/", 2, [](double a, double b) { return a / b; }, divide, "($1 / $2)"},
      {"^", 2, [](double a, double b) { return std::pow(a, b); }, power, "userPow($1, $2)"},
      {"square", 1, [](double a, double) { return a * a; }, square, "userSquare($1)"},
      {"neg", 1, [](double a, double) { return -a; }, negate, "(-$1)"},
  };
  return table;
}

}  // namespace

const std::vector<Operation>& functionTable() {
  static const std::vector<Operation> table = {
      {"abs", 1, [](double a, double) { return std::abs(a); }, absolute, "abs($1)"},
      {"exp", 1, [](double a, double) { return std::exp(a); }, exponential, "expAny($1)"},
      {"expm1", 1, [](double a, double) { return std::expm1(a); }, expm1Series, "userExpm1($1)"},
      {"log", 1, [](double a, double) { return std::log(a); }, logarithm, "userLog($1)"},
      {"log1p", 1, [](double a, double) { return std::log1p(a); }, log1pSeries, "userLog1p($1)"},
      {"max", 2, [](double a, double b) { return max(a, b); }, greatest, "max($1, $2)"},
      {"min", 2, [](double a, double b) { return min(a, b); }, least, "min($1, $2)"},
      {"pow", 2, [](double a, double b) { return std::pow(a, b); }, power, "userPow($1, $2)"},
      {"sqrt", 1, [](double a, double) { return std::sqrt(a); }, squareRoot, "sqrt($1)"},
      {"tanh", 1, [](double a, double) { return std::tanh(a); }, tanhSeries, "tanh($1)"},
  };
  return table;
}

const Operation* findOperation(std::string_view name) {
  for (const auto* table : {&operators(), &functionTable()})
    for (const Operation& row : *table)
      if (row.name == name) return &row;
  return nullptr;
}

}  // namespace divlens
