#include "figure/pixel_spans.h"

#include <algorithm>
#include <cmath>

#include "shaders/pyramid.h"

namespace divlens {
namespace {

// An axis with fewer cells has no level above them.
constexpr int64_t kSmallLevel = 64;

int64_t clampedCell(double at, int64_t count) { return std::clamp<int64_t>(int64_t(std::floor(at)), 0, count); }

struct EqualCells {
  int64_t pixels;
  double begin, end;
  int64_t count;

  bool whole() const { return begin == 0 && end == double(count); }
  // Exact in whole numbers where the whole axis is shown.
  int64_t firstOf(int64_t pixel) const {
    if (whole()) return pixel * (count / pixels) + pixel * (count % pixels) / pixels;
    if (pixel == pixels) return std::min<int64_t>(count, int64_t(std::ceil(end)));
    return clampedCell(begin + double(pixel) * ((end - begin) / double(pixels)), count);
  }
  CellSpan operator()(int64_t pixel) const {
    if (end - begin > double(pixels)) {
      const int64_t first = std::min(firstOf(pixel), count - 1);
      return {first, std::max(first + 1, firstOf(pixel + 1))};
    }
    const int64_t cell = whole() ? (2 * pixel + 1) * count / (2 * pixels)
                                 : clampedCell(begin + (double(pixel) + 0.5) * ((end - begin) / double(pixels)), count);
    return {std::min(cell, count - 1), std::min(cell, count - 1) + 1};
  }
};

struct UnequalCells {
  int64_t pixels;
  double begin, end;
  std::span<const float> edges;

  CellSpan operator()(int64_t pixel) const {
    const double size = (end - begin) / double(pixels), from = begin + double(pixel) * size;
    const auto first = [&](double at) { return std::lower_bound(edges.begin(), edges.end(), at) - edges.begin(); };
    const auto last = int64_t(edges.size()) - 1;
    const int64_t centre = std::clamp<int64_t>(first(from + 0.5 * size), 1, last) - 1;
    const int64_t inside = first(from), past = std::max<int64_t>(first(from + size), 1) - 1;
    if (past <= inside) return {centre, centre + 1};
    return {std::min(inside, centre), std::min(std::max(past, centre + 1), last)};
  }
};

template <typename SpanOf>
PixelSpans collect(int64_t pixels, const SpanOf& spanOf) {
  PixelSpans out;
  out.index.reserve(size_t(pixels));
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    const CellSpan span = spanOf(pixel);
    if (out.spans.empty() || out.spans.back() != span) out.spans.push_back(span);
    out.index.push_back(uint32_t(out.spans.size() - 1));
  }
  return out;
}

}  // namespace

int64_t PixelSpans::longest() const {
  int64_t most = 0;
  for (const CellSpan& span : spans) most = std::max(most, span.end - span.begin);
  return most;
}

PixelSpans pixelSpans(int64_t pixels, double begin, double end, int64_t count, std::span<const float> edges) {
  if (!edges.empty()) return collect(pixels, UnequalCells{pixels, begin, end, edges});
  return collect(pixels, EqualCells{pixels, begin, end, count});
}

uint32_t pyramidLevels(int64_t count) {
  uint32_t levels = 1;
  while (levels < kMostLevels && count > kSmallLevel) count = (count + 7) >> kLevelBits, ++levels;
  return levels;
}

void appendSegments(std::vector<uint32_t>& out, CellSpan span, int64_t count, uint32_t levels) {
  for (int64_t at = span.begin; at < span.end;) {
    uint32_t level = 0;
    int64_t past = at + 1;
    // The last node of a level may stand for fewer cells than others.
    while (level + 1 < levels) {
      const int64_t size = int64_t{1} << (kLevelBits * (level + 1));
      if (at % size != 0 || std::min(at + size, count) > span.end) break;
      past = std::min(at + size, count);
      ++level;
    }
    out.push_back(level << kSegmentBits | uint32_t(at >> (kLevelBits * level)));
    at = past;
  }
}

}  // namespace divlens
