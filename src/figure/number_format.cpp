#include "figure/number_format.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <string_view>

#include "dump/escape.h"
#include "error.h"

namespace divlens {
namespace {

// Thousands of the whole part: "1234.5" → "1,234.5".
std::string grouped(const std::string& text) {
  const size_t start = text.find_first_of("0123456789");
  if (start == text.npos) return text;
  const size_t end = std::min(text.find_first_not_of("0123456789", start), text.size());
  std::string out = text.substr(0, start);
  for (size_t i = start; i < end; ++i) {
    if (i > start && (end - i) % 3 == 0) out += ',';
    out += text[i];
  }
  return out + text.substr(end);
}

std::string digits(double value, char type, std::optional<int> precision) {
  const int places = precision.value_or(6);
  switch (type) {
    case 'd':
      return fmt::format("{:.0f}", value);
    case 'e':
      return fmt::format("{:.{}e}", value, places);
    case 'E':
      return fmt::format("{:.{}E}", value, places);
    case 'f':
    case 'F':
      return fmt::format("{:.{}f}", value, places);
    case 'G':
      return fmt::format("{:.{}G}", value, places);
    case '%':
      return fmt::format("{:.{}f}%", value * 100, places);
    default:
      return fmt::format("{:.{}g}", value, places);
  }
}

}  // namespace

NumberFormat::NumberFormat(const std::string& spec, const char* option) {
  std::string_view rest = spec;
  const auto take = [&](std::string_view any) {
    if (rest.empty() || any.find(rest.front()) == any.npos) return '\0';
    const char c = rest.front();
    rest.remove_prefix(1);
    return c;
  };
  if (const char c = take("+- ")) sign_ = c;
  grouped_ = take(",") != 0;
  bool good = true;
  if (take(".")) {
    int places = 0;
    const auto end = std::from_chars(rest.data(), rest.data() + rest.size(), places);
    good = end.ec == std::errc() && rest.front() != '-' && places <= 30;
    if (good) precision_ = places, rest.remove_prefix(static_cast<size_t>(end.ptr - rest.data()));
  }
  if (const char c = take("eEfFgGd%")) type_ = c;
  good = good && rest.empty() && !(type_ == 'd' && precision_);
  if (good) return;
  throw Error(Exit::Usage,
              fmt::format("{} '{}': give a Python format spec without braces: .2f, .1e, .3g, +.2f, d or .0%; a sign, a "
                          "comma, a precision and one of e f g d % may follow each other",
                          option, escaped(spec)));
}

std::string NumberFormat::operator()(double value) const {
  if (!std::isfinite(value)) return std::isnan(value) ? "nan" : value > 0 ? (sign_ == '+' ? "+∞" : "∞") : "−∞";
  std::string text = digits(std::abs(value), type_, precision_);
  if (grouped_) text = grouped(text);
  // A value that rounds to zero keeps its sign, as in Python.
  if (std::signbit(value)) return "-" + text;
  return sign_ == '-' ? text : sign_ + text;
}

}  // namespace divlens
