#pragma once
#include <vulkan/vulkan.h>

#include <vector>

namespace divlens::gpu {

/// Throws the Error that fits `result`: lost or missing device → NoDevice, out of memory → Budget; `what` says what was
/// tried.
void check(VkResult result, const char* what);

/// Calls `function(args..., &count, items)` twice, as Vulkan's enumerations want it.
template <typename T, typename Function, typename... Args>
std::vector<T> enumerate(Function function, Args... args) {
  uint32_t count = 0;
  function(args..., &count, nullptr);
  std::vector<T> items(count);
  function(args..., &count, items.data());
  items.resize(count);
  return items;
}

}  // namespace divlens::gpu
