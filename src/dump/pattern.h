#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace divlens {

/// What a name says about one variable: the label on its axis, and where that stands among the others.
struct PatternValue {
  std::string label;
  bool listed = false;       ///< one of the alternatives that the pattern lists; else free text
  std::vector<double> rank;  ///< positions of the alternatives, numbers as numbers; empty for free text
};

/// A pattern of names: literal text and variables. `{layer}` stands for any text without dots and slashes,
/// `{component:q,k=keys}` for one of the alternatives (`=` gives another label), `#` in them for any number. A variable
/// that comes twice joins its labels.
class NamePattern {
 public:
  /// Error(Usage) naming `option` where braces do not pair, a variable has no name or there is none at all.
  static NamePattern parse(const std::string& text, std::string_view option);
  const std::string& text() const { return text_; }
  const std::vector<std::string>& variables() const { return variables_; }
  /// A value for each variable, or nothing where the whole name does not fit.
  std::optional<std::vector<PatternValue>> match(std::string_view name) const;
  /// Labels of alternatives of a variable that comes once, in order; empty where it is free.
  std::vector<std::string> alternatives(size_t variable) const;
  /// A name that would fit, with 0 for what is free: what near misses are compared with.
  std::string sample() const;
  /// The literal text alone, for a name of the whole: "blocks.hook_resid_post".
  std::string literal() const;

 private:
  struct Alternative {
    std::string text, label;
    bool number = false;  ///< `text` and `label` have a '#'
  };
  struct Piece {
    std::string literal;  ///< where variable is -1
    int variable = -1;
    std::vector<Alternative> alternatives;  ///< empty: free
  };
  struct Search;

  void addLiteral(std::string text);
  void addVariable(std::string_view body, std::string_view option);
  bool matchFrom(Search& search, size_t piece, size_t at) const;
  bool matchAlternative(Search& search, size_t piece, size_t at, size_t alternative) const;
  bool matchFree(Search& search, size_t piece, size_t at) const;

  std::string text_;
  std::vector<std::string> variables_;
  std::vector<Piece> pieces_;
};

/// A number if all of `text` is one: digits, a sign, a decimal point.
std::optional<double> wholeNumber(std::string_view text);

}  // namespace divlens
