#include "figure/grid_pyramid.h"

#include "figure/pixel_spans.h"
#include "gpu/barrier.h"

namespace divlens {
namespace {

constexpr uint32_t kLocalSize = 64;

std::unique_ptr<gpu::ComputePipeline> makePipeline(const gpu::Context& context, const char* shader, uint32_t bindings,
                                                   size_t pushBytes, Aggregate how) {
  const uint32_t constants[] = {kLocalSize, uint32_t(how)};
  return std::make_unique<gpu::ComputePipeline>(context, shader, bindings, uint32_t(pushBytes), constants);
}

/// A chunk's rows and columns on each level, and where each level begins.
struct LevelShapes {
  const GridChunk& chunk;
  int64_t columns;
  const ChunkLevels& levels;

  int64_t rowsOf(uint32_t i) const { return (chunk.rows + (int64_t{1} << (kLevelBits * i)) - 1) >> (kLevelBits * i); }
  int64_t columnsOf(uint32_t j) const { return (columns + (int64_t{1} << (kLevelBits * j)) - 1) >> (kLevelBits * j); }
  /// Nodes of all levels; `begins` (of kLevelHeader entries) gets where each one begins.
  uint64_t place(std::array<uint32_t, kLevelHeader>& begins) const {
    uint64_t at = 0;
    for (uint32_t i = 0; i < levels.rowLevels; ++i)
      for (uint32_t j = 0; j < levels.columnLevels; ++j) {
        if (i + j == 0) continue;
        begins[i * kMostLevels + j] = uint32_t(at);
        at += uint64_t(rowsOf(i) * columnsOf(j));
      }
    return at;
  }
};

}  // namespace

const gpu::ComputePipeline& CellReducer::levels(Aggregate how) {
  auto& made = levels_[size_t(how)];
  if (!made) made = makePipeline(context_, "pyramid.comp", 2, sizeof(PyramidPush), how);
  return *made;
}

const gpu::ComputePipeline& CellReducer::view(Aggregate how) {
  auto& made = views_[size_t(how)];
  if (!made) made = makePipeline(context_, "view.comp", 4, sizeof(ViewPush), how);
  return *made;
}

uint32_t CellReducer::groups(int64_t invocations) { return uint32_t((invocations + kLocalSize - 1) / kLocalSize); }

GridPyramid::GridPyramid(CellReducer& reducer, const Grid& grid)
    : reducer_(reducer), grid_(grid), panels_(size_t(grid.panels())), version_(reducer.newVersion()) {
  for (int64_t panel = 0; panel < grid.panels(); ++panel)
    for (const GridChunk& chunk : grid.chunks(panel)) {
      ChunkLevels levels;
      levels.rowLevels = pyramidLevels(chunk.rows);
      levels.columnLevels = pyramidLevels(grid.columns());
      panels_[size_t(panel)].chunks.push_back(std::move(levels));
    }
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
  const LevelShapes shapes{chunk, grid_.columns(), levels};
  std::array<uint32_t, kLevelHeader> begins{};
  const uint64_t bytes = 4 * (kLevelHeader + shapes.place(begins) * nodeWords(how.how));
  if (levels.nodes.bytes() < bytes) {
    if (levels.nodes) retired_.push_back(std::move(levels.nodes));
    levels.nodes = gpu::Buffer(reducer_.context(), bytes, gpu::Memory::Device, "pyramid");
  }
  // What an earlier frame reads or wrote comes first.
  gpu::barrier(commands, gpu::kAnyAccess, {VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT});
  vkCmdUpdateBuffer(commands, levels.nodes.handle(), 0, sizeof begins, begins.data());
  gpu::barrier(commands, gpu::kTransferWrite, gpu::kComputeReadWrite);
  const gpu::BufferRange buffers[] = {{&chunk.buffer}, {&levels.nodes}};
  for (uint32_t i = 0; i < levels.rowLevels; ++i)
    for (uint32_t j = 0; j < levels.columnLevels; ++j) {
      if (i + j == 0) continue;
      const bool down = j == 0;  // the first column of levels from the rows, all others along the columns
      const uint32_t fromRow = down ? i - 1 : i, fromColumn = down ? 0 : j - 1;
      const PyramidPush push{
          .source = fromRow + fromColumn == 0 ? kFromCells : begins[fromRow * kMostLevels + fromColumn],
          .sourceRows = uint32_t(shapes.rowsOf(fromRow)),
          .sourceColumns = uint32_t(shapes.columnsOf(fromColumn)),
          .target = begins[i * kMostLevels + j],
          .targetRows = uint32_t(shapes.rowsOf(i)),
          .targetColumns = uint32_t(shapes.columnsOf(j)),
          .alongRows = down ? 1u : 0u,
          .hiddenOp = how.hidden.op,
          .hiddenValue = how.hidden.value,
          .center = how.center};
      reducer_.levels(how.how).dispatch(commands, pool, buffers, std::as_bytes(std::span(&push, 1)),
                                        CellReducer::groups(shapes.rowsOf(i) * shapes.columnsOf(j)));
      gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
    }
}

}  // namespace divlens
