#include "figure/overlay.h"

#include <imgui.h>
#include <imgui_impl_vulkan.h>

#include "figure/imgui_backend.h"
#include "figure/list_painter.h"

namespace divlens {

std::vector<uint8_t> drawOffscreen(const gpu::Context& context, const DisplayList& list, TextShaper& shaper,
                                   const Grid& grid, std::span<const ColorScale> scales) {
  const gpu::OffscreenTarget target(context, uint32_t(list.width), uint32_t(list.height));
  HeatmapPass heatmap(context, target.renderPass());
  const ScaleTables tables(context, scales);
  CellReducer reducer(context);
  GridPyramid pyramid(reducer, grid);
  CellViews views(reducer);
  const HeatmapCells cells{views, tables};
  TextPass texts(context, target.renderPass(), shaper);
  gpu::DescriptorPool pool(context, kMaxHeatmapDraws, kHeatmapBindings);
  ImGuiBackend backend;
  ImGuiIO& io = ImGui::GetIO();
  io.DisplaySize = ImVec2(float(list.width), float(list.height));
  io.DeltaTime = 1.0f / 60.0f;
  // ImGui writes no text here, and draws lines as shapes, not from its texture.
  io.Fonts->Flags |= ImFontAtlasFlags_NoBakedLines | ImFontAtlasFlags_NoMouseCursors;
  backend.start(context, target.renderPass(), 2);
  ImGui_ImplVulkan_NewFrame();
  ImGui::NewFrame();
  ListPainter painter({&heatmap, texts, target.extent(), pool});
  texts.begin(0);
  painter.paint(*ImGui::GetBackgroundDrawList(), list, &cells);
  texts.finish();
  ImGui::Render();
  const Color b = list.background;
  context.runOnce([&](VkCommandBuffer commands) {
    painter.useCommands(commands);
    views.prepare(commands, heatmapAreas(list), pyramid);
    target.begin(commands, {float(b.r) / 255, float(b.g) / 255, float(b.b) / 255, float(b.a) / 255});
    ImGui_ImplVulkan_RenderDrawData(ImGui::GetDrawData(), commands);
    target.end(commands);
  });
  return target.pixels();
}

}  // namespace divlens
