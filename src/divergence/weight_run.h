#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "divergence/weight_cells.h"
#include "divergence/weight_spectra.h"
#include "gpu/pipeline.h"
#include "shaders/weights.h"

namespace divlens {

/// Statistics of whole tensors and of stored rows: their elements stream through a ring of slots, the device sums
/// moments of fixed pieces of 2^20 elements, merges them in a fixed order and forms the values. Memory does not grow
/// with the tensors.
class WeightRun {
 public:
  /// At most `memory` bytes for matrices whose singular values are wanted; 0: what the machine has.
  WeightRun(const gpu::Context& context, const Plan& plan, uint64_t memory);
  ~WeightRun();
  /// Values of the part that are finished, those from before among them.
  uint64_t done() const { return done_; }
  /// Values of all processes that could not be found, in words; every process calls it.
  std::vector<std::string> notes(const Share& share) const;
  /// Fills values[channel · channelStride + slot] of this process's part of a block, but for what was done before;
  /// calls `afterTile` with the bytes read since.
  void compute(const Block& block, const EntryLayout& entries, const gpu::Buffer& values, uint64_t channelStride,
               const WalkPart& part, const std::function<void(uint64_t)>& afterTile);

 private:
  struct Segment;
  struct Tile;
  struct Slot;
  std::vector<kernels::WeightSpectrumValues> spectraOf(const std::vector<WeightItem>& items,
                                                       const std::vector<uint32_t>& firstPiece,
                                                       const std::function<void(uint64_t)>& afterTile);
  /// What part of the time reading takes, roughly: of singular values the products take most.
  double readingShare() const { return spectra_.wanted() ? 0.1 : 1.0; }
  void stream(std::vector<Tile> tiles, const std::function<void(uint64_t)>& afterTile);
  void clearHistograms();
  uint64_t fill(Slot& slot, const Tile& tile) const;
  void record(Slot& slot, const Tile& tile);
  std::vector<Tile> tilesOf(const std::vector<WeightItem>& items, std::vector<uint32_t>& firstPiece) const;
  void finish(const std::vector<WeightItem>& items, const std::vector<uint32_t>& firstPiece, const gpu::Buffer& values,
              uint64_t channelStride, const std::function<void(uint64_t)>& afterTile);
  void recordMerges(VkCommandBuffer commands, gpu::DescriptorPool& pool, const gpu::Buffer& list,
                    const std::vector<uint32_t>& levels) const;
  using Pipelines = std::vector<std::pair<uint32_t, std::unique_ptr<gpu::ComputePipeline>>>;
  /// The kernel for these element types, made when it is first needed.
  const gpu::ComputePipeline& pipelineFor(Pipelines& known, const char* shader, uint32_t cellType,
                                          uint32_t referenceType) const;

  const gpu::Context& context_;
  const Plan& plan_;
  CellReader cells_;
  std::optional<CellReader> references_;
  WeightSpectra spectra_;
  uint32_t lanes_;
  kernels::WeightPush push_{};
  gpu::ComputePipeline merge_, finish_;
  Pipelines moments_, counts_;
  uint64_t done_ = 0;
  bool wantsHistograms_ = false;
  gpu::Buffer histograms_;  ///< of the batch's cells: counts of the cell's and of the reference's entries
  gpu::Buffer buffer_;      ///< moments: of the batch's pieces, then a tile's scratch
  std::vector<std::unique_ptr<Slot>> slots_;
  gpu::Submission last_;
};

}  // namespace divlens
