#pragma once
#include <vulkan/vulkan.h>

#include <string>
#include <vector>

#include "gpu/context.h"

namespace divlens::gpu {

/// Description of a physical device with the reason for which divlens cannot use it, if any.
DeviceInfo describe(VkPhysicalDevice device, int index);
/// Family of the first queue that does graphics and compute, or -1.
int graphicsComputeFamily(VkPhysicalDevice device);
/// Family of the first queue that does transfers alone, beside what others do, or -1.
int transferFamilyOf(VkPhysicalDevice device);
/// Index into `devices` of the one that `wanted` names (auto: best usable, of the best type the one with most memory,
/// and of several of its name the `turn`th, round and round); Error(NoDevice) lists them otherwise. A device that is
/// listed twice counts once.
int chooseDevice(const std::vector<DeviceInfo>& devices, const std::string& wanted, int turn = 0);
/// A bare instance (Vulkan 1.2); Error(NoDevice) says how to install a driver when the loader finds none.
VkInstance makeInstance(const std::vector<const char*>& layers, const std::vector<const char*>& extensions,
                        const void* next);

}  // namespace divlens::gpu
