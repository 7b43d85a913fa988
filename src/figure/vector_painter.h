#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "figure/cell_image.h"
#include "figure/color_scale.h"
#include "figure/display_list.h"
#include "figure/text.h"

namespace divlens {

/// Pairs such as {"Title", …}.
using FigureMetadata = std::span<const std::pair<std::string, std::string>>;

/// What a vector figure needs besides its display list.
struct VectorParts {
  TextShaper& shaper;
  std::span<const ColorScale> scales;
  std::function<CellImage(const HeatmapArea&)> cells;
  FigureMetadata metadata;
  bool rectangles = false;  ///< cells as overlapping rectangles instead of an image
};

enum class VectorFormat { Pdf, Svg };

/// Replays a display list with cairo into the bytes of a PDF (text as embedded TrueType) or an SVG (text as outlines).
/// The date is SOURCE_DATE_EPOCH, else 1970, so that the same figure is the same file. Error(Output) when cairo fails.
std::vector<uint8_t> paintVector(VectorFormat format, const DisplayList& list, const VectorParts& parts);
/// Title and description of an SVG.
std::string svgMetadata(FigureMetadata metadata);
/// An SVG whose text stays text, for editors and search.
std::vector<uint8_t> paintSvg(const DisplayList& list, const VectorParts& parts);

}  // namespace divlens
