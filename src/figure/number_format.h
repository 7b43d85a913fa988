#pragma once
#include <optional>
#include <string>

namespace divlens {

/// A Python format spec without braces: [sign][,][.precision][type] with type e, E, f, F, g, G, d or %.
class NumberFormat {
 public:
  /// Error(Usage) naming `option` for anything else; nothing of the text reaches a formatting function.
  NumberFormat(const std::string& spec, const char* option);
  std::string operator()(double value) const;

 private:
  char sign_ = '-';
  bool grouped_ = false;
  std::optional<int> precision_;
  char type_ = 'g';
};

}  // namespace divlens
