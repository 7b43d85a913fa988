#pragma once
#include <vulkan/vulkan.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gpu/ticket_lock.h"

namespace divlens::gpu {

class PipelineStore;

/// What the loader tells of one physical device, and why it cannot be used (empty: it can).
struct DeviceInfo {
  int index = 0;
  std::string name;
  std::string type;     ///< "discrete GPU", "integrated GPU", "virtual GPU", "processor", "other"
  std::string driver;   ///< driver's name and version as it says it
  std::string api;      ///< "1.3.230"
  std::string uuid;     ///< 32 hexadecimal digits with dashes
  uint64_t memory = 0;  ///< bytes of the largest device-local heap
  std::string rejected;
};

/// All devices that the loader shows; Error(NoDevice) when there is no loader or no driver.
std::vector<DeviceInfo> listDevices();
/// A table of devices for people, one line each.
std::string deviceTable(const std::vector<DeviceInfo>& devices);

struct ContextOptions {
  std::string device = "auto";  ///< auto, index, part of a name, UUID, cpu
  int turn = 0;                 ///< with auto: takes the next of several devices that are equally good, round and round
  bool validation = false;      ///< core and synchronization validation; every message counts and is kept
  bool gpuAssisted = false;     ///< GPU-assisted validation as well
  /// Gives what pipelineData() was for the device of this pipelineKey() earlier, or nothing; may be empty.
  std::function<std::vector<std::byte>(const std::string& key)> pipelines;
  /// For tests: takes a processor for a device with memory of its own, to which rows are copied.
  bool apart = false;
  /// For tests: takes a processor for a GPU, whose kernels it then runs; `apart` too.
  bool asGpu = false;
  /// For measurements: invocations that share a row (a power of two, 8 or more), and cells' rows that share a
  /// workgroup (1, 2, 4 or 8); 0: chosen by the device. Bits depend on the former.
  uint32_t lanes = 0, sharedCells = 0;
  std::vector<std::string> surfaceExtensions;  ///< of a window: the instance's; the device then presents too
};

/// Instance, device, its one graphics+compute queue and one for transfers, which may be the same; not copyable,
/// outlives everything made from it. Threads may share it: whatever goes to a queue goes through runOnce(), submit(),
/// submitTransfer() or present().
class Context {
 public:
  /// Error(NoDevice) when the request fits no usable device, or several; the message lists what there is.
  explicit Context(const ContextOptions& options);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  VkInstance instance() const { return instance_; }
  VkPhysicalDevice physical() const { return physical_; }
  VkDevice device() const { return device_; }
  VkQueue queue() const { return queue_; }
  uint32_t queueFamily() const { return queueFamily_; }
  uint32_t transferFamily() const { return families_.back(); }
  /// Families whose queues may use a buffer: one, or that of transfers as well.
  std::span<const uint32_t> families() const { return families_; }
  const VkPhysicalDeviceLimits& limits() const { return properties_.limits; }
  const DeviceInfo& info() const { return info_; }
  bool isCpu() const { return !asGpu_ && properties_.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU; }
  /// True where device-local memory is also host-visible in one large heap: rows are read straight into it.
  bool unifiedMemory() const { return unified_; }
  /// Bytes of device-local memory that nobody has taken (VK_EXT_memory_budget); 0 where the driver does not say.
  uint64_t freeMemory() const;
  /// True on a processor whose driver reads pages of files where they are mapped (VK_EXT_external_memory_host).
  bool importsHostMemory() const { return importsHostMemory_; }
  /// As in the options.
  uint32_t lanes() const { return lanes_; }
  uint32_t sharedCells() const { return sharedCells_; }
  /// Largest storage buffer that one binding may show, bytes.
  uint64_t maxBufferBytes() const { return properties_.limits.maxStorageBufferRange; }
  /// What every pipeline is made with, so that drivers need not compile what they compiled before.
  VkPipelineCache pipelineCache() const { return pipelineCache_; }
  /// Compute pipelines that were made, for ComputePipeline.
  PipelineStore& pipelines() const { return *pipelines_; }
  /// Names device and driver in a file name: data of one are of no use to another.
  std::string pipelineKey() const;
  /// The driver's data of all pipelines made so far and those given in the options; empty where it gives none.
  std::vector<std::byte> pipelineData() const;
  /// Index of a memory type among `typeBits` with all of `wanted`, or -1.
  int memoryType(uint32_t typeBits, VkMemoryPropertyFlags wanted) const;
  /// Messages of the validation layer so far (warnings and errors); empty when all is well.
  const std::vector<std::string>& validationMessages() const { return *messages_; }
  /// Gives a Vulkan object a name for validation messages and captures; a no-op without validation.
  void nameObject(VkObjectType type, uint64_t handle, const char* objectName) const;
  /// Records with `record` into a fresh command buffer, submits it and waits until it is done. Any thread may call it.
  void runOnce(const std::function<void(VkCommandBuffer)>& record) const;
  /// Submits to the graphics+compute queue; threads take turns.
  void submit(const VkSubmitInfo& info, VkFence fence) const;
  /// Submits to the queue for transfers.
  void submitTransfer(const VkSubmitInfo& info) const;
  /// vkQueuePresentKHR, in turn with the submissions; its result is the caller's business.
  VkResult present(const VkPresentInfoKHR& info) const;

 private:
  void release();
  void createInstance(const ContextOptions& options);
  void pickDevice(const ContextOptions& options);
  void createDevice(bool presents);
  void createPipelineCache(std::span<const std::byte> data);

  VkInstance instance_ = VK_NULL_HANDLE;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
  VkPhysicalDevice physical_ = VK_NULL_HANDLE;
  VkPhysicalDeviceProperties properties_{};
  VkPhysicalDeviceMemoryProperties memory_{};
  DeviceInfo info_;
  VkDevice device_ = VK_NULL_HANDLE;
  VkQueue queue_ = VK_NULL_HANDLE;
  uint32_t queueFamily_ = 0;
  VkQueue transferQueue_ = VK_NULL_HANDLE;  ///< queue_ where there is no other
  std::vector<uint32_t> families_;
  VkPipelineCache pipelineCache_ = VK_NULL_HANDLE;
  std::unique_ptr<PipelineStore> pipelines_;
  mutable TicketLock queueLock_, transferLock_;
  bool unified_ = false;
  bool asGpu_ = false;
  uint32_t lanes_ = 0, sharedCells_ = 0;
  bool importsHostMemory_ = false;
  PFN_vkSetDebugUtilsObjectNameEXT setName_ = nullptr;
  std::unique_ptr<std::vector<std::string>> messages_ = std::make_unique<std::vector<std::string>>();
};

}  // namespace divlens::gpu
