#pragma once
#include <functional>

#include "gpu/commands.h"
#include "gpu/context.h"

namespace divlens::gpu {

/// Copies to device memory on the queue for transfers, so that they run while kernels do.
class Uploader {
 public:
  explicit Uploader(const Context& context);
  ~Uploader();
  Uploader(const Uploader&) = delete;
  Uploader& operator=(const Uploader&) = delete;

  /// Records and submits copies. Those before must be done: what waited for them is.
  void submit(const std::function<void(VkCommandBuffer)>& record);
  /// A timeline semaphore that reaches value() when the last copies are done.
  VkSemaphore semaphore() const { return semaphore_; }
  uint64_t value() const { return value_; }

 private:
  const Context& context_;
  CommandBuffer commands_;
  VkSemaphore semaphore_ = VK_NULL_HANDLE;
  uint64_t value_ = 0;
};

}  // namespace divlens::gpu
