#pragma once
#include <memory>

#include "divergence/row_stats.h"
#include "divergence/row_stream.h"
#include "gpu/pipeline.h"

namespace divlens {

/// overlap:k from one read of each row, for k that are few against its entries: the rows' largest elements are listed
/// (shaders/top_groups.glsl, top_candidates.glsl, top_select.comp) and looked up in the other row (overlap.glsl).
/// Rows whose list would be too long are left to PairsPass.
class OverlapPass {
 public:
  /// `ownReference`: reference rows are in a range of their own.
  OverlapPass(const gpu::Context& context, const Plan& plan, SideFormat cells, SideFormat reference, bool ownReference,
              uint32_t k, size_t maxRows, bool texels);
  /// Whether k of `width` entries are few enough.
  static bool fits(int64_t width, uint32_t k);
  /// One side's rows in the tile: row i has number `first` + i in `slot.numbers`.
  struct Rows {
    gpu::BufferRange rows;
    size_t count = 0;
    size_t first = 0;
  };
  /// Where the values and the verdicts of pairs start.
  struct Places {
    uint32_t value = 0, redo = 0;
  };
  /// Records the tile's pairs; `reference.count` is 0 where it has no rows of its own.
  void record(VkCommandBuffer commands, gpu::DescriptorPool& pool, const Slot& slot, const Rows& cells,
              const Rows& reference, const gpu::Buffer& allowed, const gpu::Buffer& values, Places places) const;
  /// Descriptor sets that one record() takes.
  static constexpr uint32_t kDescriptorSets = 7;

 private:
  /// How a row is searched.
  struct Layout {
    uint32_t groups = 0, steps = 0, listed = 0, trips = 0;  ///< as in kernels::TopRowsPush
  };
  struct Side {
    Side(const gpu::Context& context, const Plan& plan, SideFormat format, bool texels);
    SideFormat format;
    gpu::ComputePipeline groups, candidates;
  };
  static Layout layoutFor(uint32_t lanes, int64_t width, uint32_t k);
  void recordRows(VkCommandBuffer commands, gpu::DescriptorPool& pool, const Side& side, const Rows& rows,
                  const gpu::Buffer& numbers, const gpu::Buffer& allowed) const;

  const Plan& plan_;
  uint32_t k_, shift_;
  bool alone_;
  Layout layout_;
  Side cells_;
  std::unique_ptr<Side> reference_;
  gpu::ComputePipeline select_, overlap_;
  gpu::Buffer maxima_, entries_, states_;
};

/// The n-th entry that is compared, counted from 1; kernels::kNoEntry for n < 1.
uint32_t allowedEntry(const Plan& plan, int64_t n);

}  // namespace divlens
