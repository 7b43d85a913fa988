#pragma once
#include <imgui.h>

#include <deque>
#include <variant>

#include "figure/display_list.h"
#include "figure/heatmap_pass.h"
#include "figure/text_pass.h"

namespace divlens {

/// What the painter draws cells and texts with.
struct PaintParts {
  HeatmapPass* heatmap;  ///< null: no list has cells
  TextPass& texts;
  VkExtent2D extent;          ///< of the target
  gpu::DescriptorPool& pool;  ///< for this frame's draws
};

/// Replays display lists into ImGui's draw lists: shapes become ImGui's own; cells, colour bars and texts become
/// callbacks that draw with pipelines of their own while ImGui's data are rendered. It must live until then.
class ListPainter {
 public:
  explicit ListPainter(const PaintParts& parts) : parts_(parts) {}
  /// `cells` is what the list's heatmaps and bars show; may be null where it has none.
  void paint(ImDrawList& drawing, const DisplayList& list, const HeatmapCells* cells);
  /// The command buffer into which ImGui's data are about to be rendered.
  void useCommands(VkCommandBuffer commands) { commands_ = commands; }

 private:
  struct TextRun {
    uint32_t first = 0, count = 0;
  };
  struct Cells {
    HeatmapArea area;
    size_t number = 0;  ///< among the list's areas
  };
  struct Callback {
    ListPainter* painter;
    const HeatmapCells* cells;
    std::variant<Cells, ColorbarArea, TextRun> what;
  };
  template <typename What>
  void addCallback(ImDrawList& drawing, const What& what);
  void addTexts(ImDrawList& drawing);
  static void run(const ImDrawList*, const ImDrawCmd* command);

  PaintParts parts_;
  const HeatmapCells* cells_ = nullptr;
  TextRun texts_;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
  std::deque<Callback> callbacks_;  // addresses stay valid
};

}  // namespace divlens
