#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shaders/metrics.h"

namespace divlens {

/// The ids of the table of shaders/metrics.h by name.
enum class MetricId : int {
#define DIVLENS_ID(id, enumerator, name, formula, symbol, needs, direction, unit, sums, term, finish) enumerator = id,
  METRICS(DIVLENS_ID)
#undef DIVLENS_ID
};

class UserMetric;
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
  const char* tool = nullptr;        ///< whose definition it is (--convention); null: the true one
  const char* difference = nullptr;  ///< how that differs from the true one
  bool statistic = false;            ///< of whole tensors or stored rows (shaders/statistics.h)
  /// "renyi" of "renyi:α".
  std::string_view stem() const;
  /// "α" of "renyi:α"; empty for metrics without a parameter.
  std::string_view parameter() const;
  /// True for metrics of the rows as they are stored (cosine, l2): no softmax, so that hidden states serve too.
  bool ofStoredRows() const;
};

const std::vector<Metric>& metrics();
/// Statistics of weights and activations, in a table of their own: `l2` and `cosine` are in both.
const std::vector<Metric>& statistics();
/// Other tools' definitions, one row for each pair of tool and metric; not reached by parseMetric.
const std::vector<Metric>& conventions();

/// A metric as the user asked for it: "jsd:0.3" is jsd with parameter 0.3.
struct MetricUse {
  const Metric* metric = nullptr;
  std::string text;  ///< as given
  double parameter = 0;
  std::shared_ptr<const UserMetric> user;  ///< owns `metric` where it is the user's own
  std::string shown() const;               ///< the text, of a file its name without folders
};
/// Error(Usage) with the nearest name when there is no such metric or the parameter does not fit. Where a
/// divergence and a statistic share a name, `preferStatistic` decides.
MetricUse parseMetric(std::string_view text, bool preferStatistic = false);

/// The pairs of tool and metric that --convention knows, "scipy·jsd" and so on, for messages.
std::string conventionPairs();
/// Replaces each metric by `tool`'s definition of it; Error(Usage) lists the pairs of tool and metric that there are.
void applyConvention(std::vector<MetricUse>& uses, std::string_view tool);

}  // namespace divlens
