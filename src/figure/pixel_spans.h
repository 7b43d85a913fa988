#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace divlens {

/// Half-open range of cells.
struct CellSpan {
  int64_t begin = 0, end = 0;
  bool operator==(const CellSpan&) const = default;
};

/// What the pixels of one axis show: each pixel's span, by its number among the distinct ones, which follow each other.
struct PixelSpans {
  std::vector<uint32_t> index;  ///< of each pixel, in the axis's direction
  std::vector<CellSpan> spans;  ///< never empty ones
  int64_t longest() const;      ///< cells of the longest span
};

/// [begin, end) of an axis of `count` cells over so many pixels: the cell under a pixel's centre, or all that are in it
/// where there are more cells than pixels. `edges` (empty: all alike) are those of cells that differ in size; then a
/// pixel shows all cells that lie in it and the one under its centre.
PixelSpans pixelSpans(int64_t pixels, double begin, double end, int64_t count, std::span<const float> edges = {});

/// Levels of a pyramid along an axis, the cells themselves included.
uint32_t pyramidLevels(int64_t count);
/// Appends the nodes that cover the span, none twice: as few as there are, in order; shaders/pyramid.h: kSegmentBits.
void appendSegments(std::vector<uint32_t>& out, CellSpan span, int64_t count, uint32_t levels);

}  // namespace divlens
