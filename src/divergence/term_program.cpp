#include "divergence/term_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "divergence/term_nodes.h"

namespace divlens {
namespace {

using Node = TermProgram::Node;
using Statement = TermProgram::Statement;
using Kind = Node::Kind;

bool compared(const std::string& sign, double a, double b) {
  if (sign == "<") return a < b;
  if (sign == "<=") return a <= b;
  if (sign == ">") return a > b;
  if (sign == ">=") return a >= b;
  return (a == b) == (sign == "==");
}

double valueOf(const Node& node, const std::vector<double>& variables) {
  const auto argument = [&](size_t i) { return valueOf(*node.arguments.at(i), variables); };
  switch (node.kind) {
    case Kind::Number:
      return node.number;
    case Kind::Variable:
      return variables.at(node.variable);
    case Kind::Call:
      return node.operation->value(argument(0), node.arguments.size() > 1 ? argument(1) : 0);
    case Kind::Compare:
      return compared(node.compare, argument(0), argument(1)) ? 1 : 0;
    case Kind::And:
      return argument(0) != 0 && argument(1) != 0 ? 1 : 0;
    case Kind::Or:
      return argument(0) != 0 || argument(1) != 0 ? 1 : 0;
    case Kind::Not:
      return argument(0) != 0 ? 0 : 1;
    case Kind::Choose:
      break;
  }
  return argument(argument(0) != 0 ? 1 : 2);
}

std::optional<double> run(const std::vector<TermStatement>& body, std::vector<double>& variables) {
  for (const TermStatement& statement : body) {
    const Statement& s = *statement;
    std::optional<double> returned;
    if (s.kind == Statement::Kind::Return) return valueOf(*s.value, variables);
    if (s.kind == Statement::Kind::Assign) variables.at(s.variable) = valueOf(*s.value, variables);
    if (s.kind == Statement::Kind::Block) returned = run(s.then, variables);
    if (s.kind == Statement::Kind::If)
      returned = run(valueOf(*s.value, variables) != 0 ? s.then : s.otherwise, variables);
    if (returned) return returned;
  }
  return std::nullopt;
}

std::string glslOf(const Node& node) {
  const auto argument = [&](size_t i) { return glslOf(*node.arguments.at(i)); };
  switch (node.kind) {
    case Kind::Number:
      return fmt::format("{:.9e}", node.number);
    case Kind::Variable:
      return fmt::format("v{}", node.variable);
    case Kind::Compare:
      return fmt::format("({} {} {})", argument(0), node.compare, argument(1));
    case Kind::And:
      return fmt::format("({} && {})", argument(0), argument(1));
    case Kind::Or:
      return fmt::format("({} || {})", argument(0), argument(1));
    case Kind::Not:
      return fmt::format("(!{})", argument(0));
    case Kind::Choose:
      return fmt::format("({} ? {} : {})", argument(0), argument(1), argument(2));
    case Kind::Call:
      break;
  }
  std::string out;
  for (const char* c = node.operation->glsl; *c != '\0'; ++c) {
    if (*c == '$')
      out += argument(size_t(*++c - '1'));
    else
      out += *c;
  }
  return out;
}

std::string glslOf(const std::vector<TermStatement>& body) {
  std::string out;
  for (const TermStatement& statement : body) {
    const Statement& s = *statement;
    if (s.kind == Statement::Kind::Return) out += fmt::format("return {};\n", glslOf(*s.value));
    if (s.kind == Statement::Kind::Assign) out += fmt::format("v{} = {};\n", s.variable, glslOf(*s.value));
    if (s.kind == Statement::Kind::Block) out += glslOf(s.then);
    if (s.kind == Statement::Kind::If)
      out += fmt::format("if ({}) {{\n{}}} else {{\n{}}}\n", glslOf(*s.value), glslOf(s.then), glslOf(s.otherwise));
  }
  return out;
}

}  // namespace

bool TermProgram::Statement::returns() const {
  const auto any = [](const std::vector<TermStatement>& body) {
    return std::any_of(body.begin(), body.end(), [](const TermStatement& s) { return s->returns(); });
  };
  if (kind == Kind::Return) return true;
  return kind == Kind::If ? any(then) && any(otherwise) : kind == Kind::Block && any(then);
}

TermProgram::TermProgram(std::string_view text, const std::string& name) {
  ParsedTerm parsed = parseTerm(text, name);
  body_ = std::move(parsed.body);
  variables_ = parsed.variables;
}

double TermProgram::at(const std::vector<double>& arguments) const {
  std::vector<double> variables(arguments);
  variables.resize(variables_);
  return run(body_, variables).value_or(std::numeric_limits<double>::quiet_NaN());
}

std::string TermProgram::glsl() const {
  std::string out = "float userProgram(float v0, float v1, float v2, float v3, float v4) {\n";
  for (size_t i = kArguments; i < variables_; ++i) out += fmt::format("float v{} = 0.0;\n", i);
  return out + glslOf(body_) + "return 0.0;\n}\n";
}

}  // namespace divlens
