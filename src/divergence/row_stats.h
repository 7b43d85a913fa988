#pragma once
#include <memory>

#include "divergence/plan.h"
#include "dump/rows.h"
#include "gpu/pipeline.h"
#include "shaders/kernels.h"

namespace divlens {

/// One side of the comparison as the kernels take it.
struct SideFormat {
  uint32_t dtype = kernels::kF32;
  uint32_t kind = kernels::kLogits;
  uint32_t rowVectors = 0;  ///< uvec4 in a padded row
  bool split = false;       ///< a row is the sum of two, see RowReader
};
/// Format of the rows that `reader` delivers of a tensor of `kind`.
SideFormat formatOf(const RowReader& reader, Kind kind, double temperature);

/// Invocations that share a row of `width` entries. It depends on that and the device alone, so that a cell's bits do
/// too, and so that equal rows have equal normalisers however they are stored.
uint32_t lanesFor(const gpu::Context& context, int64_t width);
/// Entries that count, a bit each, as the kernels read them; also without --vocab-mask a buffer is bound.
gpu::Buffer allowedBuffer(const gpu::Context& context, const Plan& plan);

/// The normalisers of rows: two small kernels, see shaders/row_stats.comp.
class RowStatsPass {
 public:
  struct Options {
    bool low = false;     ///< the smallest element of each row is wanted too
    bool listed = false;  ///< only the rows of a list
    bool top = false;     ///< where the largest element first is, in the partials too
    bool heat = false;    ///< the entropy is wanted; of logits alone
    bool texels = false;  ///< rows are read through a texel view
  };
  /// `count` rows; row i has statistics and partials number `first` + i. With a list, `count` is its length.
  struct Rows {
    gpu::BufferRange rows;
    size_t count = 0;
    size_t first = 0;
    const gpu::Buffer* list = nullptr;
    const gpu::Buffer* numbers = nullptr;  ///< of texels: where each row is
  };
  RowStatsPass(const gpu::Context& context, const Plan& plan, SideFormat format, Options options);
  /// Records the statistics of rows; `partials` holds parts() StatsPartial for each number of a row.
  void record(VkCommandBuffer commands, gpu::DescriptorPool& pool, const Rows& rows, const gpu::Buffer& partials,
              const gpu::Buffer& stats, const gpu::Buffer& allowed) const;
  /// Partials of one row.
  uint32_t parts() const { return parts_; }
  static uint32_t partsFor(const gpu::Context& context, const Plan& plan);
  /// Descriptor sets that one record() takes.
  static constexpr uint32_t kDescriptorSets = 2;

 private:
  SideFormat format_;
  uint32_t parts_;
  uint32_t width_;
  float inverseTemperature_;
  gpu::ComputePipeline first_, merge_;
};

}  // namespace divlens
