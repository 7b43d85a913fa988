#pragma once
#include "divergence/row_stats.h"
#include "gpu/pipeline.h"

namespace divlens {

/// Marks the k largest elements of rows (ties to the lowest ids) by a search bit by bit, see shaders/topk_count.comp.
class TopKPass {
 public:
  TopKPass(const gpu::Context& context, const Plan& plan, SideFormat format, uint32_t k);
  /// Records the search over `count` rows into `states[firstRow …]` (kernels::TopState).
  void record(VkCommandBuffer commands, gpu::DescriptorPool& pool, gpu::BufferRange rows, size_t count, size_t firstRow,
              const gpu::Buffer& states, const gpu::Buffer& allowed) const;
  /// Descriptor sets that one record() takes at most.
  static constexpr uint32_t kDescriptorSets = 160;
  /// Low bits of a key that the element type never uses.
  static uint32_t shiftOf(const SideFormat& format);

 private:
  SideFormat format_;
  uint32_t width_, k_;
  gpu::ComputePipeline count_, update_;
};

}  // namespace divlens
