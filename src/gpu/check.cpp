#include "gpu/check.h"

#include <fmt/format.h>

#include "error.h"

namespace divlens::gpu {
namespace {

const char* resultName(VkResult result) {
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
      return "VK_ERROR_OUT_OF_HOST_MEMORY";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
      return "VK_ERROR_OUT_OF_DEVICE_MEMORY";
    case VK_ERROR_OUT_OF_POOL_MEMORY:
      return "VK_ERROR_OUT_OF_POOL_MEMORY";
    case VK_ERROR_DEVICE_LOST:
      return "VK_ERROR_DEVICE_LOST";
    case VK_ERROR_INITIALIZATION_FAILED:
      return "VK_ERROR_INITIALIZATION_FAILED";
    case VK_ERROR_INCOMPATIBLE_DRIVER:
      return "VK_ERROR_INCOMPATIBLE_DRIVER";
    case VK_ERROR_LAYER_NOT_PRESENT:
      return "VK_ERROR_LAYER_NOT_PRESENT";
    case VK_ERROR_EXTENSION_NOT_PRESENT:
      return "VK_ERROR_EXTENSION_NOT_PRESENT";
    case VK_ERROR_FEATURE_NOT_PRESENT:
      return "VK_ERROR_FEATURE_NOT_PRESENT";
    default:
      return "VkResult";
  }
}

}  // namespace

void check(VkResult result, const char* what) {
  if (result >= 0) return;
  const std::string text = fmt::format("{}: {} ({})", what, resultName(result), int(result));
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_OUT_OF_POOL_MEMORY:
      throw Error(Exit::Budget,
                  text +
                      "; the device or the machine has too little memory left: close other programs, or lower "
                      "--max-gpu-mem",
                  Error::Cause::OutOfMemory);
    case VK_ERROR_DEVICE_LOST:
      throw Error(Exit::NoDevice,
                  text + "; the device was lost: try again, or choose another with --device (divlens devices)",
                  Error::Cause::DeviceLost);
    case VK_ERROR_INITIALIZATION_FAILED:
    case VK_ERROR_INCOMPATIBLE_DRIVER:
      throw Error(Exit::NoDevice, text +
                                      "; no Vulkan driver works here: install one (Debian, Ubuntu: apt-get install "
                                      "mesa-vulkan-drivers), then see what `divlens devices` shows");
    default:
      throw Error(Exit::Failure, text);
  }
}

}  // namespace divlens::gpu
