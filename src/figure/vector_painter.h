#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "figure/colormap.h"
#include "figure/display_list.h"
#include "figure/text.h"

namespace divlens {

/// Colours of a panel's visible cells, one a cell and row 0 first, for the painter to scale without smoothing.
struct CellImage {
  int64_t rows = 0, columns = 0;
  std::vector<Color> colors;
};

enum class VectorFormat { Pdf, Svg };

/// Replays a display list with cairo into the bytes of a PDF (text as embedded TrueType) or SVG. `cells` gives the
/// image of a heatmap area; `metadata` are pairs such as {"Title", …}; the date is SOURCE_DATE_EPOCH, else 1970, so
/// that the same figure is the same file. Error(Output) when cairo fails.
std::vector<uint8_t> paintVector(VectorFormat format, const DisplayList& list, TextShaper& shaper,
                                 const CellColors& colors, const std::function<CellImage(const HeatmapArea&)>& cells,
                                 std::span<const std::pair<std::string, std::string>> metadata);

}  // namespace divlens
