#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "divergence/fast_metrics.h"
#include "divergence/overlap_pass.h"
#include "divergence/row_stream.h"
#include "gpu/pipeline.h"

namespace divlens {

/// The fast way for rows of logits, for the metrics of fast_metrics.cpp: pairs that share a reference row are computed
/// together, most metrics from one read of the cells' rows, JSD and TV from two. Which metrics go this way depends on
/// the metric and on the rows' format alone. Pairs whose sums would not carry the value's digits are given back: those
/// too close for plain sums to a pass for close rows, those with zeros on one side, differences that underflow or NaN
/// to PairsPass.
class SharedPass {
 public:
  /// Channels of the plan that go this way, given how both sides are stored; empty: none.
  static std::vector<size_t> channelsOf(const Plan& plan, SideFormat cells, SideFormat reference);
  /// `sharedTensor`: reference rows are among the cells' rows of a tile. `close`: a pass for close rows.
  SharedPass(const gpu::Context& context, const Plan& plan, const std::vector<size_t>& channels, SideFormat cells,
             SideFormat reference, bool sharedTensor, size_t maxPairs, size_t maxRows, bool close = false);
  /// Records `entries`, pairs of the tile in `slot` that `slot.entries` begins with; values go to
  /// `values[channel · channelStride + entry.slot]`.
  void record(VkCommandBuffer commands, Slot& slot, std::span<const kernels::PairEntry> entries,
              uint64_t referenceOffset, const gpu::Buffer& values, uint64_t channelStride);
  /// After the slot's commands are done: those of the recorded entries on whose value of `channel` the verdict is such.
  std::vector<kernels::PairEntry> givenBack(const Slot& slot, std::span<const kernels::PairEntry> entries,
                                            size_t channel, uint32_t verdict) const;
  /// True where the kernels read rows as texels: on processors (see shaders/shared_rows.glsl).
  static bool readsTexels(const gpu::Context& context) { return context.isCpu(); }
  const std::vector<size_t>& channels() const { return channels_; }
  /// Descriptor sets that one record() takes.
  uint32_t descriptorSets() const {
    return uint32_t(2 * RowStatsPass::kDescriptorSets + families_.size() * OverlapPass::kDescriptorSets +
                    channels_.size());
  }

 private:
  /// The metrics of one run of a kernel.
  struct Family {
    FastKernel kernel = FastKernel::OneRead;
    float tilt = 0, weight = 0;
    uint32_t k = 0;
    uint32_t sumBits = 0;
    bool plain = false;  ///< sums of plain_read.glsl
    bool entropy = false, reference = false, entry = false;
    std::vector<size_t> channels;                               ///< indices into channels_
    std::unique_ptr<gpu::ComputePipeline> sums;                 ///< none where the rows' statistics are enough
    std::vector<std::unique_ptr<gpu::ComputePipeline>> values;  ///< of each channel
    std::unique_ptr<OverlapPass> overlap;                       ///< instead of both
  };
  void makePipelines(const gpu::Context& context, Family& family) const;

  const Plan& plan_;
  std::vector<size_t> channels_;
  SideFormat cells_, reference_;
  bool ownReferenceRows_, texels_, close_;
  size_t maxPairs_;
  uint32_t lanes_, parts_, shared_ = 1;
  std::unique_ptr<RowStatsPass> referenceStats_, cellStats_;
  std::vector<Family> families_;
  gpu::Buffer allowed_, statsPartials_, stats_, partials_;
};

}  // namespace divlens
