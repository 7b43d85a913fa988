#include "gpu/uploader.h"

#include "gpu/check.h"

namespace divlens::gpu {

Uploader::Uploader(const Context& context) : context_(context), commands_(context, context.transferFamily()) {
  const VkSemaphoreTypeCreateInfo type{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                       .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
  const VkSemaphoreCreateInfo semaphore{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type};
  check(vkCreateSemaphore(context.device(), &semaphore, nullptr, &semaphore_), "vkCreateSemaphore");
}

Uploader::~Uploader() {
  const VkSemaphoreWaitInfo wait{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                 .semaphoreCount = 1,
                                 .pSemaphores = &semaphore_,
                                 .pValues = &value_};
  // A lost device may still be at work when it says so.
  if (value_ > 0 && vkWaitSemaphores(context_.device(), &wait, UINT64_MAX) != VK_SUCCESS)
    vkDeviceWaitIdle(context_.device());
  vkDestroySemaphore(context_.device(), semaphore_, nullptr);
}

void Uploader::submit(const std::function<void(VkCommandBuffer)>& record) {
  record(commands_.begin());
  const uint64_t next = value_ + 1;
  const VkTimelineSemaphoreSubmitInfo values{.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                             .signalSemaphoreValueCount = 1,
                                             .pSignalSemaphoreValues = &next};
  const VkSubmitInfo submit{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                            .pNext = &values,
                            .commandBufferCount = 1,
                            .pCommandBuffers = &commands_.end(),
                            .signalSemaphoreCount = 1,
                            .pSignalSemaphores = &semaphore_};
  context_.submitTransfer(submit);
  value_ = next;
}

}  // namespace divlens::gpu
