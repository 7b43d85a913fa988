#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace divlens {

/// A Python format spec without braces, for a float: [[fill]align][sign][z][#][0][width][,|_][.precision][type] with
/// type e, E, f, F, g, G, n, % or none. The text is Python's, letter by letter, as in its C locale;
/// infinity alone is ∞.
class NumberFormat {
 public:
  /// What is written: cells, which are floats and with type d are rounded (their counts and ranks are whole, and Python
  /// has ints for those), or the labels of an axis, of which Python reads whole ones as ints.
  enum class Of { Floats, Labels };
  /// Error(Usage) naming `option` for anything else; nothing of the text reaches a formatting function.
  NumberFormat(const std::string& spec, const char* option, Of numbers = Of::Floats);
  std::string operator()(double value) const { return text(value, false); }
  /// With no type and no precision, the digits that tell a float from other floats: str(numpy.float32(0.1)) is 0.1.
  std::string operator()(float value) const { return text(static_cast<double>(value), true); }
  /// False for a fraction where the spec asks for type d, which Python refuses too.
  bool writes(double value) const;

 private:
  std::string text(double value, bool single) const;
  std::string digits(double value, bool single) const;
  std::string grouped(std::string_view whole, int64_t least) const;

  std::string fill_ = " ";  ///< one character, in UTF-8
  char align_ = '>', sign_ = '-', separator_ = 0, type_ = 0;
  bool positiveZero_ = false, alternate_ = false;
  int64_t width_ = 0;
  std::optional<int> precision_;
  Of numbers_ = Of::Floats;
};

}  // namespace divlens
