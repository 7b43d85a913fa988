#include "divergence/grid_write.h"

#include <algorithm>

#include "gpu/barrier.h"

namespace divlens {

void writeCells(const gpu::Context& context, const Grid& grid, int64_t panel, std::span<const float> cells) {
  for (const GridChunk& chunk : grid.chunks(panel)) {
    const auto first = static_cast<size_t>(chunk.firstRow * grid.columns());
    const auto count = static_cast<size_t>(chunk.rows * grid.columns());
    const auto part = std::as_bytes(cells.subspan(first, count));
    const gpu::Buffer staging(context, part.size(), gpu::Memory::Upload, "cells");
    std::copy(part.begin(), part.end(), staging.mapped());
    context.runOnce([&](VkCommandBuffer commands) {
      gpu::barrier(commands, gpu::kAnyAccess, gpu::kAnyAccess);
      const VkBufferCopy region{.size = part.size()};
      vkCmdCopyBuffer(commands, staging.handle(), chunk.buffer.handle(), 1, &region);
      gpu::barrier(commands, gpu::kTransferWrite, gpu::kAnyRead);
    });
  }
}

}  // namespace divlens
