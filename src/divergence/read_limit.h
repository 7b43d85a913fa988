#pragma once
#include "divergence/row_stream.h"
#include "gpu/pipeline.h"
#include "gpu/stopwatch.h"

namespace divlens {

/// The fastest that this device reads rows that lie on it: the limit of everything that reads them once.
class ReadLimit {
 public:
  /// `bytes` of rows from the start of `slot`, `rowBytes` each (a multiple of 16).
  ReadLimit(const gpu::Context& context, const Slot& slot, uint64_t bytes, uint64_t rowBytes, int64_t width);
  /// Seconds to read them once.
  double seconds(const gpu::Stopwatch& stopwatch);

 private:
  const Slot& slot_;
  kernels::RowsPush push_{};
  bool texels_;
  gpu::ComputePipeline pipeline_;
  gpu::Buffer out_;
  gpu::Submission submission_;
};

}  // namespace divlens
