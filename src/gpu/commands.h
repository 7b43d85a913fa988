#pragma once
#include <vulkan/vulkan.h>

#include <cstdint>

namespace divlens::gpu {

class Context;

/// One command buffer of a queue family, with a pool of its own; it may begin anew once its last commands are done.
class CommandBuffer {
 public:
  CommandBuffer(const Context& context, uint32_t family);
  ~CommandBuffer();
  CommandBuffer(const CommandBuffer&) = delete;
  CommandBuffer& operator=(const CommandBuffer&) = delete;

  VkCommandBuffer begin();
  /// Ends the recording; for VkSubmitInfo.
  const VkCommandBuffer& end();

 private:
  VkDevice device_;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
};

/// Commands that are recorded, submitted and waited for, over and over.
class Commands {
 public:
  explicit Commands(const Context& context);
  ~Commands();
  Commands(const Commands&) = delete;
  Commands& operator=(const Commands&) = delete;

  /// Waits for the last submission, then begins anew.
  VkCommandBuffer begin();
  /// Ends and submits; colours are written once `wait` is signalled, and the end signals `signal`.
  void submit(VkSemaphore wait = VK_NULL_HANDLE, VkSemaphore signal = VK_NULL_HANDLE);
  /// Ends and submits; all of it waits until a timeline semaphore reaches `value`.
  void submitAfter(VkSemaphore timeline, uint64_t value);
  /// Returns when the last submission is done; a no-op when there is none.
  void wait();

 private:
  const Context& context_;
  CommandBuffer commands_;
  VkFence fence_ = VK_NULL_HANDLE;
  bool pending_ = false;
};

}  // namespace divlens::gpu
