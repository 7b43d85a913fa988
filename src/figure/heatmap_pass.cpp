#include "figure/heatmap_pass.h"

#include <algorithm>
#include <cmath>

#include "shaders/heatmap.h"

namespace divlens {
namespace {

constexpr uint32_t kMaxDraws = 1024;
constexpr uint32_t kTriangle = 3;

uint32_t packed(Color c) { return uint32_t(c.r) | uint32_t(c.g) << 8 | uint32_t(c.b) << 16 | uint32_t(c.a) << 24; }

std::vector<uint32_t> colorWords(const CellColors& colors) {
  std::vector<uint32_t> words(260);
  std::transform(colors.table.begin(), colors.table.end(), words.begin(), packed);
  words[kColorUnder] = packed(colors.under);
  words[kColorOver] = packed(colors.over);
  words[kColorBad] = packed(colors.bad);
  words[kColorInf] = packed(colors.inf);
  return words;
}

gpu::Buffer colorBuffer(const gpu::Context& context, const CellColors& colors) {
  const std::vector<uint32_t> words = colorWords(colors);
  return gpu::makeFilledBuffer(context, std::as_bytes(std::span(words)), "colours");
}

VkRect2D scissorOf(const Rect& rect, VkExtent2D extent) {
  const auto clampTo = [](float v, uint32_t most) { return int32_t(std::clamp(std::lround(v), 0L, long(most))); };
  const int32_t x0 = clampTo(rect.x, extent.width), x1 = clampTo(rect.right(), extent.width);
  const int32_t y0 = clampTo(rect.y, extent.height), y1 = clampTo(rect.bottom(), extent.height);
  return {{x0, y0}, {uint32_t(std::max(0, x1 - x0)), uint32_t(std::max(0, y1 - y0))}};
}

HeatmapPush pushFor(const NormParams& norm, const Rect& rect) {
  return {.norm = norm,
          .x = std::round(rect.x),
          .y = std::round(rect.y),
          .w = std::round(rect.right()) - std::round(rect.x),
          .h = std::round(rect.bottom()) - std::round(rect.y),
          .rowBegin = 0,
          .rowEnd = 1,
          .columnBegin = 0,
          .columnEnd = 1,
          .rows = 0,
          .columns = 0,
          .firstRow = 0,
          .chunkRows = 0,
          .originUpper = 1,
          .mode = kDrawCells};
}

}  // namespace

HeatmapPass::HeatmapPass(const gpu::Context& context, VkRenderPass pass, const Grid& grid, const Norm& norm,
                         const CellColors& colors)
    : grid_(grid),
      norm_(norm.params),
      colors_(colorBuffer(context, colors)),
      pipeline_(context, pass, "heatmap.vert", "heatmap.frag", 2, uint32_t(sizeof(HeatmapPush))),
      pool_(context, kMaxDraws, 2) {}

void HeatmapPass::draw(VkCommandBuffer commands, VkExtent2D extent, const HeatmapArea& area) {
  HeatmapPush push = pushFor(norm_, area.rect);
  push.rowBegin = float(area.rowBegin);
  push.rowEnd = float(area.rowEnd);
  push.columnBegin = float(area.columnBegin);
  push.columnEnd = float(area.columnEnd);
  push.rows = uint32_t(grid_.rows());
  push.columns = uint32_t(grid_.columns());
  push.originUpper = area.originUpper ? 1 : 0;
  for (const GridChunk& chunk : grid_.chunks(area.panel)) {
    push.firstRow = uint32_t(chunk.firstRow);
    push.chunkRows = uint32_t(chunk.rows);
    const gpu::BufferRange buffers[] = {{&chunk.buffer}, {&colors_}};
    pipeline_.draw(commands, pool_, buffers, std::as_bytes(std::span(&push, 1)), extent, scissorOf(area.rect, extent),
                   kTriangle);
  }
}

void HeatmapPass::draw(VkCommandBuffer commands, VkExtent2D extent, const ColorbarArea& bar) {
  HeatmapPush push = pushFor(norm_, bar.rect);
  push.rowBegin = bar.tBegin;
  push.rowEnd = bar.tEnd;
  push.mode = bar.vertical ? kDrawBarVertical : kDrawBarHorizontal;
  const gpu::BufferRange buffers[] = {{&grid_.chunks(0).front().buffer}, {&colors_}};
  pipeline_.draw(commands, pool_, buffers, std::as_bytes(std::span(&push, 1)), extent, scissorOf(bar.rect, extent),
                 kTriangle);
}

}  // namespace divlens
