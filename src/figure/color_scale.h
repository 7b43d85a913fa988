#pragma once
#include <string>

#include "figure/colormap.h"
#include "figure/norm.h"

namespace divlens {

/// How the cells of some panels become colours, and what the colour bar says about it.
struct ColorScale {
  std::string label;
  Norm norm;
  Extend extend;
  CellColors colors;
  bool hasBad = false, hasInf = false;  ///< such cells exist: their colours are explained beside the bar
};

}  // namespace divlens
