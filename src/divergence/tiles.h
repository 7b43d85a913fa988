#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "divergence/plan.h"
#include "shaders/kernels.h"

namespace divlens {

/// A rectangle of the grid whose entries (cells × reduced positions) are held on the device at once.
struct Block {
  int64_t firstRow = 0, rows = 0;
  int64_t firstColumn = 0, columns = 0;
  int64_t cells() const { return rows * columns; }
};

/// Cuts the grid into blocks of at most `maxEntries` entries; Error(Budget) when one cell alone has more.
std::vector<Block> cutIntoBlocks(const Plan& plan, int64_t maxEntries);

/// Order of the reduced axes in a cell's entries: entry = Σ index of the position · stride.
struct EntryLayout {
  std::vector<int64_t> strides;  ///< one for each of plan.reduced
  int64_t entries = 1;           ///< per cell
};

/// Rows that are read together, and the pairs that they make.
struct Tile {
  std::vector<int64_t> cellRows;            ///< ascending, each once
  std::vector<int64_t> referenceRows;       ///< the same; empty where the reference is in the cells' own tensor
  std::vector<kernels::PairEntry> entries;  ///< cell and reference index those lists (or hold a token id)
};

/// Limits of a tile. Rows of the cells and of the reference count against the same number of bytes.
struct TileLimits {
  size_t bytes = 0;
  size_t cellRowBytes = 0;
  size_t referenceRowBytes = 0;  ///< 0: the reference brings no rows of its own
  size_t entries = 0;
};

/// Which of a walk's pairs: those of one of `parts` nearly equal parts, cut where the reference row changes if that
/// many cuts exist, and of those not the first `done`.
struct WalkPart {
  uint64_t part = 0, parts = 1;
  uint64_t done = 0;
};

/// Walks over a block's pairs, those that share a reference row next to each other, and cuts them into tiles.
class TileWalk {
 public:
  /// `targets`: token id for each element of the reference tensor where the reference is `target`, else empty.
  TileWalk(const Plan& plan, const Block& block, const EntryLayout& layout, const TileLimits& limits, bool sharedTensor,
           const std::vector<int64_t>& targets, const WalkPart& part = {});
  /// The next tile, or nothing when the block is done.
  std::optional<Tile> next();

 private:
  struct Step {  ///< one axis of the walk
    std::vector<int64_t> positions;
    int64_t cellStride, referenceStride, maskStride, slotStride, length;
    bool shifted;
    size_t at = 0;
  };
  struct Found {
    int64_t cell, reference;
    uint32_t slot;
    bool masked;
  };
  void start(const WalkPart& part, uint64_t withinReference);
  std::optional<Found> take();
  int64_t referenceOf(int64_t row, bool outside) const;

  const Plan& plan_;
  TileLimits limits_;
  bool sharedTensor_;
  const std::vector<int64_t>& targets_;
  std::vector<Step> steps_;  ///< outermost first
  uint64_t left_ = 0;        ///< pairs
  std::optional<Found> held_;
};

}  // namespace divlens
