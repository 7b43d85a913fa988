#pragma once
#include <string>
#include <vector>

#include "figure/display_list.h"
#include "figure/options.h"

namespace divlens {

/// What --axis-scale says about an axis: category, linear or log; Error(Usage) for a malformed one.
std::string axisScale(const FigureOptions& options, const std::string& axis);
/// Edges of cells that stand at their coordinates: half-way between neighbours, in cells from 0 to their number. Empty
/// for category. A leading 0 on a log axis stands one step before its neighbour. Error(Usage) where coordinates are
/// missing, not in order, or not positive.
std::vector<float> cellEdges(const std::vector<double>& coordinates, const std::string& scale, const std::string& axis);
/// Where between those edges the coordinates themselves are, in the same units and with the same errors.
std::vector<float> cellPlaces(const std::vector<double>& coordinates, const std::string& scale,
                              const std::string& axis);
/// Labels as coordinates; empty where one of them is no number.
std::vector<double> labelCoordinates(const std::vector<std::string>& labels);
/// Where along the axis, in cells, the point `at` (an entry's number plus a fraction) is; empty edges: at itself.
double edgePosition(const std::vector<float>& edges, double at);

}  // namespace divlens
