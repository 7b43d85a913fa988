#pragma once
#include <span>
#include <vector>

#include "divergence/grid.h"
#include "figure/color_scale.h"
#include "figure/display_list.h"
#include "gpu/graphics.h"

namespace divlens {

/// Draws cells and colour bars inside a render pass: the fragment shader reads the Grid's own storage buffers. `edges`
/// are those of all areas.
class HeatmapPass {
 public:
  HeatmapPass(const gpu::Context& context, VkRenderPass pass, const Grid& grid, std::span<const ColorScale> scales,
              const AxisEdges* edges = nullptr);
  void draw(VkCommandBuffer commands, VkExtent2D extent, const HeatmapArea& area);
  void draw(VkCommandBuffer commands, VkExtent2D extent, const ColorbarArea& bar);

 private:
  struct Colors {
    NormParams norm;
    gpu::Buffer table;
  };
  const Grid& grid_;
  std::vector<Colors> scales_;
  uint32_t rowEdges_ = 0, columnEdges_ = 0;
  gpu::Buffer edges_;
  gpu::GraphicsPipeline pipeline_;
  gpu::DescriptorPool pool_;
};

}  // namespace divlens
