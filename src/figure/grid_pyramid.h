#pragma once
#include <array>
#include <memory>
#include <vector>

#include "divergence/grid.h"
#include "figure/cell_rule.h"
#include "gpu/pipeline.h"
#include "shaders/pyramid.h"

namespace divlens {

/// The compute shaders that reduce cells; made once, used by every pyramid and view.
class CellReducer {
 public:
  explicit CellReducer(const gpu::Context& context) : context_(context) {}
  const gpu::Context& context() const { return context_; }
  const gpu::ComputePipeline& levels(Aggregate how);
  /// `alongRows`: neighbours lie in one column.
  const gpu::ComputePipeline& view(Aggregate how, bool alongRows);
  /// Workgroups for so many invocations.
  static uint32_t groups(int64_t invocations);
  /// A number that no pyramid had before.
  uint64_t newVersion() { return ++versions_; }

 private:
  const gpu::Context& context_;
  std::array<std::unique_ptr<gpu::ComputePipeline>, 4> levels_, views_, viewsAlongRows_;
  uint64_t versions_ = 0;
};

/// Storage words of a node: the mean keeps a sum and a number.
inline uint32_t nodeWords(Aggregate how) { return how == Aggregate::Mean ? 2 : 1; }

/// Where the nodes of a chunk's levels lie, as shaders/pyramid.h says: level i of the rows begins at `begin` and goes
/// on by `stride` from row to row, level j of the columns is `column` behind that.
class LevelPlaces {
 public:
  LevelPlaces(int64_t rows, int64_t columns);
  uint32_t rowLevels() const { return rowLevels_; }
  uint32_t columnLevels() const { return columnLevels_; }
  int64_t rows(uint32_t i) const { return (rows_ + (int64_t{1} << (kLevelBits * i)) - 1) >> (kLevelBits * i); }
  int64_t columns(uint32_t j) const { return (columns_ + (int64_t{1} << (kLevelBits * j)) - 1) >> (kLevelBits * j); }
  /// Nodes of all levels together.
  uint64_t nodes() const { return begin(rowLevels_); }
  uint64_t begin(uint32_t i) const;
  uint32_t stride(uint32_t i) const { return column(columnLevels_) - (i == 0 ? uint32_t(columns_) : 0); }
  /// From the start of a row of level 0, of which the cells are no part, the cells' columns must be taken off.
  uint32_t column(uint32_t j) const;

 private:
  int64_t rows_, columns_;
  uint32_t rowLevels_, columnLevels_;
};

/// Levels of a chunk of a grid: what stands for 8, 64, 512 … rows and columns, in any combination.
struct ChunkLevels {
  LevelPlaces places;
  gpu::Buffer nodes;
  bool built = false;
};

/// A grid with what stands for many cells beside it, so that a view of any size reads few nodes a pixel. It takes a
/// seventh to a third of the grid's memory, and only where a pixel holds many cells. The grid must outlive it.
class GridPyramid {
 public:
  GridPyramid(CellReducer& reducer, const Grid& grid);
  const Grid& grid() const { return grid_; }
  /// Cells have changed: levels are made anew when they are needed next.
  void refresh();
  /// Levels of each chunk of a panel; records what makes them where they are missing, or made for another rule. Sets
  /// come from `pool`; a barrier is left to the caller.
  const std::vector<ChunkLevels>& levels(VkCommandBuffer commands, gpu::DescriptorPool& pool, int64_t panel,
                                         const CellReduction& how);
  /// Another one whenever cells have changed, and for each pyramid of a reducer.
  uint64_t version() const { return version_; }

 private:
  struct Panel {
    CellReduction how;
    std::vector<ChunkLevels> chunks;
  };
  void build(VkCommandBuffer commands, gpu::DescriptorPool& pool, const GridChunk& chunk, ChunkLevels& levels,
             const CellReduction& how);

  CellReducer& reducer_;
  const Grid& grid_;
  std::vector<Panel> panels_;
  std::vector<gpu::Buffer> retired_;  ///< too small ones, which the device may still read
  uint64_t version_;
};

}  // namespace divlens
