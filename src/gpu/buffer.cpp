#include "gpu/buffer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "error.h"
#include "gpu/barrier.h"
#include "gpu/check.h"

namespace divlens::gpu {
namespace {

constexpr VkMemoryPropertyFlags kHost = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
constexpr uint64_t kTransferChunk = uint64_t{32} << 20;

/// Property sets to try, best first.
std::span<const VkMemoryPropertyFlags> preferences(const Context& context, Memory memory) {
  static constexpr VkMemoryPropertyFlags kUnified[] = {kHost | VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
                                                       VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0};
  static constexpr VkMemoryPropertyFlags kDiscrete[] = {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0};
  static constexpr VkMemoryPropertyFlags kUpload[] = {kHost};
  static constexpr VkMemoryPropertyFlags kTable[] = {kHost | VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, kHost};
  static constexpr VkMemoryPropertyFlags kReadback[] = {kHost | VK_MEMORY_PROPERTY_HOST_CACHED_BIT, kHost};
  if (memory == Memory::Upload) return kUpload;
  if (memory == Memory::Table) return kTable;
  if (memory == Memory::Readback) return kReadback;
  if (context.unifiedMemory()) return kUnified;
  return kDiscrete;
}

}  // namespace

Buffer::Buffer(const Context& context, uint64_t bytes, Memory memory, const char* name)
    : device_(context.device()), bytes_(bytes) {
  const VkBufferCreateInfo create{
      .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
      .size = std::max<uint64_t>(bytes, 16),
      .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT |
               VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
      .sharingMode = context.families().size() > 1 ? VK_SHARING_MODE_CONCURRENT : VK_SHARING_MODE_EXCLUSIVE,
      .queueFamilyIndexCount = uint32_t(context.families().size()),
      .pQueueFamilyIndices = context.families().data()};
  check(vkCreateBuffer(device_, &create, nullptr, &buffer_), "vkCreateBuffer");
  VkMemoryRequirements needs{};
  vkGetBufferMemoryRequirements(device_, buffer_, &needs);
  VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  for (VkMemoryPropertyFlags wanted : preferences(context, memory)) {
    const int type = context.memoryType(needs.memoryTypeBits, wanted);
    if (type < 0) continue;
    const VkMemoryAllocateInfo allocate{.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                        .allocationSize = needs.size,
                                        .memoryTypeIndex = uint32_t(type)};
    result = vkAllocateMemory(device_, &allocate, nullptr, &memory_);
    if (result != VK_SUCCESS) continue;
    if ((wanted & kHost) == kHost) {
      void* mapped = nullptr;
      result = vkMapMemory(device_, memory_, 0, VK_WHOLE_SIZE, 0, &mapped);
      mapped_ = static_cast<std::byte*>(mapped);
    }
    break;
  }
  if (result == VK_SUCCESS) result = vkBindBufferMemory(device_, buffer_, memory_, 0);
  if (result != VK_SUCCESS) {
    Buffer doomed;  // takes what was made so far and gives it back
    swap(doomed);
    throw Error(Exit::Budget,
                fmt::format("no memory for {} ({:.1f} MiB) on {}; close other programs, or lower --max-gpu-mem", name,
                            double(bytes) / 1048576.0, context.info().name),
                Error::Cause::OutOfMemory);
  }
  context.nameObject(VK_OBJECT_TYPE_BUFFER, reinterpret_cast<uint64_t>(buffer_), name);
}

Buffer Buffer::imported(const Context& context, std::span<const std::byte> pages, const char* name) {
  Buffer made;
  if (!context.importsHostMemory()) return made;
  constexpr VkExternalMemoryHandleTypeFlagBits kHandle = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
  void* const address = const_cast<std::byte*>(pages.data());
  const auto query = reinterpret_cast<PFN_vkGetMemoryHostPointerPropertiesEXT>(
      vkGetDeviceProcAddr(context.device(), "vkGetMemoryHostPointerPropertiesEXT"));
  VkMemoryHostPointerPropertiesEXT pointer{.sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT};
  if (!query || query(context.device(), kHandle, address, &pointer) != VK_SUCCESS) return made;
  const VkExternalMemoryBufferCreateInfo external{.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
                                                  .handleTypes = kHandle};
  const VkBufferCreateInfo create{.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                  .pNext = &external,
                                  .size = pages.size(),
                                  .usage = VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT};
  made.device_ = context.device();
  made.bytes_ = pages.size();
  if (vkCreateBuffer(made.device_, &create, nullptr, &made.buffer_) != VK_SUCCESS) return {};
  VkMemoryRequirements needs{};
  vkGetBufferMemoryRequirements(made.device_, made.buffer_, &needs);
  const int type = context.memoryType(needs.memoryTypeBits & pointer.memoryTypeBits, 0);
  if (type < 0 || needs.size > pages.size()) return {};
  const VkImportMemoryHostPointerInfoEXT import{
      .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT, .handleType = kHandle, .pHostPointer = address};
  const VkMemoryAllocateInfo allocate{.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                      .pNext = &import,
                                      .allocationSize = pages.size(),
                                      .memoryTypeIndex = uint32_t(type)};
  if (vkAllocateMemory(made.device_, &allocate, nullptr, &made.memory_) != VK_SUCCESS) return {};
  if (vkBindBufferMemory(made.device_, made.buffer_, made.memory_, 0) != VK_SUCCESS) return {};
  context.nameObject(VK_OBJECT_TYPE_BUFFER, reinterpret_cast<uint64_t>(made.buffer_), name);
  return made;
}

Buffer::~Buffer() {
  if (buffer_) vkDestroyBuffer(device_, buffer_, nullptr);
  if (memory_) vkFreeMemory(device_, memory_, nullptr);
}

void Buffer::swap(Buffer& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(buffer_, other.buffer_);
  std::swap(memory_, other.memory_);
  std::swap(bytes_, other.bytes_);
  std::swap(mapped_, other.mapped_);
}

Buffer makeFilledBuffer(const Context& context, std::span<const std::byte> data, const char* name) {
  Buffer buffer(context, data.size(), Memory::Device, name);
  if (buffer.mapped()) {
    std::copy(data.begin(), data.end(), buffer.mapped());
    return buffer;
  }
  const Buffer staging(context, data.size(), Memory::Upload, "staging");
  std::copy(data.begin(), data.end(), staging.mapped());
  context.runOnce([&](VkCommandBuffer commands) {
    const VkBufferCopy region{.size = data.size()};
    vkCmdCopyBuffer(commands, staging.handle(), buffer.handle(), 1, &region);
    barrier(commands, kTransferWrite, kAnyRead);
  });
  return buffer;
}

void upload(const Context& context, const Buffer& buffer, uint64_t offset, std::span<const std::byte> data) {
  const Buffer staging(context, std::min<uint64_t>(data.size(), kTransferChunk), Memory::Upload, "staging");
  while (!data.empty()) {
    const auto part = data.first(std::min<uint64_t>(data.size(), kTransferChunk));
    std::copy(part.begin(), part.end(), staging.mapped());
    context.runOnce([&](VkCommandBuffer commands) {
      barrier(commands, kAnyRead, kTransferWrite);
      const VkBufferCopy region{.dstOffset = offset, .size = part.size()};
      vkCmdCopyBuffer(commands, staging.handle(), buffer.handle(), 1, &region);
      barrier(commands, kTransferWrite, kComputeReadWrite);
    });
    data = data.subspan(part.size());
    offset += part.size();
  }
}

void download(const Context& context, const Buffer& buffer, uint64_t offset, std::span<std::byte> out) {
  const Buffer staging(context, std::min<uint64_t>(out.size(), kTransferChunk), Memory::Readback, "readback");
  while (!out.empty()) {
    const uint64_t bytes = std::min<uint64_t>(out.size(), kTransferChunk);
    context.runOnce([&](VkCommandBuffer commands) {
      barrier(commands, kComputeWrite, kTransferRead);
      const VkBufferCopy region{.srcOffset = offset, .size = bytes};
      vkCmdCopyBuffer(commands, buffer.handle(), staging.handle(), 1, &region);
      barrier(commands, kTransferWrite, kHostRead);
    });
    std::memcpy(out.data(), staging.mapped(), bytes);
    out = out.subspan(bytes);
    offset += bytes;
  }
}

}  // namespace divlens::gpu
