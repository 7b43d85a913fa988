#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "divergence/plan.h"

namespace divlens {

/// A strict comparison with a number: "<0.1" or ">0.1".
struct Threshold {
  bool below = true;
  double value = 0;
  bool beyond(float cell) const { return below ? double(cell) < value : double(cell) > value; }  ///< false for NaN
};
/// Error(Usage) naming `option` for anything else.
Threshold parseThreshold(const std::string& text, const char* option);

/// Where, along the layers, each entry of the grid's other axis goes beyond a threshold for good.
struct Onset {
  std::vector<std::optional<int64_t>>
      positions;  ///< position of the layer in the dump; one for each entry of the other axis
  std::vector<int64_t> beyondRows, beyondColumns;  ///< cells beyond the threshold in each row and column
};

/// The first layer, in dump order, from which `persist` layers in a row are beyond (0: all to the end); NaN breaks a
/// run. Error(Usage) where no axis `layer` is drawn. `cells` are one panel, row-major.
Onset findOnset(const Plan& plan, std::span<const float> cells, const Threshold& threshold, int64_t persist);

/// Error(Usage) where the plan's --onset is malformed, or no axis `layer` is drawn.
void checkOnset(const Plan& plan);
/// True where layers go down the grid.
bool onsetDown(const Plan& plan);
/// Where along the layers, in cells, the line of a panel's onsets lies: at the earlier edge of each entry's first
/// layer.
std::vector<std::optional<double>> onsetEdges(const Plan& plan, const Onset& onset);

}  // namespace divlens
