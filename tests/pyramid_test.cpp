// What a pixel over many cells shows: exact spans, each way to reduce them, seams of chunks, levels of the pyramid.
#include "shaders/pyramid.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <random>

#include "catch.h"
#include "figure/cell_image.h"
#include "figure/pixel_note.h"
#include "figure/pixel_spans.h"
#include "gpu_fixture.h"

using namespace divlens;

namespace {

constexpr uint32_t kMasked = 0x7fc0deadu;

Grid filledGrid(const gpu::Context& context, int64_t rows, int64_t columns, const std::vector<float>& cells,
                int64_t mostRows) {
  Grid grid(context, 1, rows, columns, mostRows);
  context.runOnce([&](VkCommandBuffer commands) {
    for (const GridChunk& chunk : grid.chunks(0)) {
      const int64_t bytes = chunk.rows * columns * 4;
      for (int64_t at = 0; at < bytes; at += 65536)
        vkCmdUpdateBuffer(commands, chunk.buffer.handle(), VkDeviceSize(at),
                          VkDeviceSize(std::min(bytes - at, int64_t{65536})),
                          cells.data() + chunk.firstRow * columns + at / 4);
    }
  });
  return grid;
}

bool masked(float v) { return std::bit_cast<uint32_t>(v) == kMasked; }

/// What stands for a block of cells, written without the shaders' arithmetic.
float reduced(std::vector<float> block, const CellReduction& how) {
  std::erase_if(block, [&](float v) { return masked(v) || how.hidden.picks(v); });
  if (block.empty()) return std::bit_cast<float>(kMasked);
  std::vector<float> numbers = block;
  std::erase_if(numbers, [&](float v) { return std::isnan(v) || (how.how == Aggregate::Mean && std::isinf(v)); });
  if (numbers.empty())
    return std::any_of(block.begin(), block.end(), [](float v) { return std::isinf(v); }) ? INFINITY : NAN;
  switch (how.how) {
    case Aggregate::Max:
      return *std::max_element(numbers.begin(), numbers.end());
    case Aggregate::Min:
      return *std::min_element(numbers.begin(), numbers.end());
    case Aggregate::Extreme:
      return *std::max_element(numbers.begin(), numbers.end(),
                               [&](float a, float b) { return std::abs(a - how.center) < std::abs(b - how.center); });
    case Aggregate::Mean:
      break;
  }
  double sum = 0;
  for (const float v : numbers) sum += v;
  return float(sum / double(numbers.size()));
}

ColorScale scaleOf(double vmin, double vmax) {
  FigureOptions options;
  options.vmin = vmin;
  options.vmax = vmax;
  ColorScale scale;
  scale.norm = makeNorm(options, {.cells = 2, .min = vmin, .max = vmax});
  scale.colors = cellColors(options, "viridis");
  return scale;
}

Color colorOf(const ColorScale& scale, float v) {
  if (masked(v)) return {0, 0, 0, 0};
  if (std::isnan(v)) return scale.colors.bad;
  if (std::isinf(v)) return scale.colors.inf;
  return scale.colors.table[size_t(scale.norm.index(v))];
}

/// The cells of block (y, x) where `rows` × `columns` cells are shown by `h` × `w` pixels.
std::vector<float> blockOf(const std::vector<float>& cells, int64_t rows, int64_t columns, int64_t h, int64_t w,
                           int64_t y, int64_t x) {
  std::vector<float> block;
  for (int64_t r = y * rows / h; r < (y + 1) * rows / h; ++r)
    for (int64_t c = x * columns / w; c < (x + 1) * columns / w; ++c) block.push_back(cells[size_t(r * columns + c)]);
  return block;
}

}  // namespace

TEST_CASE("pixels cover all cells, each once, and no more", "[figure][pyramid]") {
  for (const int64_t count : {1, 7, 100, 101, 1000, 1000000})
    for (const int64_t pixels : {1, 3, 100, 640}) {
      INFO(count << " cells, " << pixels << " pixels");
      const PixelSpans spans = pixelSpans(pixels, 0, double(count), count);
      REQUIRE(spans.index.size() == size_t(pixels));
      CHECK(spans.index.front() == 0);
      CHECK(spans.index.back() == spans.spans.size() - 1);
      if (count >= pixels) {
        CHECK(spans.spans.front().begin == 0);
        CHECK(spans.spans.back().end == count);
        for (size_t i = 1; i < spans.spans.size(); ++i) CHECK(spans.spans[i].begin == spans.spans[i - 1].end);
      } else {
        CHECK(spans.longest() == 1);
      }
    }
  // Zoomed in between cells, the last one in part: it is there.
  const PixelSpans part = pixelSpans(4, 2.5, 12.25, 100);
  CHECK(part.spans.front() == CellSpan{2, 4});
  CHECK(part.spans.back() == CellSpan{9, 13});
}

TEST_CASE("a figure says what its pixels show where they hold several cells", "[figure][pyramid]") {
  FigureContent content;
  CHECK(pixelNote(content, 128, 500, 500, 128).empty());
  CHECK(pixelNote(content, 128, 1000000, 706, 345) == "a pixel shows the largest of up to 1,417 cells");
  content.scales.front().aggregate = parseAggregate("mean", Aggregate::Max);
  CHECK(pixelNote(content, 30, 30, 20, 20) == "a pixel shows the mean of up to 4 cells");
  content.scales.push_back({.aggregate = Aggregate::Extreme});
  CHECK(pixelNote(content, 30, 10, 20, 20) == "a pixel shows the mean or the most extreme of up to 2 cells");
  CHECK_THROWS_WITH(parseAggregate("maxx", Aggregate::Max), Catch::Matchers::ContainsSubstring("did you mean 'max'"));
}

TEST_CASE("the nodes of a span are its cells, each once", "[figure][pyramid]") {
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    const int64_t count = 1 + int64_t(random() % 5000);
    const uint32_t levels = pyramidLevels(count);
    CellSpan span{int64_t(random() % uint64_t(count)), 0};
    span.end = span.begin + 1 + int64_t(random() % uint64_t(count - span.begin));
    std::vector<uint32_t> segments;
    appendSegments(segments, span, count, levels);
    CHECK(segments.size() <= 64 + 14 * (levels - 1));
    int64_t at = span.begin;
    for (const uint32_t segment : segments) {
      const int64_t size = int64_t{1} << (3 * (segment >> kSegmentBits));
      REQUIRE(int64_t(segment & ((1u << kSegmentBits) - 1)) * size == at);
      at = std::min(at + size, count);
    }
    REQUIRE(at == span.end);
  }
}

TEST_CASE_METHOD(test::GpuTest, "a pixel over many cells shows what its exact span holds", "[gpu][pyramid]") {
  constexpr int64_t kRows = 301, kColumns = 1103;
  std::mt19937 random(2);
  std::vector<float> cells(size_t(kRows * kColumns));
  for (float& v : cells) v = float(int(random() % 2001) - 1000) / 1000;
  for (int i = 0; i < 3000; ++i) cells[random() % cells.size()] = NAN;
  for (int i = 0; i < 30; ++i) cells[random() % cells.size()] = i % 2 ? INFINITY : -INFINITY;
  for (int64_t r = 100; r < 180; ++r)
    for (int64_t c = 200; c < 500; ++c)
      cells[size_t(r * kColumns + c)] = std::bit_cast<float>(c < 400 ? kMasked : 0x7fc00000u);
  const ColorScale scale = scaleOf(-1, 1);
  for (const Aggregate how : {Aggregate::Max, Aggregate::Min, Aggregate::Mean, Aggregate::Extreme})
    for (const bool hide : {false, true})
      for (const int64_t mostRows : {0, 37}) {
        const Grid grid = filledGrid(test::context(), kRows, kColumns, cells, mostRows);
        // Pixels of 150 × 276 cells need several levels; of 10 × 10, and 2 × 3, few or none.
        for (const auto& [h, w] : {std::pair(2, 4), std::pair(30, 110), std::pair(150, 367)}) {
          INFO(int(how) << " hidden " << hide << ", chunks of " << mostRows << ", " << h << " x " << w);
          HeatmapArea area{.rect = {0, 0, float(w), float(h)}, .rowEnd = kRows, .columnEnd = kColumns};
          area.reduction = {how, hide ? parseCellRule(">0.4", "--mask") : CellRule{}, 0.1f};
          const CellImage image = drawCells(test::context(), grid, std::span(&scale, 1), area);
          REQUIRE(image.rows == h);
          REQUIRE(image.columns == w);
          int wrong = 0;
          for (int64_t y = 0; y < h; ++y)
            for (int64_t x = 0; x < w; ++x) {
              const float v = reduced(blockOf(cells, kRows, kColumns, h, w, y, x), area.reduction);
              Color low = colorOf(scale, v), high = low;
              // A mean is rounded: it may fall to the other side of an edge between two colours.
              if (how == Aggregate::Mean && std::isfinite(v))
                low = colorOf(scale, v - 1e-5f), high = colorOf(scale, v + 1e-5f);
              const Color drawn = image.color(y, x);
              wrong += drawn == low || drawn == high ? 0 : 1;
            }
          CHECK(wrong == 0);
        }
      }
}

TEST_CASE_METHOD(test::GpuTest, "one hot cell is visible among a million and over many chunks", "[gpu][pyramid]") {
  const ColorScale scale = scaleOf(0, 1);
  for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>(8, 131072), std::pair<int64_t, int64_t>(400000, 1)})
    for (const double place : {0.0, 0.37, 0.999999}) {
      std::vector<float> cells(size_t(rows * columns), 0.0f);
      const auto hot = int64_t(place * double(rows * columns));
      cells[size_t(hot)] = 1;
      // 400,000 rows over six pixels: each pixel spans several chunks.
      const Grid grid = filledGrid(test::context(), rows, columns, cells, rows > 1000 ? 20000 : 3);
      const HeatmapArea area{.rect = {0, 0, 300, 6}, .rowEnd = double(rows), .columnEnd = double(columns)};
      const CellImage image = drawCells(test::context(), grid, std::span(&scale, 1), area);
      const int64_t row = (hot / columns) * image.rows / rows, column = (hot % columns) * image.columns / columns;
      int64_t lit = 0;
      for (const Color& color : image.colors) lit += color == scale.colors.table[255] ? 1 : 0;
      CHECK(lit == 1);
      int64_t near = 0;
      for (int64_t y = std::max<int64_t>(0, row - 1); y <= std::min(image.rows - 1, row + 1); ++y)
        for (int64_t x = std::max<int64_t>(0, column - 1); x <= std::min(image.columns - 1, column + 1); ++x)
          near += image.color(y, x) == scale.colors.table[255] ? 1 : 0;
      CHECK(near == 1);
    }
}
