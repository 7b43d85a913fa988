#include "gpu/devices.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "error.h"
#include "gpu/check.h"

namespace divlens::gpu {
namespace {

constexpr uint64_t kMinBufferRange = uint64_t{64} << 20;
constexpr uint32_t kMinBuffers = 9;
constexpr const char* kInstall =
    "install a Vulkan driver (Debian, Ubuntu: apt-get install mesa-vulkan-drivers brings lavapipe, which needs no "
    "GPU), then "
    "see what `divlens devices` shows";

const char* typeName(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return "discrete GPU";
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return "integrated GPU";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return "virtual GPU";
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return "processor";
    default:
      return "other";
  }
}

std::string uuidText(const uint8_t (&bytes)[VK_UUID_SIZE]) {
  std::string text;
  for (size_t i = 0; i < VK_UUID_SIZE; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", bytes[i]);
  }
  return text;
}

std::string whyNot(VkPhysicalDevice device, const VkPhysicalDeviceProperties& properties) {
  if (properties.apiVersion < VK_API_VERSION_1_2) return "supports only Vulkan below 1.2; update its driver";
  if (graphicsComputeFamily(device) < 0) return "has no queue that does both graphics and compute";
  if (properties.limits.maxStorageBufferRange < kMinBufferRange)
    return fmt::format("storage buffers end at {} MiB, {} are needed", properties.limits.maxStorageBufferRange >> 20,
                       kMinBufferRange >> 20);
  if (properties.limits.maxPerStageDescriptorStorageBuffers < kMinBuffers)
    return fmt::format("a shader sees {} storage buffers at most, {} are needed",
                       properties.limits.maxPerStageDescriptorStorageBuffers, kMinBuffers);
  return "";
}

int rank(const DeviceInfo& device) {
  static const char* const kOrder[] = {"discrete GPU", "integrated GPU", "virtual GPU", "processor", "other"};
  return int(std::find_if(std::begin(kOrder), std::end(kOrder), [&](const char* t) { return device.type == t; }) -
             std::begin(kOrder));
}

/// Of one type the one with more memory: beside a card for computing there may be one for the display.
bool better(const DeviceInfo& a, const DeviceInfo& b) {
  return rank(a) != rank(b) ? rank(a) < rank(b) : a.memory > b.memory;
}

/// A driver that the loader finds by two files shows its devices twice.
bool twice(const std::vector<DeviceInfo>& devices, const DeviceInfo& device) {
  return std::any_of(devices.data(), &device, [&](const DeviceInfo& d) {
    return d.uuid == device.uuid && d.name == device.name && d.driver == device.driver;
  });
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return text;
}

bool matches(const DeviceInfo& device, const std::string& wanted) {
  if (wanted == "cpu") return device.type == "processor";
  int index = -1;
  const auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), index);
  if (error == std::errc() && end == wanted.data() + wanted.size()) return device.index == index;
  return device.uuid == lower(wanted) || lower(device.name).find(lower(wanted)) != std::string::npos;
}

}  // namespace

int graphicsComputeFamily(VkPhysicalDevice device) {
  const auto families = enumerate<VkQueueFamilyProperties>(vkGetPhysicalDeviceQueueFamilyProperties, device);
  constexpr VkQueueFlags kBoth = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;
  for (size_t i = 0; i < families.size(); ++i)
    if ((families[i].queueFlags & kBoth) == kBoth) return int(i);
  return -1;
}

int transferFamilyOf(VkPhysicalDevice device) {
  const auto families = enumerate<VkQueueFamilyProperties>(vkGetPhysicalDeviceQueueFamilyProperties, device);
  for (size_t i = 0; i < families.size(); ++i)
    if ((families[i].queueFlags & ~VkQueueFlags(VK_QUEUE_SPARSE_BINDING_BIT)) == VK_QUEUE_TRANSFER_BIT) return int(i);
  return -1;
}

DeviceInfo describe(VkPhysicalDevice device, int index) {
  VkPhysicalDeviceDriverProperties driver{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
  VkPhysicalDeviceIDProperties id{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES, .pNext = &driver};
  VkPhysicalDeviceProperties2 properties{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &id};
  vkGetPhysicalDeviceProperties2(device, &properties);
  VkPhysicalDeviceMemoryProperties memory{};
  vkGetPhysicalDeviceMemoryProperties(device, &memory);
  uint64_t largest = 0;
  for (uint32_t i = 0; i < memory.memoryHeapCount; ++i)
    if (memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
      largest = std::max<uint64_t>(largest, memory.memoryHeaps[i].size);
  const uint32_t api = properties.properties.apiVersion;
  return {
      .index = index,
      .name = properties.properties.deviceName,
      .type = typeName(properties.properties.deviceType),
      .driver = fmt::format("{} {}", driver.driverName, driver.driverInfo),
      .api = fmt::format("{}.{}.{}", VK_API_VERSION_MAJOR(api), VK_API_VERSION_MINOR(api), VK_API_VERSION_PATCH(api)),
      .uuid = uuidText(id.deviceUUID),
      .memory = largest,
      .rejected = whyNot(device, properties.properties)};
}

std::string deviceTable(const std::vector<DeviceInfo>& devices) {
  std::string text;
  for (const DeviceInfo& d : devices)
    text += fmt::format("  {}  {} ({}, Vulkan {}, {:.1f} GiB, {}) uuid {}{}\n", d.index, d.name, d.type, d.api,
                        double(d.memory) / double(uint64_t{1} << 30), d.driver, d.uuid,
                        d.rejected.empty() ? "" : fmt::format("\n     rejected: {}", d.rejected));
  return text;
}

int chooseDevice(const std::vector<DeviceInfo>& devices, const std::string& wanted, int turn) {
  if (devices.empty()) throw Error(Exit::NoDevice, fmt::format("no Vulkan device found; {}", kInstall));
  const DeviceInfo* best = nullptr;
  int fitting = 0;
  for (const DeviceInfo& device : devices) {
    if (wanted != "auto" && !matches(device, wanted)) continue;
    if (!twice(devices, device)) ++fitting;
    if (wanted != "auto" && !device.rejected.empty() && !best) best = &device;
    if (device.rejected.empty() && (!best || !best->rejected.empty() || better(device, *best))) best = &device;
  }
  const std::string table = deviceTable(devices);
  if (!best && wanted == "auto")
    throw Error(Exit::NoDevice, fmt::format("none of the Vulkan devices can be used:\n{}{}", table, kInstall));
  if (!best)
    throw Error(Exit::NoDevice,
                fmt::format("no device fits --device {}; there are:\n{}pass an index, part of a name, a UUID or cpu",
                            wanted, table));
  if (!best->rejected.empty())
    throw Error(Exit::NoDevice, fmt::format("--device {}: {} {}", wanted, best->name, best->rejected));
  if (wanted != "auto" && wanted != "cpu" && fitting > 1)
    throw Error(Exit::NoDevice,
                fmt::format("--device {} fits {} devices:\n{}pass the index or the UUID", wanted, fitting, table));
  if (wanted != "auto") return int(best - devices.data());
  std::vector<int> equal;
  for (const DeviceInfo& device : devices)
    if (device.rejected.empty() && device.name == best->name && !twice(devices, device))
      equal.push_back(int(&device - devices.data()));
  return equal[size_t(turn) % equal.size()];
}

VkInstance makeInstance(const std::vector<const char*>& layers, const std::vector<const char*>& extensions,
                        const void* next) {
  const VkApplicationInfo application{
      .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .pApplicationName = "divlens", .apiVersion = VK_API_VERSION_1_2};
  const VkInstanceCreateInfo create{.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                    .pNext = next,
                                    .pApplicationInfo = &application,
                                    .enabledLayerCount = uint32_t(layers.size()),
                                    .ppEnabledLayerNames = layers.data(),
                                    .enabledExtensionCount = uint32_t(extensions.size()),
                                    .ppEnabledExtensionNames = extensions.data()};
  VkInstance instance = VK_NULL_HANDLE;
  const VkResult result = vkCreateInstance(&create, nullptr, &instance);
  if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
    throw Error(Exit::NoDevice, fmt::format("the Vulkan loader finds no driver; {}", kInstall));
  check(result, "vkCreateInstance");
  return instance;
}

std::vector<DeviceInfo> listDevices() {
  const VkInstance instance = makeInstance({}, {}, nullptr);
  std::vector<DeviceInfo> devices;
  for (VkPhysicalDevice device : enumerate<VkPhysicalDevice>(vkEnumeratePhysicalDevices, instance))
    devices.push_back(describe(device, int(devices.size())));
  vkDestroyInstance(instance, nullptr);
  return devices;
}

}  // namespace divlens::gpu
