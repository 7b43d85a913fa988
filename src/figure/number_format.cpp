#include "figure/number_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "dump/escape.h"
#include "error.h"

namespace divlens {
namespace {

constexpr int kMost = 200;        // characters of width and precision: no label is longer
constexpr size_t kBuffer = 1024;  // a double has 309 digits before its point
constexpr std::string_view kDigits = "0123456789";

/// A spec, read from its front.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}
  bool done() const { return rest_.empty(); }
  /// The next character where it is one of those, else 0.
  char take(std::string_view any) {
    const char c = peek(0, any);
    if (c != 0) rest_.remove_prefix(1);
    return c;
  }
  /// The character so many bytes ahead where it is one of those, else 0.
  char peek(size_t ahead, std::string_view any) const {
    return ahead < rest_.size() && any.find(rest_[ahead]) != any.npos ? rest_[ahead] : '\0';
  }
  /// A whole number; none where no digit stands there, -1 where it is over the limit.
  std::optional<int> number() {
    if (peek(0, kDigits) == 0) return std::nullopt;
    int value = 0;
    const auto read = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    rest_.remove_prefix(static_cast<size_t>(read.ptr - rest_.data()));
    return read.ec == std::errc() && value <= kMost ? value : -1;
  }
  /// A character of UTF-8 before one of those; empty where there is none.
  std::string_view before(std::string_view any) {
    size_t size = 1;
    while (size < rest_.size() && (static_cast<unsigned char>(rest_[size]) & 0xC0) == 0x80) ++size;
    if (peek(size, any) == 0) return {};
    const std::string_view found = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return found;
  }

 private:
  std::string_view rest_;
};

std::string fixed(double value, int places) {
  char text[kBuffer];
  return {text, std::to_chars(text, text + kBuffer, value, std::chars_format::fixed, places).ptr};
}

std::string scientific(double value, int places) {
  char text[kBuffer];
  return {text, std::to_chars(text, text + kBuffer, value, std::chars_format::scientific, places).ptr};
}

// As many digits as tell the number from all others.
template <typename T>
std::string exact(T value) {
  char text[kBuffer];
  return {text, std::to_chars(text, text + kBuffer, value, std::chars_format::scientific).ptr};
}

// Python's types g and none (CPython's format_float_short) of a number in scientific notation: an exponent only where
// the point stands far off. Type none has a digit after the point.
std::string shortest(const std::string& text, std::optional<int> precision, bool none, bool alternate) {
  const int most = std::max(1, precision.value_or(0));
  const size_t e = text.find('e');
  int exponent = 0;
  std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), text.data() + text.size(), exponent);
  std::string digits = text.substr(0, 1) + (e > 2 ? text.substr(2, e - 2) : "");
  while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
  const int limit = !precision ? 16 : none ? most - 1 : most;
  const bool far = exponent < -4 || exponent >= limit;
  const auto pad = [&](int size) { digits.resize(std::max(digits.size(), static_cast<size_t>(size)), '0'); };
  if (alternate && precision) pad(most);
  if (far) {
    digits.insert(1, ".");
    if (digits.size() == 2 && !alternate) digits.pop_back();
    return digits + text.substr(e);
  }
  if (exponent < 0) {
    digits.insert(0, static_cast<size_t>(-exponent), '0');
    return digits.insert(1, ".");
  }
  pad(exponent + (none ? 2 : 1));
  digits.insert(static_cast<size_t>(exponent) + 1, ".");
  if (digits.back() == '.' && !alternate) digits.pop_back();
  return digits;
}

int64_t characters(std::string_view utf8) {
  return std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

bool isWhole(double value) { return std::isfinite(value) && value == std::trunc(value); }

}  // namespace

NumberFormat::NumberFormat(const std::string& spec, const char* option, Of numbers) : numbers_(numbers) {
  Reader in(spec);
  constexpr std::string_view kAligns = "<>=^";
  const std::string_view fill = spec.empty() ? std::string_view() : in.before(kAligns);
  if (!fill.empty()) fill_ = fill;
  const char align = in.take(kAligns);
  if (const char c = in.take("+- ")) sign_ = c;
  positiveZero_ = in.take("z") != 0;
  alternate_ = in.take("#") != 0;
  const bool zeros = fill.empty() && in.take("0") != 0;
  if (zeros) fill_ = "0";
  if (align != 0 || zeros) align_ = align != 0 ? align : '=';
  width_ = in.number().value_or(0);
  separator_ = in.take(",_");
  bool good = true;
  if (in.take(".") != 0) {
    precision_ = in.number();
    good = precision_.has_value();
  }
  type_ = in.take("eEfFgGn%d");
  if (type_ == 'd' && (precision_ || positiveZero_)) good = false;
  if (type_ == 'n' && separator_ != 0) good = false;
  if (good && in.done() && width_ >= 0 && precision_.value_or(0) >= 0) return;
  throw Error(Exit::Usage,
              fmt::format("{} '{}': give a Python format spec without braces: .2f, .1e, .3g, +.2f, 8.3f, "
                          ",.0f or .0%; it is [[fill]align][sign][z][#][0][width][, or _][.precision][type], with one "
                          "of d e E f F g G n % as its type, and numbers up to {}",
                          option, escaped(spec), kMost));
}

bool NumberFormat::writes(double value) const { return type_ != 'd' || isWhole(value); }

std::string NumberFormat::digits(double value, bool single) const {
  const bool upper = type_ == 'E' || type_ == 'F' || type_ == 'G';
  std::string text;
  const double shown = type_ == '%' ? value * 100 : value;
  const int places = precision_.value_or(6);
  const bool label = numbers_ == Of::Labels && !precision_ && isWhole(value);
  if (!std::isfinite(shown)) {
    text = std::isnan(shown) ? "nan" : "∞";
  } else if (type_ == 'd' || (label && (type_ == 0 || type_ == 'n'))) {
    text = fixed(shown, 0);
  } else if (type_ == 'f' || type_ == 'F' || type_ == '%') {
    text = fixed(shown, places);
    if (alternate_ && places == 0) text += '.';
  } else if (type_ == 'e' || type_ == 'E') {
    text = scientific(shown, places);
    if (alternate_ && places == 0) text.insert(1, ".");
  } else {
    const bool all = type_ == 0 && !precision_;
    const std::string found = !all     ? scientific(shown, std::max(1, places) - 1)
                              : single ? exact(static_cast<float>(shown))
                                       : exact(shown);
    text = shortest(found, all ? std::nullopt : std::optional(places), type_ == 0, alternate_);
  }
  if (upper)
    for (char& c : text)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return type_ == '%' ? text + '%' : text;
}

// Groups of three from the right, with zeros in front until there are `least` characters.
std::string NumberFormat::grouped(std::string_view whole, int64_t least) const {
  std::string reversed;
  int64_t room = std::max<int64_t>(least, 1);
  for (size_t i = 0; i < whole.size() || room > 0; ++i) {
    if (i > 0 && i % 3 == 0 && separator_ != 0) reversed += separator_, --room;
    reversed += i < whole.size() ? whole[whole.size() - 1 - i] : '0';
    --room;
  }
  return {reversed.rbegin(), reversed.rend()};
}

std::string NumberFormat::text(double value, bool single) const {
  const std::string text = digits(std::abs(value), single);
  const size_t point = std::min(text.find_first_not_of(kDigits), text.size());
  const bool zero =
      std::isfinite(value) && text.substr(0, text.find_first_of("eE")).find_first_of("123456789") == text.npos;
  const bool minus = std::signbit(value) && !std::isnan(value) && !(positiveZero_ && zero);
  const std::string sign = minus ? "-" : sign_ == '-' ? "" : std::string(1, sign_);
  const int64_t others = static_cast<int64_t>(sign.size()) + characters(std::string_view(text).substr(point));
  std::string whole;
  if (point > 0)
    whole = grouped(std::string_view(text).substr(0, point), fill_ == "0" && align_ == '=' ? width_ - others : 0);
  const int64_t padding = std::max<int64_t>(0, width_ - others - static_cast<int64_t>(whole.size()));
  const int64_t before = align_ == '>' ? padding : align_ == '^' ? padding / 2 : 0;
  const int64_t inside = align_ == '=' ? padding : 0;
  const auto filled = [&](int64_t count) {
    std::string out;
    for (int64_t i = 0; i < count; ++i) out += fill_;
    return out;
  };
  return filled(before) + sign + filled(inside) + whole + text.substr(point) + filled(padding - before - inside);
}

}  // namespace divlens
