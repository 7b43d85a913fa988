// Recursive descent over the arithmetic part of GLSL.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "divergence/term_nodes.h"
#include "dump/escape.h"
#include "error.h"
#include "suggest.h"

namespace divlens {
namespace {

using Node = TermProgram::Node;
using Statement = TermProgram::Statement;

constexpr size_t kLongest = 65536;
constexpr int kDeepest = 100;
constexpr const char* kSignature = "float term(float p, float q, float lnP, float lnQ, float d)";

TermNode node(Node made) { return std::make_shared<const Node>(std::move(made)); }

struct Token {
  enum class Kind { Name, Number, Sign, End } kind = Kind::End;
  std::string text;
  double number = 0;
  size_t at = 0;
};

class Parser {
 public:
  Parser(std::string_view text, const std::string& name) : text_(text), name_(name) {
    if (text.size() > kLongest) fail(0, fmt::format("it is longer than {} bytes", kLongest));
    next();
  }

  ParsedTerm parse() {
    header();
    ParsedTerm out{block(), 0};
    if (token_.kind != Token::Kind::End) failHere("nothing may follow the function");
    if (std::none_of(out.body.begin(), out.body.end(), [](const TermStatement& s) { return s->returns(); }))
      fail(last_, "the function can end without a return");
    out.variables = variables_;
    return out;
  }

 private:
  [[noreturn]] void fail(size_t at, const std::string& what) const {
    at = std::min(at, text_.size());
    const size_t newline = text_.substr(0, at).rfind('\n');
    const size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
    const auto line = 1 + std::count(text_.begin(), text_.begin() + std::ptrdiff_t(at), '\n');
    const std::string_view shown = text_.substr(begin, text_.find('\n', at) - begin);
    throw Error(Exit::Usage, fmt::format("--metric @{}: line {}, column {}: {}\n  {}\n  {}^", escapedPath(name_), line,
                                         at - begin + 1, what, escaped(shown, 200), std::string(at - begin, ' ')));
  }
  [[noreturn]] void failHere(const std::string& what) const { fail(token_.at, what); }

  void skipSpace() {
    while (at_ < text_.size()) {
      const std::string_view rest = text_.substr(at_);
      if (std::isspace(static_cast<unsigned char>(rest[0]))) {
        ++at_;
      } else if (rest.starts_with("//")) {
        at_ = std::min(text_.size(), text_.find('\n', at_));
      } else if (rest.starts_with("/*")) {
        const size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) fail(at_, "the comment has no end");
        at_ = end + 2;
      } else {
        return;
      }
    }
  }

  void next() {
    last_ = at_;
    skipSpace();
    token_ = {Token::Kind::End, "", 0, at_};
    if (at_ >= text_.size()) return;
    const char c = text_[at_];
    const auto letter = [](char l) { return std::isalpha(static_cast<unsigned char>(l)) || l == '_'; };
    const auto digit = [](char l) { return l >= '0' && l <= '9'; };
    if (letter(c)) {
      while (at_ < text_.size() && (letter(text_[at_]) || digit(text_[at_]))) token_.text += text_[at_++];
      token_.kind = Token::Kind::Name;
    } else if (digit(c) || c == '.') {
      const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), token_.number);
      if (error != std::errc() || !std::isfinite(token_.number)) fail(at_, "this is no number");
      at_ = size_t(end - text_.data());
      if (at_ < text_.size() && (text_[at_] == 'f' || text_[at_] == 'F')) ++at_;
      token_.kind = Token::Kind::Number;
    } else {
      sign();
    }
  }

  void sign() {
    if (text_[at_] == '#') fail(at_, "'#' is no arithmetic: a term has no directives");
    token_.kind = Token::Kind::Sign;
    for (const char* two : {"<=", ">=", "==", "!=", "&&", "||"})
      if (text_.substr(at_).starts_with(two)) token_.text = two;
    if (token_.text.empty()) token_.text = text_[at_];
    if (std::string_view("+-*/<>!?:=(){},;").find(token_.text[0]) == std::string_view::npos && token_.text != "&&" &&
        token_.text != "||")
      fail(at_, fmt::format("'{}' is no arithmetic", escaped(token_.text)));
    at_ += token_.text.size();
  }

  bool is(std::string_view text) const { return token_.kind != Token::Kind::Number && token_.text == text; }
  bool take(std::string_view text) {
    if (!is(text)) return false;
    next();
    return true;
  }
  void want(std::string_view text) {
    if (!take(text)) failHere(fmt::format("'{}' is expected", text));
  }
  void want(std::string_view text, const char* why) {
    if (!take(text)) failHere(why);
  }

  size_t declare() {
    if (token_.kind != Token::Kind::Name) failHere("a name is expected");
    if (findFunction(token_.text) != nullptr || variable(token_.text))
      failHere(fmt::format("'{}' has a meaning already", token_.text));
    names_.emplace_back(token_.text, variables_);
    next();
    return variables_++;
  }

  std::optional<size_t> variable(std::string_view name) const {
    for (const auto& [known, index] : names_)
      if (known == name) return index;
    return std::nullopt;
  }

  static const Operation* findFunction(std::string_view name) {
    for (const Operation& row : functionTable())
      if (row.name == name) return &row;
    return nullptr;
  }

  void header() {
    const std::string why = fmt::format("the file holds one function: {} {{ … }}", kSignature);
    want("float", why.c_str());
    want("term", why.c_str());
    want("(", why.c_str());
    for (size_t i = 0; i < TermProgram::kArguments; ++i) {
      if (i > 0) want(",", why.c_str());
      want("float", why.c_str());
      declare();
    }
    want(")", why.c_str());
  }

  std::vector<TermStatement> block() {
    want("{");
    const std::vector<std::pair<std::string, size_t>> outer = names_;
    std::vector<TermStatement> out;
    while (!is("}")) {
      if (token_.kind == Token::Kind::End) failHere("a '}' is missing");
      if (!out.empty() && out.back()->returns()) failHere("nothing is reached behind the return");
      out.push_back(statement());
    }
    next();
    names_ = outer;
    return out;
  }

  TermStatement statement() {
    if (++depth_ > kDeepest) failHere("it nests too deep");
    Statement out;
    if (is("{")) {
      out.then = block();
    } else if (take("if")) {
      out.kind = Statement::Kind::If;
      want("(");
      out.value = condition();
      want(")");
      out.then = {statement()};
      if (take("else")) out.otherwise = {statement()};
    } else if (take("return")) {
      out.kind = Statement::Kind::Return;
      out.value = value();
      want(";");
    } else {
      out = assignment();
    }
    --depth_;
    return std::make_shared<const Statement>(std::move(out));
  }

  Statement assignment() {
    Statement out;
    out.kind = Statement::Kind::Assign;
    take("const");
    out.declares = take("float");
    if (out.declares) {
      const Token name = token_;
      if (findFunction(name.text) != nullptr || variable(name.text) || name.kind != Token::Kind::Name)
        failHere(name.kind == Token::Kind::Name ? fmt::format("'{}' has a meaning already", name.text)
                                                : "a name is expected");
      next();
      want("=");
      out.value = value();
      names_.emplace_back(name.text, variables_);
      out.variable = variables_++;
    } else {
      if (token_.kind != Token::Kind::Name) failHere("a statement is expected");
      const std::optional<size_t> found = variable(token_.text);
      if (!found) unknown();
      out.variable = *found;
      next();
      want("=");
      out.value = value();
    }
    want(";");
    return out;
  }

  [[noreturn]] void unknown() const {
    std::vector<std::string> known = {"float", "if", "else", "return"};
    for (const auto& [name, index] : names_) known.push_back(name);
    for (const Operation& row : functionTable()) known.emplace_back(row.name);
    const std::string guess = didYouMean(token_.text, known);
    failHere(
        fmt::format("'{}' is not known here{} there are: {}", token_.text, guess.empty() ? ";" : guess, listed(known)));
  }

  TermNode value() {
    const size_t at = token_.at;
    TermNode out = choice();
    if (out->boolean()) fail(at, "a number is expected, and this is true or false");
    return out;
  }
  TermNode condition() {
    const size_t at = token_.at;
    TermNode out = choice();
    if (!out->boolean()) fail(at, "a comparison is expected, and this is a number");
    return out;
  }

  static void mustBe(const Parser& parser, const TermNode& operand, bool boolean, size_t at) {
    if (operand->boolean() != boolean)
      parser.fail(at, boolean ? "a comparison is expected on both sides" : "a number is expected on both sides");
  }

  TermNode choice() {
    if (++depth_ > kDeepest) failHere("it nests too deep");
    const size_t at = token_.at;
    TermNode out = either();
    if (take("?")) {
      mustBe(*this, out, true, at);
      Node made{.kind = Node::Kind::Choose, .compare = {}, .arguments = {out}};
      made.arguments.push_back(value());
      want(":");
      made.arguments.push_back(value());
      out = node(std::move(made));
    }
    --depth_;
    return out;
  }

  /// left { SIGN right } for the signs of one level.
  template <typename Next, typename Make>
  TermNode chain(std::initializer_list<const char*> signs, bool boolean, Next next, Make make) {
    size_t at = token_.at;
    TermNode left = next();
    for (;;) {
      const auto sign = std::find_if(signs.begin(), signs.end(), [&](const char* s) { return is(s); });
      if (sign == signs.end()) return left;
      mustBe(*this, left, boolean, at);
      this->next();
      at = token_.at;
      TermNode right = next();
      mustBe(*this, right, boolean, at);
      left = make(*sign, std::move(left), std::move(right));
    }
  }

  static TermNode operation(const char* name, std::vector<TermNode> arguments) {
    return node(
        {.kind = Node::Kind::Call, .operation = findOperation(name), .compare = {}, .arguments = std::move(arguments)});
  }

  TermNode either() {
    return chain(
        {"||"}, true, [&] { return both(); },
        [](const char*, TermNode a, TermNode b) {
          return node({.kind = Node::Kind::Or, .compare = {}, .arguments = {a, b}});
        });
  }
  TermNode both() {
    return chain(
        {"&&"}, true, [&] { return comparison(); },
        [](const char*, TermNode a, TermNode b) {
          return node({.kind = Node::Kind::And, .compare = {}, .arguments = {a, b}});
        });
  }
  TermNode comparison() {
    return chain(
        {"<=", ">=", "==", "!=", "<", ">"}, false, [&] { return sum(); },
        [](const char* sign, TermNode a, TermNode b) {
          return node({.kind = Node::Kind::Compare, .compare = sign, .arguments = {a, b}});
        });
  }
  TermNode sum() {
    return chain(
        {"+", "-"}, false, [&] { return product(); },
        [](const char* sign, TermNode a, TermNode b) { return operation(sign, {std::move(a), std::move(b)}); });
  }
  TermNode product() {
    return chain(
        {"*", "/"}, false, [&] { return unary(); },
        [](const char* sign, TermNode a, TermNode b) { return operation(sign, {std::move(a), std::move(b)}); });
  }

  TermNode unary() {
    if (++depth_ > kDeepest) failHere("it nests too deep");
    const size_t at = token_.at;
    TermNode out;
    if (take("-")) {
      out = unary();
      mustBe(*this, out, false, at);
      out = operation("neg", {out});
    } else if (take("+")) {
      out = unary();
    } else if (take("!")) {
      out = unary();
      mustBe(*this, out, true, at);
      out = node({.kind = Node::Kind::Not, .compare = {}, .arguments = {out}});
    } else {
      out = atom();
    }
    --depth_;
    return out;
  }

  TermNode atom() {
    if (take("(")) {
      TermNode inner = choice();
      want(")");
      return inner;
    }
    if (token_.kind == Token::Kind::Number) {
      const double number = token_.number;
      next();
      return node({.kind = Node::Kind::Number, .number = number, .compare = {}, .arguments = {}});
    }
    if (token_.kind != Token::Kind::Name) failHere("a value is expected");
    if (const std::optional<size_t> found = variable(token_.text)) {
      next();
      return node({.kind = Node::Kind::Variable, .variable = *found, .compare = {}, .arguments = {}});
    }
    const Operation* function = findFunction(token_.text);
    if (function == nullptr) unknown();
    const size_t at = token_.at;
    next();
    want("(");
    std::vector<TermNode> arguments = {value()};
    while (take(",")) arguments.push_back(value());
    want(")");
    if (arguments.size() != function->arguments)
      fail(at, fmt::format("'{}' takes {} argument{}", function->name, function->arguments,
                           function->arguments == 1 ? "" : "s"));
    return operation(function->name, std::move(arguments));
  }

  std::string_view text_;
  const std::string& name_;
  size_t at_ = 0, last_ = 0;
  Token token_;
  std::vector<std::pair<std::string, size_t>> names_;  ///< variables in sight
  size_t variables_ = 0;
  int depth_ = 0;
};

}  // namespace

ParsedTerm parseTerm(std::string_view text, const std::string& name) { return Parser(text, name).parse(); }

}  // namespace divlens
