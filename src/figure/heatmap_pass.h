#pragma once
#include <span>
#include <vector>

#include "figure/cell_views.h"
#include "figure/color_scale.h"
#include "figure/display_list.h"
#include "gpu/graphics.h"

namespace divlens {

/// Colour tables and norms on the device: what is made anew when the colours change, cheaply.
class ScaleTables {
 public:
  ScaleTables(const gpu::Context& context, std::span<const ColorScale> scales);

 private:
  friend class HeatmapPass;
  struct Colors {
    NormParams norm;
    gpu::Buffer table;
  };
  std::vector<Colors> scales_;
};

/// What a list's areas show, prepared before the render pass, and their colours; both must live until the device is
/// done with them.
struct HeatmapCells {
  const CellViews& views;
  const ScaleTables& tables;
};

/// What a descriptor pool for one frame's draws holds.
inline constexpr uint32_t kMaxHeatmapDraws = 1024, kHeatmapBindings = 3;

/// Draws cells and colour bars inside a render pass: the fragment shader reads storage buffers.
class HeatmapPass {
 public:
  HeatmapPass(const gpu::Context& context, VkRenderPass pass);
  /// `number` of the area among those of its list.
  void draw(VkCommandBuffer commands, VkExtent2D extent, gpu::DescriptorPool& pool, const HeatmapCells& cells,
            const HeatmapArea& area, size_t number);
  void draw(VkCommandBuffer commands, VkExtent2D extent, gpu::DescriptorPool& pool, const HeatmapCells& cells,
            const ColorbarArea& bar);

 private:
  gpu::GraphicsPipeline pipeline_;
};

}  // namespace divlens
