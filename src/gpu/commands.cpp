#include "gpu/commands.h"

#include "gpu/check.h"
#include "gpu/context.h"

namespace divlens::gpu {

CommandBuffer::CommandBuffer(const Context& context, uint32_t family) : device_(context.device()) {
  const VkCommandPoolCreateInfo pool{.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                     .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
                                     .queueFamilyIndex = family};
  check(vkCreateCommandPool(device_, &pool, nullptr, &pool_), "vkCreateCommandPool");
  const VkCommandBufferAllocateInfo allocate{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                             .commandPool = pool_,
                                             .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                             .commandBufferCount = 1};
  check(vkAllocateCommandBuffers(device_, &allocate, &commands_), "vkAllocateCommandBuffers");
}

CommandBuffer::~CommandBuffer() { vkDestroyCommandPool(device_, pool_, nullptr); }

VkCommandBuffer CommandBuffer::begin() {
  check(vkResetCommandPool(device_, pool_, 0), "vkResetCommandPool");
  const VkCommandBufferBeginInfo begin{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                       .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
  check(vkBeginCommandBuffer(commands_, &begin), "vkBeginCommandBuffer");
  return commands_;
}

const VkCommandBuffer& CommandBuffer::end() {
  check(vkEndCommandBuffer(commands_), "vkEndCommandBuffer");
  return commands_;
}

Commands::Commands(const Context& context) : context_(context), commands_(context, context.queueFamily()) {
  const VkFenceCreateInfo fence{.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  check(vkCreateFence(context.device(), &fence, nullptr, &fence_), "vkCreateFence");
}

Commands::~Commands() {
  // A lost device may still be at work when it says so.
  if (pending_ && vkWaitForFences(context_.device(), 1, &fence_, VK_TRUE, UINT64_MAX) != VK_SUCCESS)
    vkDeviceWaitIdle(context_.device());
  vkDestroyFence(context_.device(), fence_, nullptr);
}

VkCommandBuffer Commands::begin() {
  wait();
  return commands_.begin();
}

void Commands::submit(VkSemaphore wait, VkSemaphore signal) {
  const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT;
  const VkSubmitInfo submit{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                            .waitSemaphoreCount = wait ? 1u : 0u,
                            .pWaitSemaphores = &wait,
                            .pWaitDstStageMask = &stage,
                            .commandBufferCount = 1,
                            .pCommandBuffers = &commands_.end(),
                            .signalSemaphoreCount = signal ? 1u : 0u,
                            .pSignalSemaphores = &signal};
  context_.submit(submit, fence_);
  pending_ = true;
}

void Commands::submitAfter(VkSemaphore timeline, uint64_t value) {
  const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
  const VkTimelineSemaphoreSubmitInfo values{.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                             .waitSemaphoreValueCount = 1,
                                             .pWaitSemaphoreValues = &value};
  const VkSubmitInfo submit{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                            .pNext = &values,
                            .waitSemaphoreCount = 1,
                            .pWaitSemaphores = &timeline,
                            .pWaitDstStageMask = &stage,
                            .commandBufferCount = 1,
                            .pCommandBuffers = &commands_.end()};
  context_.submit(submit, fence_);
  pending_ = true;
}

void Commands::wait() {
  if (!pending_) return;
  check(vkWaitForFences(context_.device(), 1, &fence_, VK_TRUE, UINT64_MAX), "vkWaitForFences");
  check(vkResetFences(context_.device(), 1, &fence_), "vkResetFences");
  pending_ = false;
}

}  // namespace divlens::gpu
