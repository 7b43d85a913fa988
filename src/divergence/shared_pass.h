#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "divergence/row_stats.h"
#include "divergence/row_stream.h"
#include "gpu/pipeline.h"

namespace divlens {

/// The fast way for rows of logits: pairs that share a reference row are computed together, KL both ways and Jeffreys
/// from one read of the cells' rows, JSD, TV and Hellinger from two. Which metrics go this way depends on the metric
/// and on the rows' format alone. Pairs whose sums would not carry the value's digits (zeros on one side, differences
/// that underflow, NaN) are given back, to be computed by PairsPass.
class SharedPass {
 public:
  /// Channels of the plan that go this way, given how both sides are stored; empty: none.
  static std::vector<size_t> channelsOf(const Plan& plan, SideFormat cells, SideFormat reference);
  /// `sharedTensor`: reference rows are among the cells' rows of a tile.
  SharedPass(const gpu::Context& context, const Plan& plan, const std::vector<size_t>& channels, SideFormat cells,
             SideFormat reference, bool sharedTensor, size_t maxPairs, size_t maxRows);
  /// Records the tile in `slot`; values go to `values[channel · channelStride + entry.slot]`.
  void record(VkCommandBuffer commands, Slot& slot, uint64_t referenceOffset, const gpu::Buffer& values,
              uint64_t channelStride);
  /// After the slot's commands are done: entries of its tile whose value of `channel` must be computed otherwise.
  std::vector<kernels::PairEntry> givenBack(const Slot& slot, size_t channel) const;
  /// True where the kernels read rows as texels: on processors (see shaders/shared_rows.glsl).
  static bool readsTexels(const gpu::Context& context) { return context.isCpu(); }
  const std::vector<size_t>& channels() const { return channels_; }
  /// Descriptor sets that one record() takes.
  static constexpr uint32_t kDescriptorSets = 2 * RowStatsPass::kDescriptorSets + 2 + 6;

 private:
  /// The metrics of one kernel.
  struct Family {
    std::unique_ptr<gpu::ComputePipeline> sums;
    std::vector<std::pair<size_t, std::unique_ptr<gpu::ComputePipeline>>> merges;  ///< by index into channels_
  };
  Family makeFamily(const gpu::Context& context, bool oneRead) const;
  uint32_t wanted(bool oneRead, uint32_t bits) const;

  const Plan& plan_;
  std::vector<size_t> channels_;
  SideFormat cells_, reference_;
  bool ownReferenceRows_, texels_;
  size_t maxPairs_;
  uint32_t lanes_, parts_, shared_;
  std::unique_ptr<RowStatsPass> referenceStats_, cellStats_;
  std::vector<Family> families_;
  gpu::Buffer allowed_, statsPartials_, stats_, partials_;
};

}  // namespace divlens
