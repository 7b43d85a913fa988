// The statistics of shaders/statistics.h by their definitions: the oracle of --verify.
#include "divergence/weight_exact.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "divergence/stages.h"
#include "divergence/weight_cells.h"
#include "divergence/weight_mean.h"
#include "shaders/statistics.h"

namespace divlens {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

#define DIVLENS_ID(id, enumerator, name, formula, symbol, needs, direction, value) k##enumerator = id,
enum StatisticId { STATISTICS(DIVLENS_ID) };
#undef DIVLENS_ID

template <typename Term>
double sum(const std::vector<double>& x, const Term& term) {
  long double out = 0;
  for (size_t i = 0; i < x.size(); ++i) out += static_cast<long double>(term(i));
  return double(out);
}

/// Entries of each bin: sign, octave and eighth of it; all below 2^-40 share one.
std::map<int, double> histogramOf(const std::vector<double>& x) {
  std::map<int, double> out;
  for (const double v : x) {
    int exponent = 0;
    const double part = std::frexp(std::abs(double(float(v))), &exponent);  // in [1/2, 1)
    const int eighth = 8 * (exponent - 1 + 40) + int((2 * part - 1) * 8);
    const int bin = v == 0 || eighth < 0 ? 0 : 1 + std::min(eighth, 511);
    out[v < 0 ? -bin : bin] += 1;
  }
  return out;
}

double entropyOf(const std::vector<double>& x) {
  double out = 0;
  for (const auto& [bin, count] : histogramOf(x)) out -= count / double(x.size()) * std::log(count / double(x.size()));
  return out;
}

/// JSD, or KL from the reference with half an entry added to each bin.
double histogramDivergence(const std::vector<double>& x, const std::vector<double>& y, bool jsd) {
  std::map<int, double> f = histogramOf(x), g = histogramOf(y);
  for (const auto& [bin, count] : histogramOf(x)) g.try_emplace(bin, 0);
  for (const auto& [bin, count] : g) f.try_emplace(bin, 0);
  const double more = jsd ? 0 : 0.5, all = double(x.size()) + more * double(f.size());
  long double out = 0;
  for (const auto& [bin, count] : f) {
    const long double q = (count + more) / all, p = (g.at(bin) + more) / all, m = jsd ? (p + q) / 2 : q;
    if (p > 0) out += (jsd ? 0.5L : 1.0L) * p * std::log(p / m);
    if (jsd && q > 0) out += 0.5L * q * std::log(q / m);
  }
  return double(out);
}

/// Of a matrix, by the power method on WᵀW in double precision.
double largestSingularValue(const std::vector<double>& w, int64_t rows, int64_t columns) {
  constexpr int kMostRounds = 20'000;
  std::vector<double> x(static_cast<size_t>(columns)), next(x.size());
  for (size_t i = 0; i < x.size(); ++i) x[i] = std::sin(double(i * i) + 1) + 1e-3;
  double value = 0;
  for (int round = 0; round < kMostRounds; ++round) {
    const double length = std::sqrt(sum(x, [&](size_t i) { return x[i] * x[i]; }));
    if (length == 0) return 0;
    for (double& each : x) each /= length;
    std::fill(next.begin(), next.end(), 0.0);
    double squares = 0;  // ‖W x‖²
    for (int64_t row = 0; row < rows; ++row) {
      const double* const from = w.data() + row * columns;
      double y = 0;
      for (size_t i = 0; i < x.size(); ++i) y += from[i] * x[i];
      for (size_t i = 0; i < x.size(); ++i) next[i] += from[i] * y;
      squares += y * y;
    }
    const double before = value;
    value = std::sqrt(squares);
    if (value - before <= 1e-13 * value) break;
    x.swap(next);
  }
  return value;
}

/// exp of the entropy of a matrix's singular values, which are the lengths of its shorter side's vectors once rotations
/// made them orthogonal (Hestenes 1958).
double effectiveRank(const std::vector<double>& w, int64_t rows, int64_t columns) {
  constexpr int kMostSweeps = 60;
  const bool wide = rows < columns;
  const auto side = size_t(wide ? rows : columns), length = size_t(wide ? columns : rows);
  std::vector<std::vector<double>> vectors(side, std::vector<double>(length));
  for (size_t i = 0; i < side; ++i)
    for (size_t k = 0; k < length; ++k) vectors[i][k] = wide ? w[i * length + k] : w[k * side + i];
  const auto product = [&](size_t i, size_t j) {
    double out = 0;
    for (size_t k = 0; k < length; ++k) out += vectors[i][k] * vectors[j][k];
    return out;
  };
  bool turned = true;
  for (int sweep = 0; turned && sweep < kMostSweeps; ++sweep) {
    turned = false;
    for (size_t i = 0; i < side; ++i)
      for (size_t j = i + 1; j < side; ++j) {
        const double a = product(i, i), b = product(j, j), c = product(i, j);
        if (std::abs(c) <= 1e-13 * std::sqrt(a * b)) continue;
        turned = true;
        const double angle = std::atan2(2 * c, a - b) / 2, cosine = std::cos(angle), sine = std::sin(angle);
        for (size_t k = 0; k < length; ++k) {
          const double x = vectors[i][k], y = vectors[j][k];
          vectors[i][k] = cosine * x + sine * y;
          vectors[j][k] = cosine * y - sine * x;
        }
      }
  }
  std::vector<double> values;
  for (size_t i = 0; i < side; ++i) values.push_back(std::sqrt(product(i, i)));
  const double largest = *std::max_element(values.begin(), values.end());
  for (double& value : values) value = value > 0x1p-24 * largest ? value : 0;
  const double all = sum(values, [&](size_t i) { return values[i]; });
  return std::exp(
      -sum(values, [&](size_t i) { return values[i] > 0 ? values[i] / all * std::log(values[i] / all) : 0; }));
}

double ofCell(int id, const std::vector<double>& x, double parameter) {
  const auto n = double(x.size());
  const double mean = sum(x, [&](size_t i) { return x[i]; }) / n;
  const auto moment = [&](int power) { return sum(x, [&](size_t i) { return std::pow(x[i] - mean, power); }) / n; };
  const double squares = sum(x, [&](size_t i) { return x[i] * x[i]; });
  switch (id) {
    case kMean:
      return mean;
    case kStd:
      return std::sqrt(moment(2));
    case kRms:
      return std::sqrt(squares / n);
    case kAbsMax:
      return std::abs(
          *std::max_element(x.begin(), x.end(), [](double a, double b) { return std::abs(a) < std::abs(b); }));
    case kL1:
      return sum(x, [&](size_t i) { return std::abs(x[i]); });
    case kNorm:
      return std::sqrt(squares);
    case kKurtosis:
      return moment(4) / (moment(2) * moment(2));
    case kSkewness:
      return moment(3) / std::pow(moment(2), 1.5);
    case kSparsity:
      return double(std::count_if(x.begin(), x.end(), [&](double v) { return std::abs(v) <= parameter; })) / n;
    case kHistogramEntropy:
      return entropyOf(x);
    case kMin:
      return *std::min_element(x.begin(), x.end());
    case kMax:
      return *std::max_element(x.begin(), x.end());
    default:
      return kNan;
  }
}

double ofPair(int id, const std::vector<double>& x, const std::vector<double>& y) {
  const double difference = sum(x, [&](size_t i) { return (x[i] - y[i]) * (x[i] - y[i]); });
  const double own = sum(x, [&](size_t i) { return x[i] * x[i]; });
  const double other = sum(y, [&](size_t i) { return y[i] * y[i]; });
  switch (id) {
    case kRelChange:
      return std::sqrt(difference) / std::sqrt(other);
    case kWeightL2:
      return std::sqrt(difference);
    case kWeightCosine:
      return sum(x, [&](size_t i) { return x[i] * y[i]; }) / (std::sqrt(own) * std::sqrt(other));
    case kHistogramJsd:
      return histogramDivergence(x, y, true);
    case kHistogramKl:
      return histogramDivergence(x, y, false);
    case kSignFlips:
      return sum(x, [&](size_t i) { return x[i] * y[i] < 0 ? 1.0 : 0.0; }) / double(x.size());
    default:
      return kNan;
  }
}

bool anyNot(const std::vector<double>& x, bool (*is)(double)) { return !std::all_of(x.begin(), x.end(), is); }

}  // namespace

double exactStatistic(const Plan& plan, const MetricUse& use, const EntryIndex& index) {
  if (plan.reference.kind == ReferenceKind::Mean) return exactStatistic(withMeanCells(plan), use, index);
  const EntryLayout layout = entryLayout(plan);
  size_t entry = 0;
  for (size_t i = 0; i < index.reduced.size(); ++i) entry += index.reduced[i] * size_t(layout.strides[i]);
  const Block one{int64_t(index.row), 1, int64_t(index.column), 1};
  const WeightItem item = weightItems(plan, one, layout).at(entry);
  const CellReader cells(plan.cells);
  if (item.missing != 0 || cells.elements(item.cell) == 0) return kNan;
  std::vector<double> x = cells.exact(item.cell);
  const int id = use.metric->id;
  if (anyNot(x, [](double v) { return !std::isnan(v); })) return kNan;
  if (anyNot(x, [](double v) { return std::isfinite(v); })) return id >= kRms && id <= kNorm ? kInfinity : kNan;
  if (id == kTopSingularValue || id == kStableRank || id == kEffectiveRank) {
    const double size =
        std::abs(*std::max_element(x.begin(), x.end(), [](double a, double b) { return std::abs(a) < std::abs(b); }));
    if (size == 0) return id == kTopSingularValue ? 0 : kNan;
    for (double& each : x) each /= size;
    const auto [rows, columns] = cells.matrix(item.cell);
    if (id == kEffectiveRank) return effectiveRank(x, rows, columns);
    const double largest = largestSingularValue(x, rows, columns);
    if (id == kTopSingularValue) return largest * size;
    return sum(x, [&](size_t i) { return x[i] * x[i]; }) / (largest * largest);
  }
  if (use.metric->needs == Needs::Nothing) return ofCell(id, x, use.parameter);
  const std::vector<double> y = CellReader(plan.reference.tensor).exact(item.reference);
  if (anyNot(y, [](double v) { return std::isfinite(v); })) return kNan;
  return ofPair(id, x, y);
}

}  // namespace divlens
