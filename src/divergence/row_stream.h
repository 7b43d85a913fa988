#pragma once
#include <condition_variable>
#include <deque>
#include <exception>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "divergence/rows_in_place.h"
#include "divergence/tiles.h"
#include "dump/read_team.h"
#include "gpu/pipeline.h"

namespace divlens {

/// Both sides of a run whose rows the kernels may read in the mapped file; `reference` is null where it has no rows of
/// its own.
struct SidesInPlace {
  std::unique_ptr<RowsInPlace> cells, reference;
};
/// What is mapped of both for a few tiles; null where it cannot be.
struct TileWindows {
  std::shared_ptr<const RowWindow> cells, reference;
};

/// A place in the ring: the rows of one tile and its pairs, and the commands that use them.
struct Slot {
  Tile tile;
  uint64_t cellBytes = 0, referenceBytes = 0;  ///< of the tile's rows as they were read
  gpu::Buffer upload;                          ///< cells' rows from 0, reference's rows from `readReference`
  gpu::Buffer device;   ///< what the kernels read, the reference's rows from `referenceOffset`; empty where the device
                        ///< reads `upload` itself
  gpu::Buffer entries;  ///< the tile's pairs
  size_t pairs = 0;     ///< how many of them the commands take
  gpu::Buffer groups;   ///< of SharedPass: pairs that share a reference row, and those rows
  gpu::Buffer referenceList;
  gpu::Buffer verdicts;  ///< of SharedPass, for each of its channels: pairs that it gives back
  gpu::Buffer numbers;   ///< of SharedPass: the uvec4 at which each of the tile's rows starts, cells' first
  gpu::TexelView cellTexels, referenceTexels;  ///< of rows(), where the kernels read it so
  uint64_t referenceOffset = 0;
  uint32_t cellVectors = 0, referenceVectors = 0;   ///< from the start of a row to the next one's
  uint64_t readReference = 0;                       ///< where the reference's rows start in `upload`
  bool copiesCells = true, copiesReference = true;  ///< to `device`; else a LensPass makes that side there
  TileWindows windows;                              ///< the kernels read the file's rows there instead
  std::unique_ptr<gpu::Uploader> uploader;          ///< where there is a `device`; goes after what waits for it
  gpu::Submission submission;
  uint64_t rowBytes() const { return cellBytes + referenceBytes; }
  const gpu::Buffer& rows() const { return device ? device : upload; }
  /// How large everything is.
  struct Size {
    uint64_t bytes = 0;            ///< of the rows
    uint64_t referenceOffset = 0;  ///< where the reference's rows start; `bytes` where they are the cells'
    uint32_t cellVectors = 0;      ///< uvec4s of a row as the kernels see it, which with a lens are its logits
    uint32_t referenceVectors = 0;
    uint64_t entries = 0;       ///< pairs
    size_t sharedChannels = 0;  ///< of SharedPass
    uint64_t readBytes = 0;     ///< with a lens: of the rows as they are read, and where the reference's start
    uint64_t readReference = 0;
    bool lensCells = false, lensReference = false;  ///< that side is hidden states, which a LensPass turns into rows
    bool texels = false;                            ///< the kernels read rows as texels
  };
  Slot(const gpu::Context& context, const Size& size, uint32_t descriptorSets);
  /// Takes a tile whose rows are read where they are mapped.
  void point(Tile tile, TileWindows mapped, const RowReader& cells, const RowReader* reference);
  /// Reads the tile's rows into `upload`; `reference` is null where it has no rows of its own.
  void fill(Tile tile, const RowReader& cells, const RowReader* reference, ReadTeam& team);
  /// Sends the rows from where they were read to where the kernels read them.
  void send();
  /// After the commands are done. Error(BadInput) when a mapped file has become shorter.
  void checkRows() const;
  /// The views through which the kernels read the rows as texels.
  VkBufferView cellView() const { return windows.cells ? windows.cells->texels() : cellTexels.handle(); }
  VkBufferView referenceView() const {
    return windows.reference ? windows.reference->texels() : referenceTexels.handle();
  }
  /// Submits what was recorded; it waits for rows that are under way.
  void submit();

 private:
  void take(Tile tile);
};

/// Reads tiles of rows in a thread of its own and those of a team, into a ring of slots, while earlier ones are
/// computed.
class RowStream {
 public:
  /// `reference` may be null: then pairs index the cells' rows or hold no row. With `sides` no row is read where
  /// the kernels can read it in the mapped file.
  RowStream(std::vector<std::unique_ptr<Slot>>& slots, TileWalk walk, const RowReader& cells,
            const RowReader* reference, ReadTeam& team, const SidesInPlace* sides = nullptr);
  ~RowStream();
  /// The next filled slot, or null at the end; rethrows what went wrong while reading.
  Slot* next();
  /// Gives a slot back once its commands are submitted; it is filled again when they are done.
  void recycle(Slot* slot);

 private:
  void read(const std::stop_token& stop);
  /// Takes the next tiles from the walk, and maps their rows together.
  void lookAhead();
  /// Takes the next tile, and lets the walk go on to the one after it while this one's rows are read.
  void walkAhead();

  TileWalk walk_;
  std::future<std::optional<Tile>> walking_;
  const RowReader& cells_;
  const RowReader* reference_;
  ReadTeam& team_;
  const SidesInPlace* sides_;
  std::deque<Tile> ahead_;
  TileWindows windows_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Slot*> free_, full_;
  bool ended_ = false;
  std::exception_ptr error_;
  std::jthread thread_;
};

}  // namespace divlens
