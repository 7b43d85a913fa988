#pragma once
#include <vulkan/vulkan.h>

#include <cstdint>
#include <string>
#include <vector>

#include "gpu/pipeline.h"

namespace divlens::gpu {

/// A vertex and a fragment shader that draw triangles without vertex buffers, with straight-alpha blending. `stages`
/// see the storage buffers and the push constants.
class GraphicsPipeline {
 public:
  GraphicsPipeline(const Context& context, VkRenderPass pass, const std::string& vertexShader,
                   const std::string& fragmentShader, uint32_t bindings, uint32_t pushBytes,
                   VkShaderStageFlags stages = VK_SHADER_STAGE_FRAGMENT_BIT);
  ~GraphicsPipeline();
  GraphicsPipeline(const GraphicsPipeline&) = delete;
  GraphicsPipeline& operator=(const GraphicsPipeline&) = delete;

  /// Records `vertices` vertices, `instances` times, inside `scissor`, of a viewport of `extent` pixels.
  void draw(VkCommandBuffer commands, VkDescriptorSet set, std::span<const std::byte> push, VkExtent2D extent,
            VkRect2D scissor, uint32_t vertices, uint32_t instances = 1) const;
  /// For DescriptorPool::make.
  const PipelineLayout& layout() const { return layout_; }

 private:
  VkDevice device_;
  VkShaderStageFlags stages_;
  PipelineLayout layout_;
  VkPipeline pipeline_ = VK_NULL_HANDLE;
};

/// An RGBA8 colour image that is drawn to and read back, with the render pass for it.
class OffscreenTarget {
 public:
  /// Error(Budget) when the device cannot hold such an image.
  OffscreenTarget(const Context& context, uint32_t width, uint32_t height);
  ~OffscreenTarget();
  OffscreenTarget(const OffscreenTarget&) = delete;
  OffscreenTarget& operator=(const OffscreenTarget&) = delete;

  VkRenderPass renderPass() const { return pass_; }
  VkExtent2D extent() const { return extent_; }
  /// Clears to `background` (0 … 1, RGBA) and begins the pass; end() ends it and copies the pixels out.
  void begin(VkCommandBuffer commands, const float (&background)[4]) const;
  void end(VkCommandBuffer commands) const;
  /// The pixels of the last pass, rows of RGBA without gaps, once its commands are done.
  std::vector<uint8_t> pixels() const;

 private:
  void makePass();
  void makeImage(const Context& context);

  VkDevice device_;
  VkExtent2D extent_;
  VkRenderPass pass_ = VK_NULL_HANDLE;
  VkImage image_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  VkImageView view_ = VK_NULL_HANDLE;
  VkFramebuffer framebuffer_ = VK_NULL_HANDLE;
  Buffer readback_;
};

}  // namespace divlens::gpu
