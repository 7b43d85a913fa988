#include "gpu/context.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <mutex>

#include "error.h"
#include "gpu/check.h"
#include "gpu/commands.h"
#include "gpu/devices.h"
#include "gpu/pipeline_store.h"

namespace divlens::gpu {
namespace {

VKAPI_ATTR VkBool32 VKAPI_CALL keepMessage(VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
                                           const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
  static std::mutex mutex;  // threads make pipelines at the same time
  const std::lock_guard lock(mutex);
  static_cast<std::vector<std::string>*>(user)->emplace_back(data->pMessage);
  return VK_FALSE;
}

bool hasExtension(VkPhysicalDevice device, const char* name) {
  uint32_t count = 0;
  vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> all(count);
  vkEnumerateDeviceExtensionProperties(device, nullptr, &count, all.data());
  return std::any_of(all.begin(), all.end(),
                     [&](const VkExtensionProperties& e) { return std::strcmp(e.extensionName, name) == 0; });
}

}  // namespace

Context::Context(const ContextOptions& options) {
  try {
    createInstance(options);
    pickDevice(options);
    createDevice(!options.surfaceExtensions.empty());
    createPipelineCache(options.pipelines ? options.pipelines(pipelineKey()) : std::vector<std::byte>());
  } catch (...) {
    release();
    throw;
  }
}

Context::~Context() { release(); }

void Context::release() {
  if (device_) {
    vkDeviceWaitIdle(device_);
    pipelines_.reset();
    vkDestroyPipelineCache(device_, pipelineCache_, nullptr);
    vkDestroyDevice(device_, nullptr);
  }
  if (messenger_) {
    const auto destroy = reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(
        vkGetInstanceProcAddr(instance_, "vkDestroyDebugUtilsMessengerEXT"));
    destroy(instance_, messenger_, nullptr);
  }
  if (instance_) vkDestroyInstance(instance_, nullptr);
}

void Context::createInstance(const ContextOptions& options) {
  std::vector<const char*> extensions;
  for (const std::string& extension : options.surfaceExtensions) extensions.push_back(extension.c_str());
  if (!options.validation) {
    instance_ = makeInstance({}, extensions, nullptr);
    return;
  }
  extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
  std::vector<VkValidationFeatureEnableEXT> features{VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
  if (options.gpuAssisted) features.push_back(VK_VALIDATION_FEATURE_ENABLE_GPU_ASSISTED_EXT);
  const VkValidationFeaturesEXT validation{.sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
                                           .enabledValidationFeatureCount = uint32_t(features.size()),
                                           .pEnabledValidationFeatures = features.data()};
  const VkDebugUtilsMessengerCreateInfoEXT messenger{
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
      .pNext = &validation,
      .messageSeverity =
          VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
      .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
      .pfnUserCallback = keepMessage,
      .pUserData = messages_.get()};
  instance_ = makeInstance({"VK_LAYER_KHRONOS_validation"}, extensions, &messenger);
  const auto create = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
      vkGetInstanceProcAddr(instance_, "vkCreateDebugUtilsMessengerEXT"));
  VkDebugUtilsMessengerCreateInfoEXT bare = messenger;
  bare.pNext = nullptr;
  check(create(instance_, &bare, nullptr, &messenger_), "vkCreateDebugUtilsMessengerEXT");
  setName_ = reinterpret_cast<PFN_vkSetDebugUtilsObjectNameEXT>(
      vkGetInstanceProcAddr(instance_, "vkSetDebugUtilsObjectNameEXT"));
}

void Context::pickDevice(const ContextOptions& options) {
  const auto handles = enumerate<VkPhysicalDevice>(vkEnumeratePhysicalDevices, instance_);
  std::vector<DeviceInfo> devices;
  for (VkPhysicalDevice handle : handles) devices.push_back(describe(handle, int(devices.size())));
  const int chosen = chooseDevice(devices, options.device, options.turn);
  physical_ = handles[size_t(chosen)];
  info_ = devices[size_t(chosen)];
  vkGetPhysicalDeviceProperties(physical_, &properties_);
  vkGetPhysicalDeviceMemoryProperties(physical_, &memory_);
  queueFamily_ = uint32_t(graphicsComputeFamily(physical_));
  families_ = {queueFamily_};
  if (const int transfer = transferFamilyOf(physical_); transfer >= 0) families_.push_back(uint32_t(transfer));
  asGpu_ = options.asGpu;
  lanes_ = options.lanes;
  sharedCells_ = options.sharedCells;
  unified_ = !options.apart && !asGpu_ && (isCpu() || properties_.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU);
}

void Context::createDevice(bool presents) {
  const float priority = 1;
  std::vector<VkDeviceQueueCreateInfo> queues;
  for (const uint32_t family : families_)
    queues.push_back({.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                      .queueFamilyIndex = family,
                      .queueCount = 1,
                      .pQueuePriorities = &priority});
  std::vector<const char*> extensions;
  if (presents) extensions.push_back(VK_KHR_SWAPCHAIN_EXTENSION_NAME);
  // A GPU would not take the pages of a file (NVIDIA's refuses them), and reading over the bus is no gain.
  importsHostMemory_ = isCpu() && unified_ && hasExtension(physical_, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
  if (importsHostMemory_) extensions.push_back(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
  // Every device of Vulkan 1.2 has it.
  const VkPhysicalDeviceVulkan12Features features{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
                                                  .timelineSemaphore = VK_TRUE};
  const VkDeviceCreateInfo create{.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                  .pNext = &features,
                                  .queueCreateInfoCount = uint32_t(queues.size()),
                                  .pQueueCreateInfos = queues.data(),
                                  .enabledExtensionCount = uint32_t(extensions.size()),
                                  .ppEnabledExtensionNames = extensions.data()};
  check(vkCreateDevice(physical_, &create, nullptr, &device_), "vkCreateDevice");
  vkGetDeviceQueue(device_, queueFamily_, 0, &queue_);
  vkGetDeviceQueue(device_, transferFamily(), 0, &transferQueue_);
}

std::string Context::pipelineKey() const {
  const VkPhysicalDeviceProperties& p = properties_;
  std::string key = fmt::format("{:04x}-{:04x}-{:08x}-", p.vendorID, p.deviceID, p.driverVersion);
  for (const uint8_t byte : p.pipelineCacheUUID) key += fmt::format("{:02x}", byte);
  return key;
}

void Context::createPipelineCache(std::span<const std::byte> data) {
  // A driver should refuse what another one wrote, and not every driver does.
  VkPipelineCacheHeaderVersionOne header{};
  bool own = data.size() >= sizeof header;
  if (own) std::memcpy(&header, data.data(), sizeof header);
  own = own && header.headerSize == sizeof header && header.headerVersion == VK_PIPELINE_CACHE_HEADER_VERSION_ONE &&
        header.vendorID == properties_.vendorID && header.deviceID == properties_.deviceID &&
        std::memcmp(header.pipelineCacheUUID, properties_.pipelineCacheUUID, VK_UUID_SIZE) == 0;
  const VkPipelineCacheCreateInfo create{.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
                                         .initialDataSize = own ? data.size() : 0,
                                         .pInitialData = own ? data.data() : nullptr};
  check(vkCreatePipelineCache(device_, &create, nullptr, &pipelineCache_), "vkCreatePipelineCache");
  pipelines_ = std::make_unique<PipelineStore>();
}

std::vector<std::byte> Context::pipelineData() const {
  size_t size = 0;
  if (vkGetPipelineCacheData(device_, pipelineCache_, &size, nullptr) != VK_SUCCESS) return {};
  std::vector<std::byte> data(size);
  if (vkGetPipelineCacheData(device_, pipelineCache_, &size, data.data()) != VK_SUCCESS) return {};
  data.resize(size);
  return data;
}

uint64_t Context::freeMemory() const {
  if (!hasExtension(physical_, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME)) return 0;
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget{.sType =
                                                       VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
  VkPhysicalDeviceMemoryProperties2 memory{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
                                           .pNext = &budget};
  vkGetPhysicalDeviceMemoryProperties2(physical_, &memory);
  uint64_t most = 0;
  for (uint32_t i = 0; i < memory_.memoryHeapCount; ++i) {
    if (!(memory_.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)) continue;
    most = std::max(most, budget.heapBudget[i] - std::min(budget.heapBudget[i], budget.heapUsage[i]));
  }
  return most;
}

int Context::memoryType(uint32_t typeBits, VkMemoryPropertyFlags wanted) const {
  for (uint32_t i = 0; i < memory_.memoryTypeCount; ++i)
    if ((typeBits >> i & 1) && (memory_.memoryTypes[i].propertyFlags & wanted) == wanted) return int(i);
  return -1;
}

void Context::nameObject(VkObjectType type, uint64_t handle, const char* objectName) const {
  if (!setName_) return;
  const VkDebugUtilsObjectNameInfoEXT name{.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
                                           .objectType = type,
                                           .objectHandle = handle,
                                           .pObjectName = objectName};
  setName_(device_, &name);
}

void Context::submit(const VkSubmitInfo& info, VkFence fence) const {
  const std::lock_guard turn(queueLock_);
  check(vkQueueSubmit(queue_, 1, &info, fence), "vkQueueSubmit");
}

void Context::submitTransfer(const VkSubmitInfo& info) const {
  const std::lock_guard turn(transferQueue_ == queue_ ? queueLock_ : transferLock_);
  check(vkQueueSubmit(transferQueue_, 1, &info, VK_NULL_HANDLE), "vkQueueSubmit");
}

VkResult Context::present(const VkPresentInfoKHR& info) const {
  const std::lock_guard turn(queueLock_);
  return vkQueuePresentKHR(queue_, &info);
}

void Context::runOnce(const std::function<void(VkCommandBuffer)>& record) const {
  Commands commands(*this);
  record(commands.begin());
  commands.submit();
  commands.wait();
}

}  // namespace divlens::gpu
