#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace divlens {

enum class Needs { Nothing, Reference, Target };
enum class Direction { None, Symmetric, Directed };
enum class Unit { Plain, Information, RootInformation };

/// One row of the metric table (shaders/metrics.h), without its GLSL parts.
struct Metric {
  int id;
  const char* name;  ///< "jsd"; a row named "renyi:α" is the one that takes a parameter
  const char* formula;
  const char* symbol;
  Needs needs;
  Direction direction;
  Unit unit;
  int sums;
  /// "renyi" of "renyi:α".
  std::string_view stem() const;
  /// "α" of "renyi:α"; empty for metrics without a parameter.
  std::string_view parameter() const;
  /// True for metrics of the rows as they are stored (cosine, l2): no softmax, so that hidden states serve too.
  bool ofStoredRows() const;
};

const std::vector<Metric>& metrics();

/// A metric as the user asked for it: "jsd:0.3" is jsd with parameter 0.3.
struct MetricUse {
  const Metric* metric = nullptr;
  std::string text;  ///< as given
  float parameter = 0;
};
/// Error(Usage) with the nearest name when there is no such metric or the parameter does not fit.
MetricUse parseMetric(std::string_view text);

}  // namespace divlens
