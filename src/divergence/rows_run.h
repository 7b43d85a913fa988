#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "divergence/evaluate.h"
#include "divergence/lens_pass.h"
#include "divergence/pairs_pass.h"
#include "divergence/row_stream.h"
#include "divergence/shared_pass.h"
#include "gpu/stopwatch.h"

namespace divlens {

/// Throws Error(Interrupted) or Error(Terminated) once the options' flag is set.
void throwIfCancelled(const EvaluateOptions& options);

/// Everything that a run over rows of distributions needs, made once for all blocks: how tiles are laid out, the ring
/// of slots, and the passes over a tile, the fast one for the metrics and rows that it knows.
class RowsRun {
 public:
  RowsRun(const gpu::Context& context, const Plan& plan, const EvaluateOptions& options);
  /// Values of all channels of one block: values[channel · channelStride + cell · entries + entry]. `afterTile` is
  /// called once a tile, and `part` says which of the block's pairs are this process's.
  void compute(const Block& block, const EntryLayout& entries, const gpu::Buffer& values, uint64_t channelStride,
               uint64_t totalBytes, std::vector<std::string>& warnings, const WalkPart& part,
               const std::function<void()>& afterTile);
  /// Pairs of the last block, from the first of the part on, whose values are final.
  uint64_t pairs() const { return pairs_; }
  /// For benchmarks: reads the block's first tile and leaves its rows on the device; computeHeld() then computes it,
  /// less what is given back, and says how many seconds that took.
  Slot& holdTile(const Block& block, const EntryLayout& entries);
  double computeHeld(const gpu::Stopwatch& stopwatch, const gpu::Buffer& values, uint64_t channelStride);
  /// Values that the fast way gave back so far.
  uint64_t givenBack() const { return givenBack_; }

 private:
  /// How rows of both sides lie in a slot, and how many fit.
  struct Layout {
    TileLimits limits;
    uint64_t referenceOffset = 0;
    uint64_t bytes = 0;
    uint64_t readReference = 0;  ///< with a lens: the same of the rows as they are read
    uint64_t readBytes = 0;
  };
  size_t maxRows() const;
  bool lensCells() const { return plan_.throughLens(plan_.cells); }
  bool lensReference() const { return reference_ && plan_.throughLens(plan_.reference.tensor); }
  /// Bytes of a row as the kernels see it.
  uint64_t rowBytes(const RowReader& reader, bool lens) const;
  void layOutReading();
  void makeLens();
  void chooseLayout();
  void choosePasses();
  void mapRows();
  void computeClose(Slot& slot, size_t channel, std::vector<kernels::PairEntry>& others, const gpu::Buffer& values,
                    uint64_t channelStride);
  std::unique_ptr<PairsPass> makePairsPass(const std::vector<size_t>& channels) const;
  void recordPasses(VkCommandBuffer commands, Slot& slot, const gpu::Buffer& values, uint64_t channelStride);
  void submit(Slot& slot, const gpu::Buffer& values, uint64_t channelStride);
  /// Computes what the fast way gave back, its commands being done, while the slot holds the tile.
  void computeGivenBack(Slot& slot, const gpu::Buffer& values, uint64_t channelStride);

  const gpu::Context& context_;
  const Plan& plan_;
  const EvaluateOptions& options_;
  RowReader cells_;
  std::optional<RowReader> reference_;
  ReadTeam team_;
  std::vector<int64_t> targets_;
  bool shared_ = false;
  Layout layout_;
  SideFormat cellSide_, referenceSide_;
  std::unique_ptr<LensPass> lens_;  ///< where a side holds hidden states
  std::optional<SharedPass> sharedPass_;
  std::unique_ptr<PairsPass> pairsPass_;                       ///< metrics that have no fast way
  std::map<size_t, std::unique_ptr<SharedPass>> closePasses_;  ///< of channels that gave close pairs back
  std::map<size_t, std::unique_ptr<PairsPass>> exactPasses_;   ///< of channels that gave others back
  uint64_t givenBack_ = 0;
  std::optional<SidesInPlace> inPlace_;  ///< none: rows are read into the slots
  std::vector<std::unique_ptr<Slot>> slots_;
  uint64_t done_ = 0;
  uint64_t pairs_ = 0;
  bool checked_ = false;
};

}  // namespace divlens
