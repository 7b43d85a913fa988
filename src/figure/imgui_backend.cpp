#include "figure/imgui_backend.h"

#include <imgui.h>
#include <imgui_impl_vulkan.h>

#include "gpu/check.h"
#include "gpu/context.h"

namespace divlens {

ImGuiBackend::ImGuiBackend() : before_(ImGui::GetCurrentContext()), imgui_(ImGui::CreateContext()) {
  ImGui::SetCurrentContext(imgui_);
  ImGuiIO& io = ImGui::GetIO();
  io.IniFilename = nullptr;
  io.LogFilename = nullptr;
}

ImGuiBackend::~ImGuiBackend() {
  ImGui::SetCurrentContext(imgui_);
  if (backend_) ImGui_ImplVulkan_Shutdown();
  ImGui::DestroyContext(imgui_);
  ImGui::SetCurrentContext(before_);
  if (pool_) vkDestroyDescriptorPool(device_, pool_, nullptr);
}

void ImGuiBackend::start(const gpu::Context& context, VkRenderPass pass, uint32_t images) {
  device_ = context.device();
  const VkDescriptorPoolSize size{.type = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, .descriptorCount = 4};
  const VkDescriptorPoolCreateInfo pool{.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                        .flags = VK_DESCRIPTOR_POOL_CREATE_FREE_DESCRIPTOR_SET_BIT,
                                        .maxSets = 4,
                                        .poolSizeCount = 1,
                                        .pPoolSizes = &size};
  gpu::check(vkCreateDescriptorPool(device_, &pool, nullptr, &pool_), "vkCreateDescriptorPool");
  ImGui_ImplVulkan_InitInfo init{};
  init.Instance = context.instance();
  init.PhysicalDevice = context.physical();
  init.Device = context.device();
  init.QueueFamily = context.queueFamily();
  init.Queue = context.queue();
  init.DescriptorPool = pool_;
  init.MinImageCount = images;
  init.ImageCount = images;
  init.CheckVkResultFn = [](VkResult result) { gpu::check(result, "Dear ImGui's Vulkan backend"); };
#if IMGUI_VERSION_NUM >= 19020
  init.RenderPass = pass;
  backend_ = ImGui_ImplVulkan_Init(&init);
#else
  backend_ = ImGui_ImplVulkan_Init(&init, pass);
#endif
#if IMGUI_VERSION_NUM >= 19000
  ImGui_ImplVulkan_CreateFontsTexture();
#else
  context.runOnce([](VkCommandBuffer commands) { ImGui_ImplVulkan_CreateFontsTexture(commands); });
  ImGui_ImplVulkan_DestroyFontUploadObjects();
#endif
}

}  // namespace divlens
