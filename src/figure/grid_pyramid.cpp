#include "figure/grid_pyramid.h"

#include "figure/pixel_spans.h"
#include "gpu/barrier.h"

namespace divlens {
namespace {

constexpr uint32_t kLocalSize = 64;

}  // namespace

LevelPlaces::LevelPlaces(int64_t rows, int64_t columns)
    : rows_(rows), columns_(columns), rowLevels_(pyramidLevels(rows)), columnLevels_(pyramidLevels(columns)) {}

uint64_t LevelPlaces::begin(uint32_t i) const {
  uint64_t at = 0;
  for (uint32_t k = 0; k < i; ++k) at += uint64_t(rows(k)) * stride(k);
  return at;
}

uint32_t LevelPlaces::column(uint32_t j) const {
  int64_t at = 0;
  for (uint32_t k = 0; k < j; ++k) at += columns(k);
  return uint32_t(at);
}

const gpu::ComputePipeline& CellReducer::levels(Aggregate how) {
  auto& made = levels_[size_t(how)];
  const uint32_t constants[] = {kLocalSize, uint32_t(how)};
  if (!made)
    made =
        std::make_unique<gpu::ComputePipeline>(context_, "pyramid.comp", 2, uint32_t(sizeof(PyramidPush)), constants);
  return *made;
}

const gpu::ComputePipeline& CellReducer::view(Aggregate how, bool alongRows) {
  auto& made = (alongRows ? viewsAlongRows_ : views_)[size_t(how)];
  const uint32_t constants[] = {kLocalSize, uint32_t(how), alongRows ? 1u : 0u};
  if (!made)
    made = std::make_unique<gpu::ComputePipeline>(context_, "view.comp", 4, uint32_t(sizeof(ViewPush)), constants);
  return *made;
}

uint32_t CellReducer::groups(int64_t invocations) { return uint32_t((invocations + kLocalSize - 1) / kLocalSize); }

GridPyramid::GridPyramid(CellReducer& reducer, const Grid& grid)
    : reducer_(reducer), grid_(grid), panels_(size_t(grid.panels())), version_(reducer.newVersion()) {
  for (int64_t panel = 0; panel < grid.panels(); ++panel)
    for (const GridChunk& chunk : grid.chunks(panel))
      panels_[size_t(panel)].chunks.push_back({.places = {chunk.rows, grid.columns()}, .nodes = {}, .built = false});
}

void GridPyramid::refresh() {
  version_ = reducer_.newVersion();
  for (Panel& panel : panels_)
    for (ChunkLevels& levels : panel.chunks) levels.built = false;
}

const std::vector<ChunkLevels>& GridPyramid::levels(VkCommandBuffer commands, gpu::DescriptorPool& pool, int64_t panel,
                                                    const CellReduction& how) {
  Panel& wanted = panels_.at(size_t(panel));
  const std::vector<GridChunk>& chunks = grid_.chunks(panel);
  for (size_t i = 0; i < chunks.size(); ++i)
    if (!wanted.chunks[i].built || !(wanted.how == how)) build(commands, pool, chunks[i], wanted.chunks[i], how);
  wanted.how = how;
  return wanted.chunks;
}

void GridPyramid::build(VkCommandBuffer commands, gpu::DescriptorPool& pool, const GridChunk& chunk,
                        ChunkLevels& levels, const CellReduction& how) {
  levels.built = true;
  const LevelPlaces& places = levels.places;
  const uint64_t bytes = 4 * places.nodes() * nodeWords(how.how);
  if (levels.nodes.bytes() < bytes || !levels.nodes) {
    if (levels.nodes) retired_.push_back(std::move(levels.nodes));
    levels.nodes = gpu::Buffer(reducer_.context(), bytes, gpu::Memory::Device, "pyramid");
  }
  // What an earlier frame reads or wrote comes first.
  gpu::barrier(commands, gpu::kAnyAccess, gpu::kComputeReadWrite);
  const gpu::BufferRange buffers[] = {{&chunk.buffer}, {&levels.nodes}};
  const auto nodeAt = [&](uint32_t i, uint32_t j) {
    return uint32_t(places.begin(i)) + places.column(j) - (i == 0 ? uint32_t(grid_.columns()) : 0);
  };
  for (uint32_t i = 0; i < places.rowLevels(); ++i)
    for (uint32_t j = 0; j < places.columnLevels(); ++j) {
      if (i + j == 0) continue;
      const bool down = j == 0;  // the first column of levels from the rows, all others along the columns
      const uint32_t fromRow = down ? i - 1 : i, fromColumn = down ? 0 : j - 1;
      const bool fromCells = fromRow + fromColumn == 0;
      const PyramidPush push{.source = fromCells ? kFromCells : nodeAt(fromRow, fromColumn),
                             .sourceStride = fromCells ? uint32_t(grid_.columns()) : places.stride(fromRow),
                             .sourceRows = uint32_t(places.rows(fromRow)),
                             .sourceColumns = uint32_t(places.columns(fromColumn)),
                             .target = nodeAt(i, j),
                             .targetStride = places.stride(i),
                             .targetRows = uint32_t(places.rows(i)),
                             .targetColumns = uint32_t(places.columns(j)),
                             .alongRows = down ? 1u : 0u,
                             .hiddenOp = how.hidden.op,
                             .hiddenValue = how.hidden.value,
                             .center = how.center};
      reducer_.levels(how.how).dispatch(commands, pool, buffers, std::as_bytes(std::span(&push, 1)),
                                        CellReducer::groups(places.rows(i) * places.columns(j)));
      gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
    }
}

}  // namespace divlens
