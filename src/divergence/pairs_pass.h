#pragma once
#include <memory>
#include <vector>

#include "divergence/row_stats.h"
#include "divergence/row_stream.h"
#include "divergence/tiles.h"
#include "divergence/topk_pass.h"
#include "gpu/pipeline.h"

namespace divlens {

/// The compute passes over a tile for any metric and any rows: normalisers of its rows, sums of the metrics over the
/// vocabulary, values of the pairs. SharedPass is the fast way for what it knows.
class PairsPass {
 public:
  /// `channels`: those of the plan's metrics that are evaluated here, ascending.
  PairsPass(const gpu::Context& context, const Plan& plan, const std::vector<size_t>& channels, SideFormat cells,
            SideFormat reference, bool sharedTensor, size_t maxPairs, size_t maxRows);
  /// Records the first `slot.pairs` entries of the tile in `slot`; values go to `values[channel · channelStride +
  /// entry.slot]`.
  void record(VkCommandBuffer commands, Slot& slot, uint64_t referenceOffset, const gpu::Buffer& values,
              uint64_t channelStride) const;
  /// Descriptor sets that one record() takes.
  uint32_t descriptorSets() const;

 private:
  /// Up to four metrics that share one read of the rows.
  struct Group {
    size_t firstChannel = 0, channels = 0;
    uint32_t k = 0;                                     ///< of overlap:k, 0 without
    std::unique_ptr<TopKPass> cellTops, referenceTops;  ///< for overlap:k
    std::unique_ptr<gpu::ComputePipeline> centres;      ///< for metrics that see what normalisers are off by
    std::unique_ptr<gpu::ComputePipeline> sums;
    std::vector<std::unique_ptr<gpu::ComputePipeline>> finish;  ///< one a channel
  };
  size_t topPasses() const;
  void addGroup(const gpu::Context& context, std::span<const size_t> channels);
  kernels::PairsPush pairsPush(const Group& group, size_t pairs, uint64_t channelStride) const;

  const Plan& plan_;
  SideFormat cells_, reference_;
  bool ownReferenceRows_;
  size_t channels_;
  uint32_t lanes_, parts_;
  std::shared_ptr<RowStatsPass> cellStats_, referenceStats_;
  std::vector<Group> groups_;
  gpu::Buffer allowed_, statsPartials_, stats_, sumPartials_, centres_, tops_;
};

}  // namespace divlens
