#pragma once
#include <vulkan/vulkan.h>

struct ImGuiContext;

namespace divlens {

namespace gpu {
class Context;
}

/// A context of Dear ImGui with its Vulkan backend; current while it lives, and the one before it comes back
/// afterwards.
class ImGuiBackend {
 public:
  /// Reads and writes no files.
  ImGuiBackend();
  ~ImGuiBackend();
  ImGuiBackend(const ImGuiBackend&) = delete;
  ImGuiBackend& operator=(const ImGuiBackend&) = delete;
  /// Makes pipeline and font texture, once fonts are chosen; as many frames as `images` may be under way.
  void start(const gpu::Context& context, VkRenderPass pass, uint32_t images);

 private:
  ImGuiContext* before_;
  ImGuiContext* imgui_;
  VkDevice device_ = VK_NULL_HANDLE;
  VkDescriptorPool pool_ = VK_NULL_HANDLE;
  bool backend_ = false;
};

}  // namespace divlens
