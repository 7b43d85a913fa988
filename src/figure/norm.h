#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "figure/options.h"
#include "shaders/norms.h"

namespace divlens {

/// What the finite cells hold; `cells` 0 means that there are none.
struct DataRange {
  int64_t cells = 0;
  double min = 0, max = 0;
  double minPositive = 0;  ///< 0: no positive cell
  /// Values at percentiles (0 … 100, linear between neighbours) of the finite cells; needed only for --robust.
  std::function<std::vector<double>(std::span<const double>)> percentiles;
};

/// How values become colours: the parameters that C++ and the fragment shader share.
struct Norm {
  NormParams params{};
  double vmin = 0, vmax = 1;  ///< ends of the colour bar
  std::vector<float> edges;   ///< boundaries of classes, from vmin to vmax; empty for all other norms
  /// Position on the colour map, 0 … 1 inside vmin … vmax.
  float t(double v) const { return normT(params, edges.data(), static_cast<float>(v)); }
  double value(float t) const { return normInverse(params, edges.data(), t); }
  /// Entry of the 256-entry colour table.
  int index(float v) const { return normIndex(params, edges.data(), v); }
  const char* name() const;
};

/// Names of the norms, in table order.
std::vector<std::string> normNames();
/// The norm that the options ask for on these data; Error(Usage) names the option that does not fit. Constant data get
/// a range around their value.
Norm makeNorm(const FigureOptions& options, const DataRange& data);

/// Which ends of the colour bar have an arrow: as --extend says, else where data lie beyond vmin or vmax.
struct Extend {
  bool min = false, max = false;
};
Extend makeExtend(const FigureOptions& options, const Norm& norm, const DataRange& data);

}  // namespace divlens
