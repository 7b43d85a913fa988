#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "divergence/place.h"
#include "divergence/plan.h"

namespace divlens {

/// One row as a distribution, in double precision.
struct ExactRow {
  std::vector<double> stored;  ///< as in the file; empty where no row is stored
  std::vector<double> p;
  std::vector<double> logs;  ///< ln p; −∞ exactly where the row rules an entry out
  bool bad = false;          ///< NaN, +∞, a negative probability, or no probability at all
};

/// The two sides of one value.
struct ExactPair {
  std::shared_ptr<const ExactRow> reference;  ///< null where there is none
  std::shared_ptr<const ExactRow> cell;
  int64_t target = -1;   ///< token id of the reference `target`
  bool missing = false;  ///< this value's reference does not exist (layer:prev of the first layer)
  bool masked = false;   ///< left out on purpose: the value is NaN
};

class ExactLens;

/// Reads what single values are made of, in double precision; not thread-safe.
class ExactReader {
 public:
  explicit ExactReader(const Plan& plan);
  /// Of lists (kind topk): the rows that are compared for a lower bound of the metric, entry by entry of what is known.
  ExactPair pair(const EntryIndex& index, const MetricUse& use);
  /// The cell's own row, whatever it is compared with; null where it is masked. Not of lists.
  std::shared_ptr<const ExactRow> cell(const EntryIndex& index) const;
  /// The element of a scalar table.
  double scalar(const EntryIndex& index) const;
  /// Order divergence-of-means: the mean distributions of both sides over those values; what is masked, missing or no
  /// distribution on one side is in neither.
  ExactPair means(const std::vector<EntryIndex>& indices, const MetricUse& use);

 private:
  ExactPair listPair(const Place& place, const MetricUse& use) const;
  std::shared_ptr<const ExactRow> stored(const Tensor& tensor, Kind kind, int64_t row) const;
  std::shared_ptr<const ExactRow> meanRow(int64_t first) const;
  std::shared_ptr<const ExactRow> uniformRow() const;
  std::shared_ptr<const ExactRow> oneHotRow(int64_t id) const;

  const Plan& plan_;
  std::vector<int64_t> targets_;
  std::shared_ptr<const ExactLens> lens_;
  int64_t lastReference_ = -1;  ///< neighbouring values often share their reference
  std::shared_ptr<const ExactRow> lastRow_;
};

/// True where exactValue knows the metric.
bool hasExact(const Metric& metric);
/// The metric of one pair in the plan's unit, evaluated in double precision with the zero rules.
double exactValue(const Plan& plan, const MetricUse& use, const ExactPair& pair);

/// True for metrics that are sums of terms ≥ 0, one for each vocabulary entry.
bool hasTerms(const Metric& metric);
/// Those terms, in the plan's unit; they sum to exactValue. Empty where the value is NaN.
std::vector<double> exactTerms(const Plan& plan, const MetricUse& use, const ExactPair& pair);
/// Names of the metrics that have terms, in the table's order.
std::vector<std::string> metricsWithTerms();

}  // namespace divlens
