#include "picture.h"

#include <algorithm>
#include <fstream>

#include "figure/png.h"

namespace divlens::test {

Pixel Picture::at(int x, int y) const {
  const uint8_t* p = rgba.data() + 4 * (size_t(y) * size_t(width) + size_t(x));
  return {p[0], p[1], p[2], p[3]};
}

Picture readPicture(const std::string& path) {
  PngImage image = readPng(path);
  return {image.header.width, image.header.height, std::move(image.rgba)};
}

Frame findFrame(const Picture& p) {
  constexpr Pixel kLine = {26, 26, 26, 255};
  Frame frame;
  for (int y = 0; y < p.height; ++y)
    for (int x = 0; x < p.width;) {
      int end = x;
      while (end < p.width && p.at(end, y) == kLine) ++end;
      if (end - x > frame.right - frame.left + 2) frame = {x + 1, y + 1, end - 1, 0};
      x = std::max(end, x + 1);
    }
  frame.bottom = frame.top;
  while (frame.bottom < p.height && p.at(frame.left + 1, frame.bottom) != kLine) ++frame.bottom;
  return frame;
}

Pixel cellPixel(const Picture& picture, const Frame& frame, CellPlace cell, CellPlace count) {
  const auto middle = [](int from, int to, long at, long of) {
    return from + int((double(at) + 0.5) * double(to - from) / double(of));
  };
  return picture.at(middle(frame.left, frame.right, cell.column, count.column),
                    middle(frame.top, frame.bottom, cell.row, count.row));
}

std::vector<Pixel> colormapTable(const std::string& name) {
  std::ifstream file(std::string(DIVLENS_SOURCE_DIR) + "/assets/colormaps/" + name + ".csv");
  std::vector<Pixel> table;
  char comma = 0;
  for (int r = 0, g = 0, b = 0; file >> r >> comma >> g >> comma >> b;)
    table.push_back({uint8_t(r), uint8_t(g), uint8_t(b), 255});
  return table;
}

}  // namespace divlens::test
