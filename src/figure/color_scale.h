#pragma once
#include <string>

#include "figure/cell_rule.h"
#include "figure/colormap.h"
#include "figure/norm.h"

namespace divlens {

/// How the cells of some panels become colours, and what the colour bar says about it.
struct ColorScale {
  std::string label;
  Norm norm;
  Extend extend;
  CellColors colors;
  Aggregate aggregate = Aggregate::Max;  ///< what a pixel over several cells shows
  float center = 0;                      ///< from which extremes are measured
  int64_t notPositive = 0;               ///< cells of 0 or less under a log norm: they have the bad colour
  bool hasBad = false, hasInf = false;   ///< such cells exist: their colours are explained beside the bar
};

}  // namespace divlens
