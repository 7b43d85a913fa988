#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gpu/buffer.h"

namespace divlens {

/// Consecutive rows of one panel in one storage buffer of rows × columns float bits, row-major.
struct GridChunk {
  int64_t firstRow = 0, rows = 0;
  gpu::Buffer buffer;
};

/// The result: panels of rows × columns float32 in device memory, each in as few storage buffers as the device allows.
/// Drawn from there; read back only for colour range and export.
class Grid {
 public:
  /// All cells masked. `mostRows` a buffer, 0: as many as fit; tests make it small.
  Grid(const gpu::Context& context, int64_t panels, int64_t rows, int64_t columns, int64_t mostRows = 0);
  /// Moves a panel of a grid of the same shape behind its own.
  void take(Grid& other, int64_t panel);
  /// A further panel, of rows × columns cells.
  void add(const gpu::Context& context, std::span<const float> cells);
  int64_t panels() const { return int64_t(chunks_.size()); }
  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  const std::vector<GridChunk>& chunks(int64_t panel) const { return chunks_[size_t(panel)]; }
  /// Replaces all cells of a panel.
  void write(const gpu::Context& context, int64_t panel, std::span<const float> cells) const;
  /// All cells of a panel, row-major.
  std::vector<float> read(const gpu::Context& context, int64_t panel) const;

 private:
  int64_t rows_, columns_;
  std::vector<std::vector<GridChunk>> chunks_;
};

}  // namespace divlens
