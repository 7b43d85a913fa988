#include "figure/cell_image.h"

#include <algorithm>
#include <cmath>

#include "figure/heatmap_pass.h"

namespace divlens {
namespace {

// One pixel a cell, or as many pixels as the area has where cells are more or differ in size.
int64_t imageSide(int64_t cells, double pixels, bool unequal) {
  const int64_t most = std::clamp<int64_t>(std::llround(pixels), 1, 16384);
  return unequal ? most : std::min(cells, most);
}

// The target was cleared to transparent black: what was blended into it is multiplied by its alpha.
Color straight(const uint8_t* rgba) {
  const int a = rgba[3];
  const auto channel = [&](int v) { return uint8_t(a == 0 ? 0 : std::min(255, (v * 255 + a / 2) / a)); };
  return {channel(rgba[0]), channel(rgba[1]), channel(rgba[2]), uint8_t(a)};
}

}  // namespace

CellImage drawCells(const gpu::Context& context, const Grid& grid, std::span<const ColorScale> scales,
                    const HeatmapArea& area) {
  HeatmapArea whole = area;
  whole.originUpper = true;
  whole.rowBegin = std::floor(area.rowBegin);
  whole.rowEnd = std::ceil(area.rowEnd);
  whole.columnBegin = std::floor(area.columnBegin);
  whole.columnEnd = std::ceil(area.columnEnd);
  const double rows = whole.rowEnd - whole.rowBegin, columns = whole.columnEnd - whole.columnBegin;
  const double high = area.rect.h * rows / (area.rowEnd - area.rowBegin);
  const double wide = area.rect.w * columns / (area.columnEnd - area.columnBegin);
  CellImage image{.rows = imageSide(std::llround(rows), high, area.edges && !area.edges->rows.empty()),
                  .columns = imageSide(std::llround(columns), wide, area.edges && !area.edges->columns.empty()),
                  .colors = {}};
  whole.rect = {0, 0, float(image.columns), float(image.rows)};
  const gpu::OffscreenTarget target(context, uint32_t(image.columns), uint32_t(image.rows));
  HeatmapPass heatmap(context, target.renderPass());
  const ScaleTables tables(context, scales);
  CellReducer reducer(context);
  GridPyramid pyramid(reducer, grid);
  CellViews views(reducer);
  gpu::DescriptorPool pool(context, kMaxHeatmapDraws, kHeatmapBindings);
  context.runOnce([&](VkCommandBuffer commands) {
    views.prepare(commands, std::span(&whole, 1), pyramid);
    target.begin(commands, {0, 0, 0, 0});
    heatmap.draw(commands, target.extent(), pool, {views, tables}, whole, 0);
    target.end(commands);
  });
  const std::vector<uint8_t> rgba = target.pixels();
  image.colors.reserve(rgba.size() / 4);
  for (size_t i = 0; i < rgba.size(); i += 4) image.colors.push_back(straight(&rgba[i]));
  return image;
}

CellPlacement placeCells(const HeatmapArea& area, const CellImage& image) {
  const double rows = std::ceil(area.rowEnd) - std::floor(area.rowBegin);
  const double columns = std::ceil(area.columnEnd) - std::floor(area.columnBegin);
  const double wide = area.rect.w / (area.columnEnd - area.columnBegin);
  const double high = area.rect.h / (area.rowEnd - area.rowBegin);
  const double before = (area.rowBegin - std::floor(area.rowBegin)) * high;
  const double upper = area.rect.y - before, lower = area.rect.bottom() + before - rows * high;
  return {.x = area.rect.x - (area.columnBegin - std::floor(area.columnBegin)) * wide,
          .y = area.originUpper ? upper : lower,
          .cellWidth = wide * columns / static_cast<double>(image.columns),
          .cellHeight = high * rows / static_cast<double>(image.rows)};
}

void turnUpright(CellImage& image, const HeatmapArea& area) {
  if (area.originUpper) return;
  for (int64_t row = 0; row < image.rows / 2; ++row)
    std::swap_ranges(image.colors.begin() + row * image.columns, image.colors.begin() + (row + 1) * image.columns,
                     image.colors.begin() + (image.rows - 1 - row) * image.columns);
}

void eachCell(const CellImage& image, const CellPlacement& place,
              const std::function<void(double x, double y, double w, double h, Color)>& draw) {
  constexpr double kReach = 1.3;
  for (int64_t y = 0; y < image.rows; ++y)
    for (int64_t x = 0; x < image.columns; ++x) {
      const Color color = image.color(y, x);
      if (color.a == 0) continue;
      const bool right = x + 1 < image.columns && color.a == 255 && image.color(y, x + 1).a == 255;
      const bool below = y + 1 < image.rows && color.a == 255 && image.color(y + 1, x).a == 255;
      draw(place.x + static_cast<double>(x) * place.cellWidth, place.y + static_cast<double>(y) * place.cellHeight,
           place.cellWidth * (right ? kReach : 1), place.cellHeight * (below ? kReach : 1), color);
    }
}

std::vector<FilledRect> groundUnderFrame(const FrameLine& frame, const Rect& area) {
  if (frame.width == 0) return {};
  const float w = frame.width, thick = w + 1;
  const Rect outer{area.x - w, area.y - w, area.w + 2 * w, area.h + 2 * w};
  return {{{outer.x, outer.y, outer.w, thick}, frame.color},
          {{outer.x, outer.bottom() - thick, outer.w, thick}, frame.color},
          {{outer.x, outer.y, thick, outer.h}, frame.color},
          {{outer.right() - thick, outer.y, thick, outer.h}, frame.color}};
}

CellImage enlarged(const CellImage& image, const Rect& area) {
  const auto times = [](double pixels, int64_t cells) {
    return std::max<int64_t>(1, static_cast<int64_t>(std::ceil(pixels / static_cast<double>(cells))));
  };
  const int64_t wide = times(area.w, image.columns), high = times(area.h, image.rows);
  CellImage out{image.rows * high, image.columns * wide, {}};
  out.colors.reserve(static_cast<size_t>(out.rows * out.columns));
  for (int64_t y = 0; y < out.rows; ++y)
    for (int64_t x = 0; x < out.columns; ++x) out.colors.push_back(image.color(y / high, x / wide));
  return out;
}

CellImage barImage(const ColorbarArea& bar, const ColorScale& scale) {
  const int steps = scale.norm.edges.empty() ? 512 : static_cast<int>(scale.norm.edges.size()) - 1;
  CellImage image{bar.vertical ? steps : 1, bar.vertical ? 1 : steps, {}};
  for (int i = 0; i < steps; ++i) {
    const float at = (static_cast<float>(bar.vertical ? steps - 1 - i : i) + 0.5f) / static_cast<float>(steps);
    const float t = bar.tBegin + at * (bar.tEnd - bar.tBegin);
    image.colors.push_back(scale.colors.table[static_cast<size_t>(normBarIndex(scale.norm.params, t))]);
  }
  return image;
}

}  // namespace divlens
