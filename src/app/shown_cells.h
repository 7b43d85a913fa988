#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "app/writers.h"

namespace divlens {

/// The cells that a figure shows: in memory, or where the grid is, of which then only parts are in memory at once.
class ShownCells {
 public:
  /// What they are made of must outlive them, and stay as it is.
  ShownCells(const Cells& cells, int64_t columns) : cells_(&cells), columns_(columns) {}
  explicit ShownCells(const Session& session);
  size_t panels() const;
  /// Calls `visit` with all cells of a panel in order, some whole rows at a time.
  void each(size_t panel, const std::function<void(std::span<const float>)>& visit) const;
  /// All cells of a panel, row-major.
  std::vector<float> all(size_t panel) const;
  /// One cell; those of its row and of some rows before are then at hand.
  float at(size_t panel, int64_t row, int64_t column) const;

 private:
  struct Row {
    size_t panel = 0;
    int64_t row = -1;
    std::vector<float> cells;
  };
  std::span<const float> part(const GridChunk& chunk, int64_t firstRow, int64_t rows, std::vector<float>& room) const;

  const Cells* cells_ = nullptr;
  int64_t columns_ = 0;
  const Session* session_ = nullptr;
  std::shared_ptr<std::array<Row, 4>> rows_ = std::make_shared<std::array<Row, 4>>();  ///< by row
};

}  // namespace divlens
