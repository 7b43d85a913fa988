#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "figure/color_scale.h"
#include "figure/display_list.h"
#include "gpu/graphics.h"

namespace divlens {

class Grid;

/// Colours of a heatmap area's cells, row 0 first. The image covers whole cells, from floor(begin) to ceil(end) of each
/// axis: one pixel a cell, fewer where there are very many.
struct CellImage {
  int64_t rows = 0, columns = 0;
  std::vector<Color> colors;
  Color color(int64_t row, int64_t column) const { return colors[static_cast<size_t>(row * columns + column)]; }
};

/// The image as the device draws it: the very colours of the PNG. Where there are more cells than the area has pixels
/// they are reduced by the same shaders, so that no peak is lost.
CellImage drawCells(const gpu::Context& context, const Grid& grid, std::span<const ColorScale> scales,
                    const HeatmapArea& area);

/// Where the whole cells of an area's image lie: what is visible of the first and last one is cut.
struct CellPlacement {
  double x = 0, y = 0, cellWidth = 0, cellHeight = 0;
};
CellPlacement placeCells(const HeatmapArea& area, const CellImage& image);
/// The rows in the order in which they are drawn, the topmost first.
void turnUpright(CellImage& image, const HeatmapArea& area);
/// Each cell that is not transparent as a rectangle that reaches a little under its right and lower neighbour, so that
/// no viewer shows hairlines between them.
void eachCell(const CellImage& image, const CellPlacement& place,
              const std::function<void(double x, double y, double w, double h, Color)>& draw);
/// What lies under a frame and the outermost pixel of the area in it, in the frame's colour: viewers that smooth the
/// edges of images, or put a frame on whole pixels, would show the background between the two.
std::vector<FilledRect> groundUnderFrame(const FrameLine& frame, const Rect& area);
/// Each pixel repeated until the image has as many as the area, for viewers that smooth images whatever a file says.
CellImage enlarged(const CellImage& image, const Rect& area);
/// Colours of a bar from its top or left.
CellImage barImage(const ColorbarArea& bar, const ColorScale& scale);

}  // namespace divlens
