#include "app/shown_cells.h"

#include <algorithm>

#include "gpu/barrier.h"

namespace divlens {
namespace {

constexpr int64_t kPartCells = int64_t{4} << 20;

}  // namespace

ShownCells::ShownCells(const Session& session) : session_(&session) {
  session.context->runOnce([](VkCommandBuffer commands) { gpu::barrier(commands, gpu::kAnyAccess, gpu::kHostRead); });
}

size_t ShownCells::panels() const { return cells_ ? cells_->size() : size_t(session_->result->grid.panels()); }

/// Rows of a chunk, in place where the device shares its memory, else read into `room`.
std::span<const float> ShownCells::part(const GridChunk& chunk, int64_t firstRow, int64_t rows,
                                        std::vector<float>& room) const {
  const int64_t columns = session_->result->grid.columns();
  const auto first = size_t(firstRow * columns), count = size_t(rows * columns);
  if (const std::byte* mapped = chunk.buffer.mapped())
    return std::span(reinterpret_cast<const float*>(mapped), size_t(chunk.rows * columns)).subspan(first, count);
  room.resize(count);
  gpu::download(*session_->context, chunk.buffer, first * sizeof(float), std::as_writable_bytes(std::span(room)));
  return room;
}

void ShownCells::each(size_t panel, const std::function<void(std::span<const float>)>& visit) const {
  if (cells_) return visit((*cells_)[panel]);
  const Grid& grid = session_->result->grid;
  const int64_t atOnce = std::max<int64_t>(1, kPartCells / grid.columns());
  std::vector<float> room;
  for (const GridChunk& chunk : grid.chunks(int64_t(panel)))
    for (int64_t row = 0; row < chunk.rows; row += atOnce)
      visit(part(chunk, row, std::min(atOnce, chunk.rows - row), room));
}

std::vector<float> ShownCells::all(size_t panel) const {
  return cells_ ? (*cells_)[panel] : session_->result->grid.read(*session_->context, int64_t(panel));
}

float ShownCells::at(size_t panel, int64_t row, int64_t column) const {
  if (cells_) return (*cells_)[panel][size_t(row * columns_ + column)];
  const std::vector<GridChunk>& chunks = session_->result->grid.chunks(int64_t(panel));
  const GridChunk& chunk = *std::find_if(chunks.begin(), chunks.end(),
                                         [&](const GridChunk& each) { return row < each.firstRow + each.rows; });
  Row& known = (*rows_)[size_t(row) % rows_->size()];
  if (chunk.buffer.mapped()) return part(chunk, row - chunk.firstRow, 1, known.cells)[size_t(column)];
  if (known.panel != panel || known.row != row) part(chunk, row - chunk.firstRow, 1, known.cells);
  known.panel = panel;
  known.row = row;
  return known.cells[size_t(column)];
}

}  // namespace divlens
