// Loaded in front of the Vulkan loader (LD_PRELOAD): calls fail where the environment says so, as those of a real
// device do.
//   FAIL_SUBMIT, FAIL_WAIT, FAIL_ALLOCATE = FIRST[:COUNT]   the FIRST-th call, and COUNT - 1 behind it (without: all)
//   LARGEST_ALLOCATION = BYTES                              larger allocations fail
#include <dlfcn.h>
#include <vulkan/vulkan.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

namespace {

bool fails(const char* name, std::atomic<unsigned long>& calls) {
  const char* text = std::getenv(name);
  if (!text) return false;
  const unsigned long first = std::strtoul(text, nullptr, 10);
  const char* colon = std::strchr(text, ':');
  const unsigned long call = ++calls;
  return call >= first && (!colon || call < first + std::strtoul(colon + 1, nullptr, 10));
}

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

VkResult vkQueueSubmit(VkQueue queue, uint32_t count, const VkSubmitInfo* submits, VkFence fence) {
  static std::atomic<unsigned long> calls;
  if (fails("FAIL_SUBMIT", calls)) return VK_ERROR_DEVICE_LOST;
  return next<PFN_vkQueueSubmit>("vkQueueSubmit")(queue, count, submits, fence);
}

VkResult vkWaitForFences(VkDevice device, uint32_t count, const VkFence* fences, VkBool32 all, uint64_t timeout) {
  static std::atomic<unsigned long> calls;
  if (fails("FAIL_WAIT", calls)) return VK_ERROR_DEVICE_LOST;
  return next<PFN_vkWaitForFences>("vkWaitForFences")(device, count, fences, all, timeout);
}

VkResult vkAllocateMemory(VkDevice device, const VkMemoryAllocateInfo* info, const VkAllocationCallbacks* callbacks,
                          VkDeviceMemory* memory) {
  static std::atomic<unsigned long> calls;
  const char* largest = std::getenv("LARGEST_ALLOCATION");
  if (largest && info->allocationSize > std::strtoull(largest, nullptr, 10)) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  if (fails("FAIL_ALLOCATE", calls)) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  return next<PFN_vkAllocateMemory>("vkAllocateMemory")(device, info, callbacks, memory);
}
