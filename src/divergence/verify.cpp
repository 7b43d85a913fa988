#include "divergence/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>

#include "divergence/exact.h"
#include "divergence/stages.h"
#include "divergence/weight_exact.h"
#include "dump/escape.h"
#include "error.h"

namespace divlens {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kTolerance = 1e-4;
// Values below this are compared with it, not with themselves.
constexpr double kSmallest = 1e-6;
// Metrics that are differences: their errors scale with what is subtracted.
constexpr std::string_view kDifferences[] = {"entropy-difference", "cosine", "skewness"};
constexpr double kSmallestDifference = 1e-2;

struct CellIndex {
  size_t panel, row, column;
};

std::vector<CellIndex> chooseCells(size_t panels, size_t rows, size_t columns, int64_t count) {
  const uint64_t total = panels * rows * columns;
  std::set<uint64_t> chosen;
  std::mt19937_64 random(20240229);
  while (chosen.size() < std::min(total, uint64_t(count))) {
    // Of few cells all are wanted: then they are taken in order.
    chosen.insert(total <= uint64_t(count) ? chosen.size() : random() % total);
  }
  std::vector<CellIndex> out;
  for (uint64_t i : chosen) out.push_back({i / (rows * columns), i / columns % rows, i % columns});
  return out;
}

double statistic(std::vector<double> values, Reduce how, double quantile) {
  std::erase_if(values, [](double v) { return !std::isfinite(v); });
  const double n = double(values.size());
  if (how == Reduce::Count) return n;
  if (values.empty()) return kNan;
  std::sort(values.begin(), values.end());
  if (how == Reduce::Min) return values.front();
  if (how == Reduce::Max) return values.back();
  long double sum = 0, squares = 0;
  for (double v : values) sum += v;
  const double mean = double(sum) / n;
  if (how == Reduce::Mean) return mean;
  if (how == Reduce::Std || how == Reduce::Sem) {
    if (values.size() < 2) return kNan;
    for (double v : values) squares += (v - mean) * (v - mean);
    const double deviation = std::sqrt(double(squares) / (n - 1));
    return how == Reduce::Std ? deviation : deviation / std::sqrt(n);
  }
  const double at = (how == Reduce::Median ? 0.5 : quantile) * (n - 1);
  const auto lower = size_t(std::floor(at));
  const size_t upper = std::min(lower + 1, values.size() - 1);
  return values[lower] + (values[upper] - values[lower]) * (at - double(lower));
}

/// A cell in double precision, and the size of what it is reduced from.
struct ExactCell {
  double value = 0, magnitude = 0;
};

/// As the grid holds it: what float32 cannot hold is infinite.
double asFloat(double value) {
  return std::abs(value) > double(std::numeric_limits<float>::max()) ? std::copysign(kInfinity, value) : value;
}

class CellsInDouble {
 public:
  explicit CellsInDouble(const Plan& plan) : plan_(plan), layout_(entryLayout(plan)), reader_(plan) {}

  ExactCell cell(const CellIndex& index, const ResultPanel& panel) {
    ExactCell out = ofGroup(index, panel, plan_.panels[panel.panel]);
    if (!panel.minus) return out;
    const ExactCell less = ofGroup(index, panel, plan_.panels[*panel.minus]);
    return {out.value - less.value, out.magnitude + less.magnitude};
  }

 private:
  ExactCell ofGroup(const CellIndex& index, const ResultPanel& panel, const PlanPanel& group) {
    std::vector<double> values(size_t(layout_.entries), 0.0);
    ExactCell out;
    double finite = 0;
    if (plan_.meansFirst) return ofMeans(index, *panel.metric, group);
    for (size_t entry = 0; entry < values.size(); ++entry) {
      const EntryIndex at = indexOf(index, entry);
      if (!belongs(group, at)) continue;
      values[entry] = asFloat(panel.metric ? valueOf(*panel.metric, at) : reader_.scalar(at));
      if (!std::isfinite(values[entry])) continue;
      out.magnitude += std::abs(values[entry]);
      ++finite;
    }
    out.magnitude = finite > 0 ? out.magnitude / finite : 0;
    for (const Stage& stage : stagesOf(plan_, group)) values = reduced(values, stage);
    out.value = values.front();
    return out;
  }

  double valueOf(const MetricUse& use, const EntryIndex& at) {
    if (use.metric->statistic) return exactStatistic(plan_, use, at);
    return exactValue(plan_, use, reader_.pair(at, use));
  }

  ExactCell ofMeans(const CellIndex& index, const MetricUse& use, const PlanPanel& group) {
    std::vector<EntryIndex> entries;
    for (size_t entry = 0; entry < size_t(layout_.entries); ++entry)
      if (const EntryIndex at = indexOf(index, entry); belongs(group, at)) entries.push_back(at);
    const double value = asFloat(exactValue(plan_, use, reader_.means(entries, use)));
    return {value, std::isfinite(value) ? std::abs(value) : 0};
  }

  EntryIndex indexOf(const CellIndex& index, size_t entry) const {
    EntryIndex at{index.row, index.column, {}};
    for (size_t i = 0; i < plan_.reduced.size(); ++i)
      at.reduced.push_back(entry / size_t(layout_.strides[i]) % plan_.reduced[i].positions.size());
    return at;
  }

  bool belongs(const PlanPanel& group, const EntryIndex& at) const {
    if (plan_.groupAxis < 0 || group.entries.empty()) return true;
    const size_t entry = at.reduced[size_t(plan_.groupAxis)];
    return std::find(group.entries.begin(), group.entries.end(), entry) != group.entries.end();
  }

  static std::vector<double> reduced(const std::vector<double>& values, const Stage& stage) {
    std::vector<double> out;
    for (int64_t cell = 0; cell < stage.outer; ++cell) {
      std::vector<double> chosen;
      for (uint32_t i : stage.reduction.chosen) chosen.push_back(values.at(size_t(cell * stage.entries) + i));
      const bool alone = chosen.size() == 1 && stage.reduction.how == Reduce::Mean;
      out.push_back(alone ? chosen[0] : statistic(std::move(chosen), stage.reduction.how, stage.reduction.quantile));
    }
    return out;
  }

  const Plan& plan_;
  EntryLayout layout_;
  ExactReader reader_;
};

/// What an error is measured against.
double scaleOf(const Plan& plan, const ResultPanel& panel, const ExactCell& exact) {
  const bool difference = panel.metric && std::find(std::begin(kDifferences), std::end(kDifferences),
                                                    panel.metric->metric->name) != std::end(kDifferences);
  const bool spread = std::any_of(plan.reduced.begin(), plan.reduced.end(), [](const PlanAxis& axis) {
    return axis.how == Reduce::Std || axis.how == Reduce::Sem;
  });
  const double least = difference ? kSmallestDifference : kSmallest;
  return std::max(
      {std::abs(exact.value), difference || spread || panel.minus || !panel.metric ? exact.magnitude : 0.0, least});
}

double relativeError(double computed, double exact, double scale) {
  if (std::isnan(computed) && std::isnan(exact)) return 0;
  if (computed == exact) return 0;
  if (!std::isfinite(computed) || !std::isfinite(exact)) return kInfinity;
  return std::abs(computed - exact) / scale;
}

std::string placeText(const Plan& plan, const ResultPanel& panel, const CellIndex& at) {
  std::string text = fmt::format("{} {}", escaped(plan.rows.name), escaped(plan.rows.label(at.row)));
  if (!plan.columns.synthetic)
    text += fmt::format(", {} {}", escaped(plan.columns.name), escaped(plan.columns.label(at.column)));
  if (plan.metrics.size() > 1) text += fmt::format(" of {}", panel.metric->text);
  return panel.group.empty() ? text : text + fmt::format(" of group {}", escaped(panel.group));
}

}  // namespace

bool Verification::passed() const { return largest <= kTolerance; }

std::string Verification::text() const {
  std::string out = fmt::format("{} values in double precision: largest relative error {:.1e}", values, largest);
  return where.empty() ? out : out + " at " + where;
}

Verification verify(const Plan& plan, const std::vector<ResultPanel>& panels,
                    const std::vector<std::vector<float>>& cells, int64_t count, const std::atomic<int>* cancel) {
  for (const ResultPanel& panel : panels) {
    if (!panel.metric || hasExact(*panel.metric->metric) || panel.metric->metric->statistic) continue;
    throw Error(Exit::Usage, fmt::format("--verify: '{}' in another tool's definition has no form in double precision; "
                                         "drop --verify or --convention",
                                         panel.metric->text));
  }
  const size_t rows = plan.rows.positions.size(), columns = plan.columns.positions.size();
  Verification out;
  CellsInDouble inDouble(plan);
  for (const CellIndex& at : chooseCells(panels.size(), rows, columns, count)) {
    const int signal = cancel ? cancel->load() : 0;
    if (signal != 0)
      throw Error(signal == 15 ? Exit::Terminated : Exit::Interrupted, "interrupted; nothing was written");
    const ExactCell exact = inDouble.cell(at, panels[at.panel]);
    const double computed = double(cells.at(at.panel).at(at.row * columns + at.column));
    const double error = relativeError(computed, exact.value, scaleOf(plan, panels[at.panel], exact));
    ++out.values;
    if (!out.where.empty() && error <= out.largest) continue;
    out.largest = error;
    out.where = placeText(plan, panels[at.panel], at);
    out.computed = std::isnan(computed) ? kNan : computed;  // whatever its sign, which would be printed
    out.exact = exact.value;
  }
  return out;
}

}  // namespace divlens
