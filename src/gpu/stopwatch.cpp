#include "gpu/stopwatch.h"

#include <array>
#include <chrono>

#include "gpu/check.h"

namespace divlens::gpu {

Stopwatch::Stopwatch(const Context& context) : context_(context) {
  const auto families =
      enumerate<VkQueueFamilyProperties>(vkGetPhysicalDeviceQueueFamilyProperties, context.physical());
  const uint32_t bits = families.at(context.queueFamily()).timestampValidBits;
  if (context.isCpu() || bits == 0) return;
  mask_ = bits < 64 ? (uint64_t{1} << bits) - 1 : ~uint64_t{0};
  const VkQueryPoolCreateInfo create{
      .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO, .queryType = VK_QUERY_TYPE_TIMESTAMP, .queryCount = 2};
  check(vkCreateQueryPool(context.device(), &create, nullptr, &pool_), "vkCreateQueryPool");
}

Stopwatch::~Stopwatch() {
  if (pool_) vkDestroyQueryPool(context_.device(), pool_, nullptr);
}

double Stopwatch::run(Commands& commands, const std::function<void(VkCommandBuffer)>& work) const {
  const VkCommandBuffer buffer = commands.begin();
  if (pool_) {
    vkCmdResetQueryPool(buffer, pool_, 0, 2);
    vkCmdWriteTimestamp(buffer, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, pool_, 0);
  }
  work(buffer);
  if (pool_) vkCmdWriteTimestamp(buffer, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, pool_, 1);
  const auto start = std::chrono::steady_clock::now();
  commands.submit();
  commands.wait();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  if (!pool_) return wall.count();
  std::array<uint64_t, 2> ticks{};
  check(vkGetQueryPoolResults(context_.device(), pool_, 0, 2, sizeof ticks, ticks.data(), sizeof ticks[0],
                              VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
        "vkGetQueryPoolResults");
  return double((ticks[1] - ticks[0]) & mask_) * double(context_.limits().timestampPeriod) * 1e-9;
}

}  // namespace divlens::gpu
