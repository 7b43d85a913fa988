#include "figure/heatmap_pass.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "shaders/heatmap.h"

namespace divlens {
namespace {

constexpr uint32_t kTriangle = 3;

uint32_t packed(Color c) { return uint32_t(c.r) | uint32_t(c.g) << 8 | uint32_t(c.b) << 16 | uint32_t(c.a) << 24; }

std::vector<uint32_t> colorWords(const CellColors& colors, const std::vector<float>& edges) {
  std::vector<uint32_t> words(kFirstEdge);
  std::transform(colors.table.begin(), colors.table.end(), words.begin(), packed);
  words[kColorUnder] = packed(colors.under);
  words[kColorOver] = packed(colors.over);
  words[kColorBad] = packed(colors.bad);
  words[kColorInf] = packed(colors.inf);
  for (const float edge : edges) words.push_back(std::bit_cast<uint32_t>(edge));
  return words;
}

gpu::Buffer colorBuffer(const gpu::Context& context, const ColorScale& scale) {
  const std::vector<uint32_t> words = colorWords(scale.colors, scale.norm.edges);
  return gpu::makeFilledBuffer(context, std::as_bytes(std::span(words)), "colours");
}

VkRect2D scissorOf(const Rect& rect, VkExtent2D extent) {
  const auto clampTo = [](float v, uint32_t most) { return int32_t(std::clamp(std::lround(v), 0L, long(most))); };
  const int32_t x0 = clampTo(rect.x, extent.width), x1 = clampTo(rect.right(), extent.width);
  const int32_t y0 = clampTo(rect.y, extent.height), y1 = clampTo(rect.bottom(), extent.height);
  return {{x0, y0}, {uint32_t(std::max(0, x1 - x0)), uint32_t(std::max(0, y1 - y0))}};
}

HeatmapPush pushFor(const NormParams& norm, const Rect& wanted, HeatmapUint mode) {
  const Rect rect = pixelRect(wanted);
  return {.norm = norm,
          .x = rect.x,
          .y = rect.y,
          .w = rect.w,
          .h = rect.h,
          .tBegin = 0,
          .tEnd = 1,
          .firstRow = 0,
          .bandRows = 0,
          .columns = 0,
          .means = 0,
          .mode = mode,
          .dimmedOp = kRuleNone,
          .dimmedValue = 0};
}

}  // namespace

ScaleTables::ScaleTables(const gpu::Context& context, std::span<const ColorScale> scales) {
  for (const ColorScale& scale : scales) scales_.push_back({scale.norm.params, colorBuffer(context, scale)});
}

HeatmapPass::HeatmapPass(const gpu::Context& context, VkRenderPass pass)
    : pipeline_(context, pass, "heatmap.vert", "heatmap.frag", kHeatmapBindings, uint32_t(sizeof(HeatmapPush))) {}

void HeatmapPass::draw(VkCommandBuffer commands, VkExtent2D extent, gpu::DescriptorPool& pool,
                       const HeatmapCells& cells, const HeatmapArea& area, size_t number) {
  const ScaleTables::Colors& colors = cells.tables.scales_.at(size_t(area.scale));
  const CellView& view = cells.views.at(number);
  HeatmapPush push = pushFor(colors.norm, area.rect, kDrawCells);
  push.columns = uint32_t(view.columns());
  push.means = view.means() ? 1 : 0;
  push.dimmedOp = area.dimmed.op;
  push.dimmedValue = area.dimmed.value;
  for (const CellView::Band& band : view.bands()) {
    push.firstRow = uint32_t(band.firstRow);
    push.bandRows = uint32_t(band.rows);
    const gpu::BufferRange buffers[] = {{&band.cells}, {&colors.table}, {&view.pixels()}};
    pipeline_.draw(commands, pool.make(pipeline_.layout(), buffers), std::as_bytes(std::span(&push, 1)), extent,
                   scissorOf(area.rect, extent), kTriangle);
  }
}

void HeatmapPass::draw(VkCommandBuffer commands, VkExtent2D extent, gpu::DescriptorPool& pool,
                       const HeatmapCells& cells, const ColorbarArea& bar) {
  const ScaleTables::Colors& colors = cells.tables.scales_.at(size_t(bar.scale));
  HeatmapPush push = pushFor(colors.norm, bar.rect, bar.vertical ? kDrawBarVertical : kDrawBarHorizontal);
  push.tBegin = bar.tBegin;
  push.tEnd = bar.tEnd;
  const gpu::BufferRange buffers[] = {{&colors.table}, {&colors.table}, {&colors.table}};
  pipeline_.draw(commands, pool.make(pipeline_.layout(), buffers), std::as_bytes(std::span(&push, 1)), extent,
                 scissorOf(bar.rect, extent), kTriangle);
}

}  // namespace divlens
