#include "figure/colormap.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "dump/escape.h"
#include "embedded.h"
#include "error.h"
#include "figure/named_color.h"
#include "suggest.h"

namespace divlens {
namespace {

constexpr std::string_view kFolder = "colormaps/";
constexpr std::string_view kSuffix = ".csv";
constexpr size_t kMaxFile = 1 << 20;

std::string_view trimmed(std::string_view text) {
  const auto isSpace = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && isSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && isSpace(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0;;) {
    const size_t end = text.find(separator, begin);
    parts.push_back(trimmed(text.substr(begin, end == text.npos ? text.npos : end - begin)));
    if (end == text.npos) return parts;
    begin = end + 1;
  }
}

// One line of a CSV map: three numbers.
std::optional<std::array<double, 3>> numbers(std::string_view line) {
  const auto parts = split(line, ',');
  if (parts.size() != 3) return {};
  std::array<double, 3> values{};
  for (size_t i = 0; i < 3; ++i) {
    const char* end = parts[i].data() + parts[i].size();
    const auto result = std::from_chars(parts[i].data(), end, values[i]);
    if (result.ec != std::errc() || result.ptr != end || !std::isfinite(values[i]) || values[i] < 0) return {};
  }
  return values;
}

// Entries linearly between colours: matplotlib's LinearSegmentedColormap.from_list step by step, so that its roundings
// come out the same.
ColorTable between(const std::vector<std::array<double, 3>>& stops) {
  const auto count = static_cast<double>(stops.size() - 1);
  const auto place = [&](size_t stop) { return static_cast<double>(stop) * (1 / count) * 255; };
  ColorTable table;
  size_t left = 0;
  for (size_t i = 0; i < table.size(); ++i) {
    const double at = 255 * (static_cast<double>(i) * (1.0 / 255));
    while (left + 2 < stops.size() && place(left + 1) < at) ++left;
    const double part = (at - place(left)) / (place(left + 1) - place(left));
    const auto channel = [&](size_t c) {
      if (i == 255) return static_cast<uint8_t>(stops.back()[c]);
      const double from = stops[left][c] / 255, to = stops[left + 1][c] / 255;
      return static_cast<uint8_t>(std::clamp((part * (to - from) + from) * 255, 0.0, 255.0));
    };
    table[i] = {channel(0), channel(1), channel(2)};
  }
  return table;
}

// "r,g,b" a line: 0 … 255, or 0 … 1 where no number is larger than 1 and one has a decimal point.
ColorTable tableFromText(std::string_view text, const std::string& name) {
  std::vector<std::array<double, 3>> rows;
  double largest = 0;
  size_t lineNumber = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++lineNumber;
    if (line.empty()) continue;
    const auto row = numbers(line);
    if (!row) throw Error(Exit::Usage, fmt::format("--cmap {}: line {} is not 'r,g,b'", name, lineNumber));
    rows.push_back(*row);
    largest = std::max({largest, (*row)[0], (*row)[1], (*row)[2]});
  }
  if (rows.size() < 2 || rows.size() > 65536)
    throw Error(Exit::Usage,
                fmt::format("--cmap {}: {} colours; a map has 2 to 65536 lines 'r,g,b'", name, rows.size()));
  if (largest > 255) throw Error(Exit::Usage, fmt::format("--cmap {}: {} is beyond 255", name, largest));
  if (largest <= 1 && text.find('.') != text.npos)
    for (auto& row : rows)
      for (double& v : row) v *= 255;
  if (rows.size() != 256) return between(rows);
  ColorTable table;
  for (size_t i = 0; i < table.size(); ++i)
    table[i] = {static_cast<uint8_t>(rows[i][0]), static_cast<uint8_t>(rows[i][1]), static_cast<uint8_t>(rows[i][2])};
  return table;
}

std::optional<ColorTable> embeddedTable(std::string_view name) {
  const auto bytes = embedded(fmt::format("{}{}{}", kFolder, name, kSuffix));
  if (bytes.empty()) return {};
  return tableFromText({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, std::string(name));
}

ColorTable tableFromFile(const std::string& path) {
  if (!std::filesystem::is_regular_file(path))
    throw Error(Exit::Usage, fmt::format("--cmap {}: not a regular file", path));
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error(Exit::Usage, fmt::format("--cmap {}: {}", path, std::strerror(errno)));
  std::string text(kMaxFile + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > kMaxFile)
    throw Error(Exit::Usage, fmt::format("--cmap {}: larger than 1 MiB, not a colour map", path));
  return tableFromText(text, path);
}

ColorTable tableFromColors(const std::string& text) {
  std::vector<std::array<double, 3>> stops;
  for (const std::string_view part : split(text, ',')) {
    const Color c = parseColor(part, "--cmap");
    if (c.a != 255)
      throw Error(Exit::Usage, fmt::format("--cmap {}: '{}' is transparent, colours of a map are not", escaped(text),
                                           escaped(part)));
    stops.push_back({double(c.r), double(c.g), double(c.b)});
  }
  if (stops.size() < 2) throw Error(Exit::Usage, fmt::format("--cmap {}: a list needs two colours or more", text));
  return between(stops);
}

// "viridi_r" is near viridis_r, which no file is named after.
std::string suggestion(const std::string& text) {
  std::vector<std::string> names = colormapNames();
  if (text.ends_with("_r"))
    for (std::string& name : names) name += "_r";
  return didYouMean(text, names);
}

}  // namespace

std::vector<std::string> colormapNames() {
  std::vector<std::string> names;
  for (std::string_view file : embeddedNames(kFolder)) {
    if (!file.ends_with(kSuffix)) continue;
    file.remove_prefix(kFolder.size());
    file.remove_suffix(kSuffix.size());
    if (file.ends_with("_r")) continue;  // what matplotlib rounds otherwise than the reversed map
    names.emplace_back(file);
  }
  return names;
}

ColorTable colormap(const std::string& text) {
  if (const auto table = embeddedTable(text)) return *table;
  if (text.size() > 2 && text.ends_with("_r")) {
    if (auto table = embeddedTable(std::string_view(text).substr(0, text.size() - 2))) {
      std::reverse(table->begin(), table->end());
      return *table;
    }
  }
  std::error_code ignored;
  if (std::filesystem::exists(text, ignored)) return tableFromFile(text);
  if (text.find(',') != text.npos || text.starts_with('#')) return tableFromColors(text);
  throw Error(Exit::Usage, fmt::format("--cmap {}: no such map or file{}; 'divlens colormaps' shows all", escaped(text),
                                       suggestion(text)));
}

CellColors cellColors(const FigureOptions& options, const std::string& defaultMap) {
  CellColors colors;
  colors.table = colormap(options.cmap.empty() ? defaultMap : options.cmap);
  const auto chosen = [](const std::string& text, const char* option, Color otherwise) {
    return text.empty() ? otherwise : parseColor(text, option);
  };
  colors.bad = chosen(options.badColor, "--bad-color", {187, 187, 187});
  colors.inf = chosen(options.infColor, "--inf-color", {102, 102, 102});
  colors.under = chosen(options.underColor, "--under-color", colors.table.front());
  colors.over = chosen(options.overColor, "--over-color", colors.table.back());
  return colors;
}

}  // namespace divlens
