#include "divergence/expression.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "divergence/expression_nodes.h"
#include "dump/escape.h"
#include "error.h"
#include "suggest.h"

namespace divlens {
namespace {

using Node = Expression::Node;
using NodePtr = std::shared_ptr<const Node>;

constexpr size_t kLongest = 2000;
constexpr int kDeepest = 100;

NodePtr leaf(Node::Kind kind, double number = 0) {
  Node node;
  node.kind = kind;
  node.number = number;
  return std::make_shared<Node>(std::move(node));
}

bool isOne(const Node& node) { return node.kind == Node::Kind::Number && node.number == 1; }

/// A call; t − 1, 1 − t, log(t) and log1p(t − 1) become what is known exactly.
NodePtr call(std::string_view name, std::vector<NodePtr> arguments) {
  using Kind = Node::Kind;
  if (name == "-" && arguments[0]->kind == Kind::T && isOne(*arguments[1])) return leaf(Kind::U);
  if (name == "-" && isOne(*arguments[0]) && arguments[1]->kind == Kind::T) return call("neg", {leaf(Kind::U)});
  if (name == "log" && arguments[0]->kind == Kind::T) return leaf(Kind::LogT);
  if (name == "log1p" && arguments[0]->kind == Kind::U) return leaf(Kind::LogT);
  const bool squared =
      (name == "^" || name == "pow") && arguments[1]->kind == Kind::Number && arguments[1]->number == 2;
  if (squared) return call("square", {arguments[0]});
  Node node;
  node.kind = Kind::Call;
  node.operation = findOperation(name);
  node.arguments = std::move(arguments);
  return std::make_shared<Node>(std::move(node));
}

/// Recursive descent: sum → product → power → sign → atom; ^ binds to the right and tighter than a sign before it.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {
    if (text.size() > kLongest) fail(kLongest, fmt::format("it is longer than {} characters", kLongest));
  }

  NodePtr parse() {
    NodePtr root = sum();
    skipSpace();
    if (at_ < text_.size()) fail(at_, text_[at_] == ')' ? "a ')' without its '('" : "an operator is expected here");
    return root;
  }

 private:
  [[noreturn]] void fail(size_t at, const std::string& what) const {
    std::string before;
    for (char c : text_.substr(0, at)) before += (c & 0xC0) == 0x80 ? "" : " ";
    throw Error(Exit::Usage, fmt::format("--metric f: {} at column {}\n  {}\n  {}^", what, before.size() + 1,
                                         escaped(text_, kLongest), before));
  }

  void skipSpace() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }

  bool take(char c) {
    skipSpace();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  NodePtr sum() {
    if (++depth_ > kDeepest) fail(at_, "it nests too deep");
    NodePtr left = product();
    for (;;) {
      const bool plus = take('+');
      if (!plus && !take('-')) break;
      left = call(plus ? "+" : "-", {left, product()});
    }
    --depth_;
    return left;
  }

  NodePtr product() {
    NodePtr left = sign();
    for (;;) {
      const bool times = take('*');
      if (!times && !take('/')) return left;
      left = call(times ? "*" : "/", {left, sign()});
    }
  }

  NodePtr sign() {
    if (++depth_ > kDeepest) fail(at_, "it nests too deep");
    NodePtr out = take('-') ? call("neg", {sign()}) : take('+') ? sign() : power();
    --depth_;
    return out;
  }

  NodePtr power() {
    NodePtr base = atom();
    return take('^') ? call("^", {base, sign()}) : base;
  }

  NodePtr atom() {
    skipSpace();
    const size_t start = at_;
    if (at_ >= text_.size()) fail(start, "it ends where a value is expected");
    if (take('(')) {
      NodePtr inner = sum();
      if (!take(')')) fail(at_, "a ')' is missing");
      return inner;
    }
    const char c = text_[at_];
    if ((c >= '0' && c <= '9') || c == '.') return numberAt(start);
    const auto letter = [](char l) { return (l >= 'a' && l <= 'z') || (l >= 'A' && l <= 'Z') || l == '_'; };
    while (at_ < text_.size() && (letter(text_[at_]) || (at_ > start && text_[at_] >= '0' && text_[at_] <= '9'))) ++at_;
    const std::string name(text_.substr(start, at_ - start));
    if (name.empty()) fail(start, "a value is expected");
    return name == "t" ? leaf(Node::Kind::T) : function(name, start);
  }

  NodePtr numberAt(size_t start) {
    double value = 0;
    const auto [end, error] = std::from_chars(text_.data() + start, text_.data() + text_.size(), value);
    if (error != std::errc() || !std::isfinite(value)) fail(start, "this is no number");
    at_ = size_t(end - text_.data());
    return leaf(Node::Kind::Number, value);
  }

  NodePtr function(const std::string& name, size_t start) {
    const Operation* operation = nullptr;
    std::vector<std::string> known = {"t"};
    for (const Operation& row : functionTable()) {
      if (row.name == name) operation = &row;
      known.emplace_back(row.name);
    }
    if (operation == nullptr)
      fail(start, fmt::format("unknown name '{}'{} known: {}", name,
                              didYouMean(name, known).empty() ? ";" : didYouMean(name, known), listed(known)));
    if (!take('(')) fail(at_, fmt::format("'{}' needs its arguments in parentheses", name));
    std::vector<NodePtr> arguments = {sum()};
    while (take(',')) arguments.push_back(sum());
    if (!take(')')) fail(at_, "a ')' is missing");
    if (arguments.size() != operation->arguments)
      fail(start,
           fmt::format("'{}' takes {} argument{}", name, operation->arguments, operation->arguments == 1 ? "" : "s"));
    return call(name, std::move(arguments));
  }

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
};

double valueOf(const Node& node, double t, double u, double l) {
  switch (node.kind) {
    case Node::Kind::Number:
      return node.number;
    case Node::Kind::T:
      return t;
    case Node::Kind::U:
      return u;
    case Node::Kind::LogT:
      return l;
    case Node::Kind::Call:
      break;
  }
  const double a = valueOf(*node.arguments[0], t, u, l);
  return node.operation->value(a, node.arguments.size() > 1 ? valueOf(*node.arguments[1], t, u, l) : 0);
}

Series seriesOf(const Node& node, size_t count) {
  Series leafSeries{std::vector<double>(count, 0.0), true};
  switch (node.kind) {
    case Node::Kind::Number:
      leafSeries.c[0] = node.number;
      return leafSeries;
    case Node::Kind::T:
    case Node::Kind::U:
      leafSeries.c[0] = node.kind == Node::Kind::T ? 1 : 0;
      leafSeries.c[1] = 1;
      return leafSeries;
    case Node::Kind::LogT:
      for (size_t i = 1; i < count; ++i) leafSeries.c[i] = (i % 2 ? 1.0 : -1.0) / double(i);
      return leafSeries;
    case Node::Kind::Call:
      break;
  }
  const Series a = seriesOf(*node.arguments[0], count);
  return node.operation->series(a, node.arguments.size() > 1 ? seriesOf(*node.arguments[1], count) : a);
}

std::string glslOf(const Node& node) {
  switch (node.kind) {
    case Node::Kind::Number:
      return fmt::format("{:.9e}", node.number);
    case Node::Kind::T:
      return "t";
    case Node::Kind::U:
      return "u";
    case Node::Kind::LogT:
      return "l";
    case Node::Kind::Call:
      break;
  }
  std::string out;
  for (const char* c = node.operation->glsl; *c != '\0'; ++c) {
    if (*c == '$')
      out += glslOf(*node.arguments.at(size_t(*++c - '1')));
    else
      out += *c;
  }
  return out;
}

}  // namespace

Expression Expression::parse(std::string_view text) {
  Expression expression;
  expression.root_ = Parser(text).parse();
  return expression;
}

double Expression::at(double t) const { return at(t, t - 1, std::log(t)); }
double Expression::at(double t, double u, double l) const { return valueOf(*root_, t, u, l); }

std::vector<double> Expression::taylor(size_t count) const {
  const Series series = seriesOf(*root_, count);
  for (double c : series.c)
    if (!std::isfinite(c)) return {};
  return series.valid ? series.c : std::vector<double>();
}

std::string Expression::glsl() const { return glslOf(*root_); }

std::string functionNames() {
  std::string out;
  for (const Operation& row : functionTable()) out += (out.empty() ? "" : " ") + std::string(row.name);
  return out;
}

}  // namespace divlens
