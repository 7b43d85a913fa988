#pragma once
#include <vulkan/vulkan.h>

#include <future>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gpu/buffer.h"
#include "gpu/commands.h"
#include "gpu/context.h"
#include "gpu/uploader.h"

namespace divlens::gpu {

/// A part of a buffer that one binding shows; bytes 0 means: to its end.
struct BufferRange {
  const Buffer* buffer = nullptr;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  VkBufferView texels = VK_NULL_HANDLE;  ///< shown as texels through this view instead
};

/// A part of a buffer as texels of four 32-bit words.
class TexelView {
 public:
  TexelView() = default;
  TexelView(const Context& context, const Buffer& buffer, uint64_t offset, uint64_t bytes);
  TexelView(TexelView&& other) noexcept { swap(other); }
  TexelView& operator=(TexelView&& other) noexcept {
    swap(other);
    return *this;
  }
  ~TexelView();
  VkBufferView handle() const { return view_; }

 private:
  void swap(TexelView& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(view_, other.view_);
  }
  VkDevice device_ = VK_NULL_HANDLE;
  VkBufferView view_ = VK_NULL_HANDLE;
};

/// A shader module from the SPIR-V that is embedded as "shaders/NAME.spv", or from `code` where it is given.
class ShaderModule {
 public:
  ShaderModule(const Context& context, const std::string& name, std::span<const uint32_t> code = {});
  ~ShaderModule();
  ShaderModule(const ShaderModule&) = delete;
  ShaderModule& operator=(const ShaderModule&) = delete;
  VkShaderModule handle() const { return module_; }

 private:
  VkDevice device_;
  VkShaderModule module_ = VK_NULL_HANDLE;
};

/// Layout of one descriptor set of `bindings` storage buffers, the first `texelBindings` of them texel buffers instead,
/// and of `pushBytes` of push constants.
class PipelineLayout {
 public:
  PipelineLayout(const Context& context, uint32_t bindings, uint32_t pushBytes, VkShaderStageFlags stages,
                 uint32_t texelBindings = 0);
  ~PipelineLayout();
  PipelineLayout(const PipelineLayout&) = delete;
  PipelineLayout& operator=(const PipelineLayout&) = delete;
  VkPipelineLayout handle() const { return layout_; }
  VkDescriptorSetLayout setLayout() const { return setLayout_; }

 private:
  VkDevice device_;
  VkDescriptorSetLayout setLayout_ = VK_NULL_HANDLE;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
};

/// Hands out descriptor sets of storage and texel buffers; all are given back together by reset().
class DescriptorPool {
 public:
  DescriptorPool(const Context& context, uint32_t sets, uint32_t buffersPerSet);
  ~DescriptorPool();
  DescriptorPool(const DescriptorPool&) = delete;
  DescriptorPool& operator=(const DescriptorPool&) = delete;
  VkDescriptorSet make(const PipelineLayout& layout, std::span<const BufferRange> buffers);
  void reset();

 private:
  VkDevice device_;
  VkDescriptorPool pool_ = VK_NULL_HANDLE;
};

struct MadePipeline;

/// One compute shader with its specialisation constants (constant_id 0, 1, 2 … in order); `code` as in ShaderModule.
/// The context keeps what the driver made for the next one that is equal. It is made by another thread: what goes wrong
/// then is thrown by dispatch().
class ComputePipeline {
 public:
  ComputePipeline(const Context& context, const std::string& shader, uint32_t bindings, uint32_t pushBytes,
                  std::span<const uint32_t> constants, std::span<const uint32_t> code = {}, uint32_t texelBindings = 0);
  ComputePipeline(const ComputePipeline&) = delete;
  ComputePipeline& operator=(const ComputePipeline&) = delete;

  /// Records a dispatch of `groups` workgroups; more than 65,535 are spread over y, and the shader returns past its
  /// count.
  void dispatch(VkCommandBuffer commands, DescriptorPool& pool, std::span<const BufferRange> buffers,
                std::span<const std::byte> push, uint32_t groups) const;

 private:
  std::shared_future<std::shared_ptr<const MadePipeline>> made_;
};

/// Commands with descriptor sets of their own.
class Submission {
 public:
  Submission(const Context& context, uint32_t sets, uint32_t buffersPerSet)
      : descriptors_(context, sets, buffersPerSet), commands_(context) {}

  /// Waits for the last submission, then begins anew.
  VkCommandBuffer begin();
  void submit() { commands_.submit(); }
  void submitAfter(const Uploader& uploader) { commands_.submitAfter(uploader.semaphore(), uploader.value()); }
  /// Returns when the last submission is done; a no-op when there is none.
  void wait() { commands_.wait(); }
  DescriptorPool& descriptors() { return descriptors_; }
  Commands& commands() { return commands_; }

 private:
  DescriptorPool descriptors_;
  Commands commands_;  // waits before the sets go
};

}  // namespace divlens::gpu
