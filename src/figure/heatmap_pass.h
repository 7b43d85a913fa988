#pragma once
#include <span>
#include <vector>

#include "divergence/grid.h"
#include "figure/color_scale.h"
#include "figure/display_list.h"
#include "gpu/graphics.h"

namespace divlens {

/// Colour tables, norms and cell edges on the device: what is made anew when the colours change, cheaply.
class ScaleTables {
 public:
  /// `edges` are those of all areas; null: all cells are alike.
  ScaleTables(const gpu::Context& context, std::span<const ColorScale> scales, const AxisEdges* edges = nullptr);

 private:
  friend class HeatmapPass;
  struct Colors {
    NormParams norm;
    gpu::Buffer table;
  };
  std::vector<Colors> scales_;
  uint32_t rowEdges_ = 0, columnEdges_ = 0;
  gpu::Buffer edges_;
};

/// Cells and their colours; both must live until the device is done with them.
struct HeatmapCells {
  const Grid& grid;
  const ScaleTables& tables;
};

/// What a descriptor pool for one frame's draws holds.
inline constexpr uint32_t kMaxHeatmapDraws = 1024, kHeatmapBindings = 4;

/// Draws cells and colour bars inside a render pass: the fragment shader reads the Grid's own storage buffers.
class HeatmapPass {
 public:
  HeatmapPass(const gpu::Context& context, VkRenderPass pass);
  void draw(VkCommandBuffer commands, VkExtent2D extent, gpu::DescriptorPool& pool, const HeatmapCells& cells,
            const HeatmapArea& area);
  void draw(VkCommandBuffer commands, VkExtent2D extent, gpu::DescriptorPool& pool, const HeatmapCells& cells,
            const ColorbarArea& bar);

 private:
  gpu::GraphicsPipeline pipeline_;
};

}  // namespace divlens
