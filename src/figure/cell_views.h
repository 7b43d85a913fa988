#pragma once
#include <deque>
#include <span>
#include <vector>

#include "figure/display_list.h"
#include "figure/grid_pyramid.h"

namespace divlens {

/// What the pixels of a heatmap area show: at most one cell a pixel, in device memory.
class CellView {
 public:
  /// Rows of the view that lie in one buffer.
  struct Band {
    int64_t firstRow = 0, rows = 0;
    gpu::Buffer cells;
  };
  const std::vector<Band>& bands() const { return bands_; }
  int64_t columns() const { return columns_; }
  bool means() const { return how_.how == Aggregate::Mean; }
  /// The view's row of each pixel from the top, then its column of each from the left.
  const gpu::Buffer& pixels() const { return pixels_; }

 private:
  friend class CellViews;
  void shape(const gpu::Context& context, int64_t rows, int64_t columns, const CellReduction& how);

  std::vector<Band> bands_;
  int64_t rows_ = 0, columns_ = 0;
  CellReduction how_;
  gpu::Buffer pixels_, spans_;
  HeatmapArea area_;      ///< what it was made for
  uint64_t version_ = 0;  ///< of the pyramid, 0: not made
};

/// The views of all heatmap areas of one display list, in the list's order. What did not change since the last time is
/// kept. For one frame in flight: prepare() again once the device is done with the last one.
class CellViews {
 public:
  explicit CellViews(CellReducer& reducer);
  /// Records what fills the views, before the render pass that draws them.
  void prepare(VkCommandBuffer commands, std::span<const HeatmapArea> areas, GridPyramid& pyramid);
  const CellView& at(size_t area) const { return views_.at(area); }

 private:
  void fill(VkCommandBuffer commands, const HeatmapArea& area, GridPyramid& pyramid, CellView& view);

  CellReducer& reducer_;
  gpu::DescriptorPool pool_;
  std::deque<CellView> views_;
};

/// The heatmap areas of a list, in its order.
std::vector<HeatmapArea> heatmapAreas(const DisplayList& list);
/// The rectangle in whole pixels: what is drawn of an area.
Rect pixelRect(const Rect& rect);

}  // namespace divlens
