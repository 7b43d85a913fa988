#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "figure/color_scale.h"
#include "figure/display_list.h"

namespace divlens {

/// One axis of the grid. Labels are as in the dump (empty: positions); [begin, end) is the visible part, end 0: all.
struct FigureAxis {
  std::string name;
  int64_t count = 0;
  std::vector<std::string> labels;
  double begin = 0, end = 0;
  std::vector<float> edges;     ///< where cells stand at their coordinates: axis_scale.h
  std::vector<float> places;    ///< and where in them those are, for ticks; empty: in the middle
  std::vector<int64_t> breaks;  ///< entries that begin another group than the one before: a line is drawn there
};

/// Means of a panel's rows and columns over their finite cells; NaN where there is none.
struct Marginals {
  std::vector<float> rows, columns;
};

/// What a figure says, apart from the cells themselves. The options' title and labels win over those here.
struct FigureContent {
  FigureAxis rows, columns;
  std::vector<std::string> panels{""};  ///< one label a panel; panels share their axes
  std::string title;
  std::string message;                ///< over the cells: there is nothing to see
  std::string parameters;             ///< small line at the foot: metric, reference, version ...
  std::vector<ColorScale> scales{1};  ///< at least one
  std::vector<int> scaleOf;           ///< each panel's scale; empty: the first for all
  /// The value of a panel's cell (row, column), for numbers in cells and contours; empty where neither is wanted.
  std::function<float(int, int64_t, int64_t)> cell;
  std::function<std::string(int, int64_t, int64_t)>
      token;  ///< of the cell, as it is drawn; for --annot top1, else empty
  /// Panel by panel and entry by entry of the other axis, where along the layers a line of onsets lies, in cells.
  std::vector<std::vector<std::optional<double>>> onsets;
  bool onsetDown = true;             ///< layers are the rows
  std::vector<Marginals> marginals;  ///< one a panel with --marginals, else empty
  int scale(int panel) const { return scaleOf.empty() ? 0 : scaleOf[static_cast<size_t>(panel)]; }
};

struct PixelSize {
  int width = 0, height = 0;
};

/// The laid-out figure and what did not fit, for stderr.
struct Layout {
  DisplayList list;
  std::vector<std::string> warnings;
};

}  // namespace divlens
