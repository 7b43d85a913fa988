#include "divergence/read_limit.h"

#include <array>

#include "divergence/row_stats.h"
#include "divergence/shared_pass.h"

namespace divlens {

ReadLimit::ReadLimit(const gpu::Context& context, const Slot& slot, uint64_t bytes, uint64_t rowBytes, int64_t width)
    : slot_(slot),
      texels_(SharedPass::readsTexels(context)),
      pipeline_(context, texels_ ? "read_limit_texels.comp" : "read_limit.comp", 2, uint32_t(sizeof(kernels::RowsPush)),
                std::array{lanesFor(context, width)}, std::span<const uint32_t>{}, texels_ ? 1u : 0u),
      out_(context, 16, gpu::Memory::Device, "folded rows"),
      submission_(context, 1, 2) {
  push_.rows = uint32_t(bytes / rowBytes);
  push_.rowVectors = uint32_t(rowBytes / 16);
}

double ReadLimit::seconds(const gpu::Stopwatch& stopwatch) {
  return stopwatch.run(submission_.commands(), [&](VkCommandBuffer commands) {
    submission_.descriptors().reset();
    gpu::BufferRange rows{&slot_.rows(), 0, uint64_t(push_.rows) * push_.rowVectors * 16};
    if (texels_) rows.texels = slot_.cellTexels.handle();
    const gpu::BufferRange buffers[] = {rows, {&out_}};
    pipeline_.dispatch(commands, submission_.descriptors(), buffers, std::as_bytes(std::span(&push_, 1)), push_.rows);
  });
}

}  // namespace divlens
