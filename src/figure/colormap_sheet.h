#pragma once
#include <vector>

#include "figure/color_scale.h"
#include "figure/display_list.h"
#include "figure/options.h"
#include "figure/text.h"

namespace divlens {

/// All maps as a picture: each bar of the list shows the scale of its index.
struct ColormapSheet {
  DisplayList list;
  std::vector<ColorScale> scales;
};
/// In columns, by name; --dpi, --style and --font-size count.
ColormapSheet colormapSheet(const FigureOptions& options, TextShaper& shaper);

}  // namespace divlens
