#include "divergence/grid.h"

#include <fmt/format.h>

#include <algorithm>

#include "error.h"
#include "gpu/barrier.h"
#include "shaders/kernels.h"

namespace divlens {

Grid::Grid(const gpu::Context& context, int64_t panels, int64_t rows, int64_t columns, int64_t mostRows)
    : rows_(rows), columns_(columns) {
  const int64_t range = int64_t(context.maxBufferBytes());
  const int64_t fitting = range / (4 * columns);
  const int64_t rowsAtOnce = mostRows > 0 ? std::min(mostRows, fitting) : fitting;
  if (rowsAtOnce == 0)
    throw Error(
        Exit::Budget,
        fmt::format("a grid of {} columns is too wide for {}, whose buffers hold {}; show that axis as rows, or keep "
                    "fewer of its entries with --select",
                    columns, context.info().name, range / 4));
  for (int64_t panel = 0; panel < panels; ++panel) {
    std::vector<GridChunk> chunks;
    for (int64_t r = 0; r < rows; r += rowsAtOnce) {
      const int64_t count = std::min(rowsAtOnce, rows - r);
      chunks.push_back({r, count, gpu::Buffer(context, uint64_t(count * columns * 4), gpu::Memory::Device, "grid")});
    }
    chunks_.push_back(std::move(chunks));
  }
  context.runOnce([&](VkCommandBuffer commands) {
    for (const auto& panel : chunks_)
      for (const GridChunk& chunk : panel)
        vkCmdFillBuffer(commands, chunk.buffer.handle(), 0, chunk.buffer.bytes(), kernels::kMaskedBits);
    gpu::barrier(commands, gpu::kTransferWrite, gpu::kAnyAccess);
  });
}

void Grid::take(Grid& other, int64_t panel) { chunks_.push_back(std::move(other.chunks_[size_t(panel)])); }

void Grid::add(const gpu::Context& context, std::span<const float> cells) {
  Grid one(context, 1, rows_, columns_);
  for (GridChunk& chunk : one.chunks_.front()) {
    const auto part = cells.subspan(size_t(chunk.firstRow * columns_), size_t(chunk.rows * columns_));
    chunk.buffer = gpu::makeFilledBuffer(context, std::as_bytes(part), "grid");
  }
  take(one, 0);
}

std::vector<float> Grid::read(const gpu::Context& context, int64_t panel) const {
  std::vector<float> cells(size_t(rows_ * columns_));
  for (const GridChunk& chunk : chunks(panel)) {
    const auto out = std::span(cells).subspan(size_t(chunk.firstRow * columns_), size_t(chunk.rows * columns_));
    gpu::download(context, chunk.buffer, 0, std::as_writable_bytes(out));
  }
  return cells;
}

void Grid::write(const gpu::Context& context, int64_t panel, std::span<const float> cells) const {
  for (const GridChunk& chunk : chunks(panel)) {
    const auto part = cells.subspan(size_t(chunk.firstRow * columns_), size_t(chunk.rows * columns_));
    const gpu::Buffer staging = gpu::makeFilledBuffer(context, std::as_bytes(part), "new cells");
    context.runOnce([&](VkCommandBuffer commands) {
      gpu::barrier(commands, gpu::kAnyRead, gpu::kTransferWrite);
      const VkBufferCopy region{.size = part.size_bytes()};
      vkCmdCopyBuffer(commands, staging.handle(), chunk.buffer.handle(), 1, &region);
      gpu::barrier(commands, gpu::kTransferWrite, gpu::kAnyRead);
    });
  }
}

}  // namespace divlens
