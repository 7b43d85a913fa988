#pragma once
#include <vector>

#include "divergence/grid.h"
#include "figure/colormap.h"
#include "figure/display_list.h"
#include "figure/norm.h"
#include "gpu/graphics.h"

namespace divlens {

/// Draws cells and colour bars inside a render pass: the fragment shader reads the Grid's own storage buffers.
class HeatmapPass {
 public:
  HeatmapPass(const gpu::Context& context, VkRenderPass pass, const Grid& grid, const Norm& norm,
              const CellColors& colors);
  void draw(VkCommandBuffer commands, VkExtent2D extent, const HeatmapArea& area);
  void draw(VkCommandBuffer commands, VkExtent2D extent, const ColorbarArea& bar);

 private:
  const Grid& grid_;
  NormParams norm_;
  gpu::Buffer colors_;
  gpu::GraphicsPipeline pipeline_;
  gpu::DescriptorPool pool_;
};

}  // namespace divlens
