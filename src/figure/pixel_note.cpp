#include "figure/pixel_note.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace divlens {
namespace {

std::string grouped(int64_t number) {
  std::string digits = std::to_string(number);
  for (auto at = int64_t(digits.size()) - 3; at > 0; at -= 3) digits.insert(size_t(at), ",");
  return digits;
}

int64_t cellsOfPixel(double cells, double pixels) { return cells > pixels ? int64_t(std::ceil(cells / pixels)) : 1; }

}  // namespace

std::string pixelNote(const FigureContent& content, double rows, double columns, double width, double height) {
  const int64_t cells = cellsOfPixel(rows, std::max(1.0, height)) * cellsOfPixel(columns, std::max(1.0, width));
  if (cells <= 1) return "";
  std::vector<std::string> ways;
  for (const ColorScale& scale : content.scales) ways.emplace_back(aggregateWords(scale.aggregate));
  std::sort(ways.begin(), ways.end());
  ways.erase(std::unique(ways.begin(), ways.end()), ways.end());
  return fmt::format("a pixel shows {} of up to {} cells", fmt::join(ways, " or "), grouped(cells));
}

}  // namespace divlens
