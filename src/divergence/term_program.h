#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace divlens {

/// The term function of --metric @FILE.glsl: float term(float p, float q, float lnP, float lnQ, float d) { … } in the
/// arithmetic part of GLSL: float variables, assignments, if and else, ?:, comparisons, the functions of
/// functionNames(), return. There are no loops, no other functions, nothing but arithmetic.
class TermProgram {
 public:
  /// Error(Usage) that names line and column and shows the line; `name` stands before them.
  TermProgram(std::string_view text, const std::string& name);
  /// In double precision; `arguments` in the order of the function's.
  double at(const std::vector<double>& arguments) const;
  /// The function in GLSL, float userProgram(float, float, float, float, float), over the helpers of UserMetric.
  std::string glsl() const;

  static constexpr size_t kArguments = 5;
  struct Node;
  struct Statement;

 private:
  std::vector<std::shared_ptr<const Statement>> body_;
  size_t variables_ = 0;
};

}  // namespace divlens
