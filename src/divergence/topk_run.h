#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "divergence/plan.h"
#include "divergence/tiles.h"
#include "gpu/commands.h"
#include "gpu/pipeline.h"

namespace divlens {

/// Lower bounds over rows of which k entries are known (kind topk), see shaders/topk_pairs.comp.
class TopKRun {
 public:
  TopKRun(const gpu::Context& context, const Plan& plan);
  /// Values of all channels of one block: values[channel · channelStride + cell · entries + entry]; `afterTile` is
  /// called with the bytes that a tile read.
  void compute(const Block& block, const EntryLayout& entries, const gpu::Buffer& values, uint64_t channelStride,
               const std::function<void(uint64_t)>& afterTile);
  /// The most probability that a list leaves open: what the bounds do not see.
  float largestRest() const;

 private:
  uint64_t upload(const Tensor& lists, const Tensor& ids, const std::vector<int64_t>& rows, size_t first);
  void record(const Tile& tile, const gpu::Buffer& values, uint64_t channelStride);
  void recordRows(VkCommandBuffer commands, const Tensor& lists, size_t rows, size_t first, size_t firstRow);

  const gpu::Context& context_;
  const Plan& plan_;
  bool shared_ = false;  ///< the reference's lists are the cells' own
  size_t k_, referenceK_;
  std::vector<int64_t> targets_;
  TileLimits limits_;
  gpu::ComputePipeline rows_;
  std::vector<std::unique_ptr<gpu::ComputePipeline>> pairs_;  ///< one a channel
  gpu::Submission submission_;
  gpu::Buffer lists_, stats_, entries_, largest_;
};

}  // namespace divlens
