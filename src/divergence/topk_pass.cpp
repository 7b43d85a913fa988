#include "divergence/topk_pass.h"

#include <algorithm>
#include <array>
#include <bit>

#include "gpu/barrier.h"

namespace divlens {
namespace {

using namespace kernels;

constexpr uint32_t kUpdateSize = 64;

}  // namespace

uint32_t TopKPass::shiftOf(const SideFormat& format) {
  return format.dtype == kF16 ? 13 : format.dtype == kBf16 ? 16 : 0;
}

TopKPass::TopKPass(const gpu::Context& context, const Plan& plan, SideFormat format, uint32_t k)
    : format_(format),
      width_(uint32_t(plan.vocab)),
      k_(std::min(k, uint32_t(plan.allowed))),
      count_(context, "topk_count.comp", 3, uint32_t(sizeof(TopPush)),
             std::array{lanesFor(context, plan.vocab), format.dtype, format.kind, plan.allowedBits.empty() ? 0u : 1u}),
      update_(context, "topk_update.comp", 1, uint32_t(sizeof(TopPush)), std::array{kUpdateSize}) {}

void TopKPass::record(VkCommandBuffer commands, gpu::DescriptorPool& pool, gpu::BufferRange rows, size_t count,
                      size_t firstRow, const gpu::Buffer& states, const gpu::Buffer& allowed) const {
  TopPush push{.rows = uint32_t(count),
               .firstRow = uint32_t(firstRow),
               .rowVectors = format_.rowVectors,
               .width = width_,
               .mode = kTopStart,
               .bit = 0,
               .k = k_,
               .shift = shiftOf(format_)};
  const gpu::BufferRange all[] = {rows, {&states}, {&allowed}};
  const gpu::BufferRange own[] = {{&states}};
  const auto bytes = std::as_bytes(std::span(&push, 1));
  const auto step = [&](uint32_t mode, uint32_t bit) {
    push.mode = mode;
    push.bit = bit;
    if (mode != kTopStart) count_.dispatch(commands, pool, all, bytes, push.rows);
    gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
    update_.dispatch(commands, pool, own, bytes, (push.rows + kUpdateSize - 1) / kUpdateSize);
    gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
  };
  step(kTopStart, 0);
  for (uint32_t bit = 1u << (31 - push.shift); bit != 0; bit >>= 1) step(kTopKey, bit);
  step(kTopRest, 0);
  for (uint32_t bit = std::bit_floor(std::max(width_, 1u)); bit != 0; bit >>= 1) step(kTopId, bit);
}

}  // namespace divlens
