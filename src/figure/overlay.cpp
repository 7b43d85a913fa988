#include "figure/overlay.h"

#include <imgui.h>
#include <imgui_impl_vulkan.h>

#include <cmath>
#include <deque>
#include <memory>

#include "figure/text_atlas.h"
#include "gpu/check.h"

namespace divlens {
namespace {

ImU32 packed(Color c) { return IM_COL32(c.r, c.g, c.b, c.a); }

/// ImGui's context and its Vulkan backend for the length of one drawing.
class ImGuiFrame {
 public:
  explicit ImGuiFrame(VkExtent2D extent) : imgui_(ImGui::CreateContext()) {
    ImGuiIO& io = ImGui::GetIO();
    io.IniFilename = nullptr;
    io.LogFilename = nullptr;
    io.DisplaySize = ImVec2(float(extent.width), float(extent.height));
    io.DeltaTime = 1.0f / 60.0f;
    // The atlas holds whole texts; ImGui's own lines are drawn as shapes, not from its texture.
    io.Fonts->Flags |= ImFontAtlasFlags_NoBakedLines | ImFontAtlasFlags_NoMouseCursors;
  }
  ~ImGuiFrame() {
    if (backend_) ImGui_ImplVulkan_Shutdown();
    ImGui::DestroyContext(imgui_);
    if (pool_) vkDestroyDescriptorPool(device_, pool_, nullptr);
  }
  ImGuiFrame(const ImGuiFrame&) = delete;
  ImGuiFrame& operator=(const ImGuiFrame&) = delete;

  /// Once the atlas is filled.
  void start(const gpu::Context& context, VkRenderPass pass) {
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
    init.MinImageCount = 2;
    init.ImageCount = 2;
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
    ImGui_ImplVulkan_NewFrame();
    ImGui::NewFrame();
  }

 private:
  ImGuiContext* imgui_;
  VkDevice device_ = VK_NULL_HANDLE;
  VkDescriptorPool pool_ = VK_NULL_HANDLE;
  bool backend_ = false;
};

/// Replays display items into an ImGui draw list; cells and bars become callbacks that draw with the heatmap's
/// pipeline.
class Painter {
 public:
  Painter(ImDrawList& drawing, HeatmapPass& heatmap, const TextAtlas& texts, TextShaper& shaper, VkExtent2D extent)
      : drawing_(drawing), heatmap_(heatmap), texts_(texts), shaper_(shaper), extent_(extent) {}

  void useCommands(VkCommandBuffer commands) { commands_ = commands; }

  void operator()(const FilledRect& item) {
    drawing_.AddRectFilled(ImVec2(item.rect.x, item.rect.y), ImVec2(item.rect.right(), item.rect.bottom()),
                           packed(item.color));
  }
  void operator()(const Line& item) {
    const float half = std::max(1.0f, std::round(item.width)) / 2;
    const auto box = [&](float x0, float y0, float x1, float y1) {
      drawing_.AddRectFilled(ImVec2(std::round(x0), std::round(y0)), ImVec2(std::round(x1), std::round(y1)),
                             packed(item.color));
    };
    if (item.x0 == item.x1)
      box(item.x0 - half, std::min(item.y0, item.y1), item.x0 + half, std::max(item.y0, item.y1));
    else if (item.y0 == item.y1)
      box(std::min(item.x0, item.x1), item.y0 - half, std::max(item.x0, item.x1), item.y0 + half);
    else
      drawing_.AddLine(ImVec2(item.x0, item.y0), ImVec2(item.x1, item.y1), packed(item.color), item.width);
  }
  void operator()(const Text& item) { texts_.draw(drawing_, item, shaper_); }
  void operator()(const Triangle& item) {
    drawing_.AddTriangleFilled(ImVec2(item.x0, item.y0), ImVec2(item.x1, item.y1), ImVec2(item.x2, item.y2),
                               packed(item.color));
  }
  void operator()(const HeatmapArea& item) { addCallback(item); }
  void operator()(const ColorbarArea& item) { addCallback(item); }

 private:
  struct Callback {
    Painter* painter;
    std::variant<HeatmapArea, ColorbarArea> area;
  };

  template <typename Area>
  void addCallback(const Area& area) {
    callbacks_.push_back({this, area});
    drawing_.AddCallback(&Painter::run, &callbacks_.back());
    drawing_.AddCallback(ImDrawCallback_ResetRenderState, nullptr);
  }
  static void run(const ImDrawList*, const ImDrawCmd* command) {
    const auto* callback = static_cast<const Callback*>(command->UserCallbackData);
    Painter& self = *callback->painter;
    std::visit([&](const auto& area) { self.heatmap_.draw(self.commands_, self.extent_, area); }, callback->area);
  }

  ImDrawList& drawing_;
  HeatmapPass& heatmap_;
  const TextAtlas& texts_;
  TextShaper& shaper_;
  VkExtent2D extent_;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
  std::deque<Callback> callbacks_;  // addresses stay valid
};

}  // namespace

std::vector<uint8_t> drawOffscreen(const gpu::Context& context, const DisplayList& list, TextShaper& shaper,
                                   const Grid& grid, std::span<const ColorScale> scales) {
  const gpu::OffscreenTarget target(context, uint32_t(list.width), uint32_t(list.height));
  HeatmapPass heatmap(context, target.renderPass(), grid, scales, list.edges.get());
  ImGuiFrame frame(target.extent());
  const TextAtlas texts(*ImGui::GetIO().Fonts, list, shaper);
  frame.start(context, target.renderPass());
  ImDrawList& drawing = *ImGui::GetBackgroundDrawList();
  Painter painter(drawing, heatmap, texts, shaper, target.extent());
  for (const DisplayItem& item : list.items) std::visit(painter, item);
  ImGui::Render();
  const Color b = list.background;
  context.runOnce([&](VkCommandBuffer commands) {
    painter.useCommands(commands);
    target.begin(commands, {float(b.r) / 255, float(b.g) / 255, float(b.b) / 255, float(b.a) / 255});
    ImGui_ImplVulkan_RenderDrawData(ImGui::GetDrawData(), commands);
    target.end(commands);
  });
  return target.pixels();
}

}  // namespace divlens
