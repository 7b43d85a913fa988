#include "figure/heatmap_pass.h"

#include <algorithm>
#include <cmath>

#include "shaders/heatmap.h"

namespace divlens {
namespace {

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

gpu::Buffer edgeBuffer(const gpu::Context& context, const AxisEdges* edges) {
  std::vector<float> both = {0};  // a buffer cannot be empty
  if (edges) {
    both = edges->rows;
    both.insert(both.end(), edges->columns.begin(), edges->columns.end());
  }
  return gpu::makeFilledBuffer(context, std::as_bytes(std::span(both)), "edges");
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
          .nextRows = 0,
          .originUpper = 1,
          .mode = kDrawCells,
          .rules = kRuleNone,
          .hiddenValue = 0,
          .dimmedValue = 0,
          .rowEdges = 0,
          .columnEdges = 0};
}

}  // namespace

ScaleTables::ScaleTables(const gpu::Context& context, std::span<const ColorScale> scales, const AxisEdges* edges)
    : rowEdges_(edges ? uint32_t(edges->rows.size()) : 0),
      columnEdges_(edges ? uint32_t(edges->columns.size()) : 0),
      edges_(edgeBuffer(context, edges)) {
  for (const ColorScale& scale : scales) scales_.push_back({scale.norm.params, colorBuffer(context, scale.colors)});
}

HeatmapPass::HeatmapPass(const gpu::Context& context, VkRenderPass pass)
    : pipeline_(context, pass, "heatmap.vert", "heatmap.frag", kHeatmapBindings, uint32_t(sizeof(HeatmapPush))) {}

void HeatmapPass::draw(VkCommandBuffer commands, VkExtent2D extent, gpu::DescriptorPool& pool,
                       const HeatmapCells& cells, const HeatmapArea& area) {
  const ScaleTables& tables = cells.tables;
  const ScaleTables::Colors& colors = tables.scales_.at(size_t(area.scale));
  HeatmapPush push = pushFor(colors.norm, area.rect);
  push.rowBegin = float(area.rowBegin);
  push.rowEnd = float(area.rowEnd);
  push.columnBegin = float(area.columnBegin);
  push.columnEnd = float(area.columnEnd);
  push.rows = uint32_t(cells.grid.rows());
  push.columns = uint32_t(cells.grid.columns());
  push.originUpper = area.originUpper ? 1 : 0;
  push.rowEdges = tables.rowEdges_;
  push.columnEdges = tables.columnEdges_;
  push.rules = area.hidden.op | area.dimmed.op << 8;
  push.hiddenValue = area.hidden.value;
  push.dimmedValue = area.dimmed.value;
  const std::vector<GridChunk>& chunks = cells.grid.chunks(area.panel);
  for (size_t i = 0; i < chunks.size(); ++i) {
    const GridChunk &chunk = chunks[i], &next = chunks[std::min(i + 1, chunks.size() - 1)];
    push.firstRow = uint32_t(chunk.firstRow);
    push.chunkRows = uint32_t(chunk.rows);
    push.nextRows = &next == &chunk ? 0 : uint32_t(next.rows);
    const gpu::BufferRange buffers[] = {{&chunk.buffer}, {&colors.table}, {&next.buffer}, {&tables.edges_}};
    pipeline_.draw(commands, pool.make(pipeline_.layout(), buffers), std::as_bytes(std::span(&push, 1)), extent,
                   scissorOf(area.rect, extent), kTriangle);
  }
}

void HeatmapPass::draw(VkCommandBuffer commands, VkExtent2D extent, gpu::DescriptorPool& pool,
                       const HeatmapCells& cells, const ColorbarArea& bar) {
  const ScaleTables::Colors& colors = cells.tables.scales_.at(size_t(bar.scale));
  HeatmapPush push = pushFor(colors.norm, bar.rect);
  push.rowBegin = bar.tBegin;
  push.rowEnd = bar.tEnd;
  push.mode = bar.vertical ? kDrawBarVertical : kDrawBarHorizontal;
  const gpu::Buffer& any = cells.grid.chunks(0).front().buffer;
  const gpu::BufferRange buffers[] = {{&any}, {&colors.table}, {&any}, {&cells.tables.edges_}};
  pipeline_.draw(commands, pool.make(pipeline_.layout(), buffers), std::as_bytes(std::span(&push, 1)), extent,
                 scissorOf(bar.rect, extent), kTriangle);
}

}  // namespace divlens
