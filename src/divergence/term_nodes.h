#pragma once
#include <optional>

#include "divergence/expression_nodes.h"
#include "divergence/term_program.h"

namespace divlens {

using TermNode = std::shared_ptr<const TermProgram::Node>;
using TermStatement = std::shared_ptr<const TermProgram::Statement>;

/// An expression: a number, a variable, a function or an operator; comparisons and logic are booleans.
struct TermProgram::Node {
  enum class Kind { Number, Variable, Call, Compare, And, Or, Not, Choose } kind = Kind::Number;
  double number = 0;
  size_t variable = 0;
  const Operation* operation = nullptr;  ///< Call
  std::string compare;                   ///< Compare: "<", "<=", ">", ">=", "==", "!="
  std::vector<TermNode> arguments;
  bool boolean() const { return kind >= Kind::Compare && kind <= Kind::Not; }
};

struct TermProgram::Statement {
  enum class Kind { Assign, Return, If, Block } kind = Kind::Block;
  size_t variable = 0;
  bool declares = false;  ///< Assign
  TermNode value;         ///< assigned, returned, or the condition
  std::vector<TermStatement> then, otherwise;
  /// True where every way through it returns.
  bool returns() const;
};

/// A statement list that a parser has understood.
struct ParsedTerm {
  std::vector<TermStatement> body;
  size_t variables = 0;
};
ParsedTerm parseTerm(std::string_view text, const std::string& name);

}  // namespace divlens
