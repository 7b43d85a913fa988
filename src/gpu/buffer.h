#pragma once
#include <vulkan/vulkan.h>

#include <cstddef>
#include <span>
#include <utility>

#include "gpu/context.h"

namespace divlens::gpu {

enum class Memory {
  Device,    ///< device-local; also mapped where the device shares memory with the processor
  Upload,    ///< host-visible, written by the processor once, read by the device
  Table,     ///< the same, device-local where the processor sees such memory: small, read by many invocations
  Readback,  ///< host-visible and cached where there is such memory, read by the processor
};

/// A storage buffer (also transfer source and destination) with memory of its own; Error(Budget) when there is none
/// left.
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Context& context, uint64_t bytes, Memory memory, const char* name);
  /// Shows whole pages of host memory that outlives it, without a copy, as texels; empty where the device cannot.
  static Buffer imported(const Context& context, std::span<const std::byte> pages, const char* name);
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Buffer();

  VkBuffer handle() const { return buffer_; }
  uint64_t bytes() const { return bytes_; }
  /// Mapped bytes; null for device memory that the processor cannot see.
  std::byte* mapped() const { return mapped_; }
  explicit operator bool() const { return buffer_ != VK_NULL_HANDLE; }

 private:
  void swap(Buffer& other) noexcept;

  VkDevice device_ = VK_NULL_HANDLE;
  VkBuffer buffer_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  uint64_t bytes_ = 0;
  std::byte* mapped_ = nullptr;
};

/// A buffer that holds `data`, copied through a staging buffer where needed; for small tables.
Buffer makeFilledBuffer(const Context& context, std::span<const std::byte> data, const char* name);
/// Copies `data` to `offset` of a buffer, waiting for earlier work on the queue.
void upload(const Context& context, const Buffer& buffer, uint64_t offset, std::span<const std::byte> data);
/// Copies `bytes` from `offset` of a device buffer into `out`, waiting for earlier work on the queue.
void download(const Context& context, const Buffer& buffer, uint64_t offset, std::span<std::byte> out);

}  // namespace divlens::gpu
