#include "figure/axis_scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "dump/escape.h"
#include "error.h"
#include "suggest.h"

namespace divlens {
namespace {

[[noreturn]] void unfit(const std::string& axis, const std::string& scale, const char* why) {
  throw Error(Exit::Usage, fmt::format("--axis-scale {}={}: {}; use {}=category", axis, scale, why, axis));
}

// Coordinates as they are drawn, rising in the order of the cells.
std::vector<double> placed(std::vector<double> values, const std::string& scale, const std::string& axis) {
  if (values.size() > 1 && values.back() < values.front() && scale == "linear")
    for (double& v : values) v = -v;
  if (scale == "log") {
    const bool falls = values.size() > 1 && values.back() < values.front();
    const size_t first = values.size() > 2 && values[0] == 0 ? 1 : 0;
    for (size_t i = first; i < values.size(); ++i) {
      if (!(values[i] > 0)) unfit(axis, scale, "its coordinates are not all positive");
      values[i] = falls ? -std::log(values[i]) : std::log(values[i]);
    }
    if (first == 1) values[0] = 2 * values[1] - values[2];
  }
  for (size_t i = 1; i < values.size(); ++i)
    if (!(values[i] > values[i - 1])) unfit(axis, scale, "its coordinates do not rise or fall all the way");
  return values;
}

bool standsByCount(const std::vector<double>& coordinates, const std::string& scale) {
  return scale == "category" || coordinates.size() == 1;
}

// Coordinates as they are drawn, and the ends of the axis: half a step beyond the first and the last one.
struct ScaledAxis {
  std::vector<double> at;
  double begin = 0, end = 0;

  ScaledAxis(const std::vector<double>& coordinates, const std::string& scale, const std::string& axis) {
    if (coordinates.empty()) unfit(axis, scale, "it has no coordinates, and its labels are not all numbers");
    at = placed(coordinates, scale, axis);
    const size_t n = at.size();
    begin = at[0] - (at[1] - at[0]) / 2;
    end = at[n - 1] + (at[n - 1] - at[n - 2]) / 2;
  }
  // In cells, from 0 to their number.
  float cells(double where) const {
    return static_cast<float>((where - begin) / (end - begin) * static_cast<double>(at.size()));
  }
};

}  // namespace

std::string axisScale(const FigureOptions& options, const std::string& axis) {
  const std::vector<std::string> names = {"category", "linear", "log"};
  std::string chosen = names[0];
  for (const std::string& text : options.axisScale) {
    const size_t equals = text.rfind('=');
    const std::string name = equals == text.npos ? "" : text.substr(equals + 1);
    if (name.empty() || equals == 0)
      throw Error(Exit::Usage,
                  fmt::format("--axis-scale '{}': give AXIS=linear, AXIS=log or AXIS=category", escaped(text)));
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw Error(Exit::Usage, fmt::format("--axis-scale {}: no such scale{}; there are {}", escaped(text),
                                           didYouMean(name, names), listed(names)));
    if (text.substr(0, equals) == axis) chosen = name;
  }
  return chosen;
}

std::vector<float> cellEdges(const std::vector<double>& coordinates, const std::string& scale,
                             const std::string& axis) {
  if (standsByCount(coordinates, scale)) return {};
  const ScaledAxis scaled(coordinates, scale, axis);
  const std::vector<double>& at = scaled.at;
  std::vector<float> edges{scaled.cells(scaled.begin)};
  for (size_t i = 1; i < at.size(); ++i) edges.push_back(scaled.cells((at[i - 1] + at[i]) / 2));
  edges.push_back(scaled.cells(scaled.end));
  return edges;
}

std::vector<float> cellPlaces(const std::vector<double>& coordinates, const std::string& scale,
                              const std::string& axis) {
  if (standsByCount(coordinates, scale)) return {};
  const ScaledAxis scaled(coordinates, scale, axis);
  std::vector<float> places;
  for (const double at : scaled.at) places.push_back(scaled.cells(at));
  return places;
}

std::vector<double> labelCoordinates(const std::vector<std::string>& labels) {
  std::vector<double> values;
  for (const std::string& label : labels) {
    double value = 0;
    const auto read = std::from_chars(label.data(), label.data() + label.size(), value);
    if (read.ec != std::errc() || read.ptr != label.data() + label.size() || !std::isfinite(value)) return {};
    values.push_back(value);
  }
  return values;
}

double edgePosition(const std::vector<float>& edges, double at) {
  if (edges.empty()) return at;
  const double whole = std::clamp(std::floor(at), 0.0, static_cast<double>(edges.size() - 2));
  const auto i = static_cast<size_t>(whole);
  return double(edges[i]) + (at - whole) * (double(edges[i + 1]) - double(edges[i]));
}

}  // namespace divlens
