#include "figure/named_color.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "dump/escape.h"
#include "embedded.h"
#include "error.h"
#include "suggest.h"

namespace divlens {
namespace {

struct NamedColor {
  std::string_view name;
  Color color;
};

std::optional<Color> hexColor(std::string_view text) {
  if (text.empty() || text.front() != '#') return {};
  text.remove_prefix(1);
  const size_t digits = text.size() <= 4 ? 1 : 2;
  const size_t channels = text.size() / digits;
  if (text.size() % digits != 0 || channels < 3 || channels > 4) return {};
  uint8_t value[4] = {0, 0, 0, 255};
  for (size_t i = 0; i < channels; ++i) {
    const char* begin = text.data() + i * digits;
    const auto result = std::from_chars(begin, begin + digits, value[i], 16);
    if (result.ec != std::errc() || result.ptr != begin + digits) return {};
    if (digits == 1) value[i] = static_cast<uint8_t>(value[i] * 17);
  }
  return Color{value[0], value[1], value[2], value[3]};
}

// "0.5": as matplotlib's to_hex rounds it.
std::optional<Color> grayLevel(std::string_view text) {
  double level = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), level);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !(level >= 0 && level <= 1)) return {};
  const auto channel = static_cast<uint8_t>(std::nearbyint(level * 255));
  return Color{channel, channel, channel};
}

// "C12" is C2: the cycle has ten colours.
std::string cycled(std::string_view text) {
  const bool cycle = text.size() > 2 && text.front() == 'C' && text.find_first_not_of("0123456789", 1) == text.npos;
  return std::string(cycle ? std::string{'C', text.back()} : text);
}

std::vector<NamedColor> namedColors() {
  std::vector<NamedColor> table{{"none", {0, 0, 0, 0}}, {"transparent", {0, 0, 0, 0}}};
  const auto bytes = embedded("colors/named.csv");
  std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const size_t comma = line.find(',');
    table.push_back({line.substr(0, comma), hexColor(line.substr(comma + 1)).value()});
  }
  return table;
}

}  // namespace

Color parseColor(std::string_view text, std::string_view what) {
  if (const auto color = hexColor(text)) return *color;
  if (const auto color = grayLevel(text)) return *color;
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  const std::string cycle = cycled(text);
  std::vector<std::string> names;
  for (const NamedColor& named : namedColors()) {
    // Capitals matter in b, g, r ... and in C0, C1 ... alone.
    if (named.name == cycle || (lower.size() > 1 && named.name == lower)) return named.color;
    if (named.name.size() > 2) names.emplace_back(named.name);
  }
  throw Error(Exit::Usage,
              fmt::format("{} '{}': not a colour{}; give a name as in matplotlib (gray, tab:red, C1, k), a grey level "
                          "from 0 to 1, #rgb, #rrggbb, #rrggbbaa or none",
                          what, escaped(text), didYouMean(lower, names)));
}

}  // namespace divlens
