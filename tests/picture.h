#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace divlens::test {

using Pixel = std::array<uint8_t, 4>;

/// A PNG file's pixels.
struct Picture {
  int width = 0, height = 0;
  std::vector<uint8_t> rgba;
  Pixel at(int x, int y) const;
};
Picture readPicture(const std::string& path);

/// The cells' rectangle [left, right) × [top, bottom): inside the first frame, whose top and bottom are the longest
/// lines.
struct Frame {
  int left = 0, top = 0, right = 0, bottom = 0;
};
Frame findFrame(const Picture& picture);

struct CellPlace {
  long row = 0, column = 0;
};
/// The pixel in the middle of a cell, rows from the top.
Pixel cellPixel(const Picture& picture, const Frame& frame, CellPlace cell, CellPlace count);

/// The 256 colours of a committed map.
std::vector<Pixel> colormapTable(const std::string& name);

}  // namespace divlens::test
