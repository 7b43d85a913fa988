#pragma once
#include <memory>
#include <string>
#include <vector>

#include "divergence/expression.h"

namespace divlens {

/// A truncated power series in u = t − 1; invalid where the function has none.
struct Series {
  std::vector<double> c;
  bool valid = true;
};

/// One function or operator of expressions: everything that differs between them. `glsl` has $1 and $2 for arguments.
struct Operation {
  const char* name;
  size_t arguments;
  double (*value)(double a, double b);
  Series (*series)(const Series& a, const Series& b);
  const char* glsl;
};
/// By name: "+" … "^", "neg" and the functions; null where there is none.
const Operation* findOperation(std::string_view name);
/// The functions that may be called by name, in alphabetical order.
const std::vector<Operation>& functionTable();

struct Expression::Node {
  enum class Kind { Number, T, U, LogT, Call } kind = Kind::Number;
  double number = 0;
  const Operation* operation = nullptr;
  std::vector<std::shared_ptr<const Node>> arguments;
};

}  // namespace divlens
