#pragma once
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

#include "divergence/plan.h"
#include "gpu/pipeline.h"
#include "shaders/kernels.h"

namespace divlens {

/// Which entries of each cell a reduction takes, and how.
struct Reduction {
  std::vector<uint32_t> chosen;  ///< indices into a cell's entries, ascending
  Reduce how = Reduce::Mean;
  double quantile = 0.5;
};

/// Values before any reduction that are no numbers.
struct ValueCounts {
  uint64_t nans = 0, infinities = 0, masked = 0;
};

/// Statistics over the entries of each cell, on the device: a fixed pairwise tree, or a sorting network for quantiles.
class Reducer {
 public:
  explicit Reducer(const gpu::Context& context);
  /// `values[first + cell · entries + entry]` → `out[cell]`, float bits; NaN and infinite entries are left out.
  void reduce(const gpu::Buffer& values, uint64_t first, uint64_t cells, uint64_t entries, const Reduction& reduction,
              const gpu::Buffer& out);
  /// Adds the NaN, infinite and masked values among `count` ones from `first` to `counts`.
  void count(const gpu::Buffer& values, uint64_t first, uint64_t count, ValueCounts& counts);
  /// A kernel of invocation-wise shape (ReducePush, local size 64), made once.
  const gpu::ComputePipeline& pipeline(const char* shader, uint32_t bindings);

 private:
  void tree(VkCommandBuffer commands, const gpu::Buffer& values, const gpu::Buffer& chosen, const gpu::Buffer& out,
            kernels::ReducePush push);
  void sort(VkCommandBuffer commands, const gpu::Buffer& values, const gpu::Buffer& chosen, const gpu::Buffer& out,
            kernels::ReducePush push);
  void run(VkCommandBuffer commands, const char* shader, std::initializer_list<const gpu::Buffer*> buffers,
           const kernels::ReducePush& push, uint64_t invocations);

  const gpu::Context& context_;
  gpu::Submission submission_;
  gpu::Buffer scratch_;
  std::vector<std::pair<const char*, std::unique_ptr<gpu::ComputePipeline>>> pipelines_;
};

}  // namespace divlens
