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
};
/// Format of the rows that `reader` delivers of a tensor of `kind`.
SideFormat formatOf(const RowReader& reader, Kind kind, double temperature);

/// Invocations that share a row of `width` entries. It depends on that and the device alone, so that a cell's bits do
/// too, and so that equal rows have equal normalisers however they are stored.
uint32_t lanesFor(const gpu::Context& context, int64_t width);
/// Partial results of a row that such invocations leave: one each, or one in all where they merge them themselves.
uint32_t partsFor(uint32_t lanes);

/// Entries that count, a bit each, as the kernels read them; also without --vocab-mask a buffer is bound.
gpu::Buffer allowedBuffer(const gpu::Context& context, const Plan& plan);

/// The normalisers of rows: two small kernels, see shaders/row_stats.comp.
class RowStatsPass {
 public:
  /// `needsLow`: the smallest element of each row is wanted too.
  RowStatsPass(const gpu::Context& context, const Plan& plan, SideFormat format, bool needsLow);
  /// Records the statistics of `count` rows into `stats[firstRow …]`; `partials` holds count · parts() StatsPartial.
  void record(VkCommandBuffer commands, gpu::DescriptorPool& pool, gpu::BufferRange rows, size_t count, size_t firstRow,
              const gpu::Buffer& partials, const gpu::Buffer& stats, const gpu::Buffer& allowed) const;
  /// Partials of one row.
  uint32_t parts() const { return parts_; }
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
