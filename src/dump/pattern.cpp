#include "dump/pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "dump/escape.h"
#include "error.h"

namespace divlens {
namespace {

// Names of a megabyte are no names of layers, and would make the search slow.
constexpr size_t kLongestName = 4096;
constexpr size_t kMostVariables = 8;

size_t digitsAt(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
  return end - at;
}

std::string replaced(std::string text, std::string_view by) {
  const size_t mark = text.find('#');
  return mark == std::string::npos ? text : text.replace(mark, 1, by);
}

}  // namespace

struct NamePattern::Search {
  std::string_view name;
  std::vector<PatternValue> values;
  std::vector<bool> set;
};

std::optional<double> wholeNumber(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789.-") != std::string_view::npos) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void NamePattern::addLiteral(std::string text) {
  if (!text.empty()) pieces_.push_back({std::move(text), -1, {}});
}

void NamePattern::addVariable(std::string_view body, std::string_view option) {
  const size_t colon = body.find(':');
  const std::string name(body.substr(0, colon));
  if (name.empty()) {
    throw Error(Exit::Usage,
                fmt::format("{} '{}': a variable in braces needs a name: {{layer}}", option, escaped(text_)));
  }
  const auto found = std::find(variables_.begin(), variables_.end(), name);
  Piece piece{"", static_cast<int>(found - variables_.begin()), {}};
  if (found == variables_.end()) variables_.push_back(name);
  std::string_view rest = colon == std::string_view::npos ? std::string_view() : body.substr(colon + 1);
  for (bool more = colon != std::string_view::npos; more;) {
    const size_t comma = rest.find(',');
    more = comma != std::string_view::npos;
    const std::string_view part = rest.substr(0, comma);
    rest.remove_prefix(more ? comma + 1 : rest.size());
    const size_t equals = part.find('=');
    Alternative alternative{std::string(part.substr(0, equals)), "", false};
    alternative.label = equals == std::string_view::npos ? alternative.text : std::string(part.substr(equals + 1));
    alternative.number = alternative.text.find('#') != std::string::npos;
    piece.alternatives.push_back(std::move(alternative));
  }
  pieces_.push_back(std::move(piece));
}

NamePattern NamePattern::parse(const std::string& text, std::string_view option) {
  NamePattern pattern;
  pattern.text_ = text;
  for (size_t at = 0; at < text.size();) {
    const size_t open = std::min(text.find('{', at), text.size());
    pattern.addLiteral(text.substr(at, open - at));
    if (open == text.size()) break;
    const size_t close = text.find_first_of("{}", open + 1);
    if (close == std::string::npos || text[close] != '}') {
      throw Error(Exit::Usage,
                  fmt::format("{} '{}': the brace at character {} is not closed", option, escaped(text), open + 1));
    }
    pattern.addVariable(std::string_view(text).substr(open + 1, close - open - 1), option);
    at = close + 1;
  }
  if (pattern.variables_.empty() || pattern.variables_.size() > kMostVariables) {
    throw Error(Exit::Usage, fmt::format("{} '{}': it needs between 1 and {} variables in braces, such as {{layer}}",
                                         option, escaped(text), kMostVariables));
  }
  return pattern;
}

bool NamePattern::matchAlternative(Search& search, size_t piece, size_t at, size_t index) const {
  const Alternative& alternative = pieces_[piece].alternatives[index];
  const auto variable = static_cast<size_t>(pieces_[piece].variable);
  std::string text = alternative.text, label = alternative.label;
  std::vector<double> rank = {static_cast<double>(index)};
  if (alternative.number) {
    const size_t before = text.find('#');
    if (search.name.substr(at, before) != std::string_view(text).substr(0, before)) return false;
    const size_t digits = digitsAt(search.name, at + before);
    if (digits == 0) return false;
    const std::string number(search.name.substr(at + before, digits));
    text = replaced(text, number);
    label = replaced(label, number);
    rank.push_back(wholeNumber(number).value_or(0));
  }
  if (search.name.substr(at, text.size()) != text) return false;
  const PatternValue kept = search.values[variable];
  PatternValue& value = search.values[variable];
  value.label += label;
  value.listed = true;
  value.rank.insert(value.rank.end(), rank.begin(), rank.end());
  if (matchFrom(search, piece + 1, at + text.size())) return true;
  value = kept;
  return false;
}

bool NamePattern::matchFree(Search& search, size_t piece, size_t at) const {
  const auto variable = static_cast<size_t>(pieces_[piece].variable);
  const PatternValue kept = search.values[variable];
  for (size_t end = at + 1; end <= search.name.size(); ++end) {
    if (search.name[end - 1] == '/') break;
    const std::string text(search.name.substr(at, end - at));
    // A dot only as the point of a number: `{layer}` must not swallow "0.mlp".
    const std::optional<double> number = wholeNumber(text);
    if (text.back() == '.' && wholeNumber(text + "0")) continue;
    if (text.find('.') != std::string::npos && !number) break;
    PatternValue& value = search.values[variable];
    value.label += text;
    if (number) value.rank.push_back(*number);
    if (matchFrom(search, piece + 1, end)) return true;
    value = kept;
  }
  return false;
}

bool NamePattern::matchFrom(Search& search, size_t piece, size_t at) const {
  if (piece == pieces_.size()) return at == search.name.size();
  const Piece& now = pieces_[piece];
  if (now.variable < 0) {
    return search.name.substr(at, now.literal.size()) == now.literal &&
           matchFrom(search, piece + 1, at + now.literal.size());
  }
  if (now.alternatives.empty()) return matchFree(search, piece, at);
  for (size_t i = 0; i < now.alternatives.size(); ++i) {
    if (matchAlternative(search, piece, at, i)) return true;
  }
  return false;
}

std::optional<std::vector<PatternValue>> NamePattern::match(std::string_view name) const {
  if (name.size() > kLongestName) return std::nullopt;
  Search search{name, std::vector<PatternValue>(variables_.size()), {}};
  if (!matchFrom(search, 0, 0)) return std::nullopt;
  return search.values;
}

std::vector<std::string> NamePattern::alternatives(size_t variable) const {
  std::vector<std::string> out;
  size_t times = 0;
  for (const Piece& piece : pieces_) {
    if (piece.variable != static_cast<int>(variable)) continue;
    ++times;
    for (const Alternative& alternative : piece.alternatives) {
      if (!alternative.number) out.push_back(alternative.label);
    }
  }
  return times == 1 ? out : std::vector<std::string>();
}

std::string NamePattern::sample() const {
  std::string out;
  for (const Piece& piece : pieces_) {
    if (piece.variable < 0) {
      out += piece.literal;
    } else {
      out += piece.alternatives.empty() ? "0" : replaced(piece.alternatives.front().text, "0");
    }
  }
  return out;
}

std::string NamePattern::literal() const {
  std::string out;
  for (const Piece& piece : pieces_) {
    std::string text = piece.literal;
    const bool dots = !out.empty() && out.back() == '.';
    if (dots && text.starts_with('.')) text.erase(0, 1);
    out += text;
  }
  const size_t first = out.find_first_not_of("._-/"), last = out.find_last_not_of("._-/");
  return first == std::string::npos ? "stack" : out.substr(first, last - first + 1);
}

}  // namespace divlens
