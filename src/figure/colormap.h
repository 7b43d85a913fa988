#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "figure/display_list.h"
#include "figure/options.h"

namespace divlens {

/// 256 colours, indexed by min(255, floor(256·t)); never blended.
using ColorTable = std::array<Color, 256>;

/// The names of the embedded maps, sorted; each may be followed by `_r`, the map reversed.
std::vector<std::string> colormapNames();
/// A map by name, `NAME_r`, CSV file of colours, or colours "#2166ac,white,tab:orange"; Error(Usage) with the nearest
/// name.
ColorTable colormap(const std::string& text);

/// Every colour that a cell can have.
struct CellColors {
  ColorTable table{};
  Color bad, inf, under, over;
};
/// The colours that the options ask for; under and over default to the map's ends. Masked cells show the background.
CellColors cellColors(const FigureOptions& options, const std::string& defaultMap);

}  // namespace divlens
