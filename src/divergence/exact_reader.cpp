// Rows of a plan as distributions in double precision.
#include <algorithm>
#include <cmath>
#include <limits>

#include "divergence/exact.h"
#include "divergence/exact_lens.h"
#include "divergence/lens_pass.h"
#include "dump/rows.h"

namespace divlens {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The elements as logits: probabilities by their logarithm, a negative one is NaN.
std::vector<double> logitsOf(const std::vector<double>& stored, Kind kind) {
  if (kind != Kind::Probs) return stored;
  std::vector<double> out(stored.size());
  std::transform(stored.begin(), stored.end(), out.begin(), [](double v) {
    return v < 0 ? std::numeric_limits<double>::quiet_NaN() : v == 0 ? -kInfinity : std::log(v);
  });
  return out;
}

/// Softmax of x / T. The maximum's own 1 is kept out of the sum, so that peaked rows keep their small logarithms.
void normalise(ExactRow& row, const std::vector<double>& x, double temperature) {
  for (double v : x) row.bad = row.bad || std::isnan(v) || v == kInfinity;
  const auto top = std::max_element(x.begin(), x.end());
  row.bad = row.bad || top == x.end() || *top == -kInfinity;
  if (row.bad) return;
  long double rest = 0;
  for (auto at = x.begin(); at != x.end(); ++at)
    if (at != top) rest += std::exp((*at - *top) / temperature);
  const double logSum = std::log1p(double(rest));
  row.logs.resize(x.size());
  row.p.resize(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    row.logs[i] = (x[i] - *top) / temperature - logSum;
    row.p[i] = std::exp(row.logs[i]);
  }
}

bool excludes(const Plan& plan, size_t entry) {
  return !plan.allowedBits.empty() && (plan.allowedBits[entry / 32] >> (entry % 32) & 1u) == 0;
}

std::shared_ptr<ExactRow> rowOf(const Plan& plan, std::vector<double> stored, Kind kind, double temperature) {
  auto row = std::make_shared<ExactRow>();
  row->stored = std::move(stored);
  std::vector<double> logits = logitsOf(row->stored, kind);
  for (size_t i = 0; i < logits.size(); ++i) {
    if (!excludes(plan, i)) continue;
    row->stored[i] = 0;
    logits[i] = -kInfinity;
  }
  normalise(*row, logits, temperature);
  return row;
}

}  // namespace

ExactReader::ExactReader(const Plan& plan) : plan_(plan) {
  if (plan.lens) lens_ = std::make_shared<ExactLens>(*plan.lens);
  if (plan.reference.kind == ReferenceKind::Target) targets_ = readIntegers(plan.reference.tensor);
}

double ExactReader::scalar(const EntryIndex& index) const {
  const Place place = placeOf(plan_, index);
  if (place.masked) return std::numeric_limits<double>::quiet_NaN();
  const int64_t at = place.cell;
  const int64_t length = plan_.cells.shape.back();
  std::vector<double> row;
  readRow(plan_.cells, at / length, at % length + 1, row);
  return row.back();
}

std::shared_ptr<const ExactRow> ExactReader::cell(const EntryIndex& index) const {
  const Place place = placeOf(plan_, index);
  return place.masked ? nullptr : stored(plan_.cells, plan_.kind, place.cell);
}

std::shared_ptr<const ExactRow> ExactReader::stored(const Tensor& tensor, Kind kind, int64_t row) const {
  std::vector<double> elements;
  readRow(tensor, row, plan_.storedEntries(tensor), elements);
  if (plan_.throughLens(tensor))
    elements = lens_->logits(std::move(elements), LensPass::normed(tensor, row), translatorOf(*plan_.lens, tensor, row),
                             plan_.vocab);
  return rowOf(plan_, std::move(elements), kind, plan_.temperature);
}

std::shared_ptr<const ExactRow> ExactReader::meanRow(int64_t first) const {
  const Reference& reference = plan_.reference;
  auto mean = std::make_shared<ExactRow>();
  size_t count = 0;
  for (const int64_t number : rowsOfMean(plan_, first)) {
    const auto row = stored(reference.tensor, reference.rowKind, number);
    if (row->bad) continue;
    ++count;
    mean->p.resize(row->p.size());
    mean->stored.resize(row->p.size());
    for (size_t i = 0; i < row->p.size(); ++i) {
      mean->p[i] += row->p[i];
      mean->stored[i] += row->stored[i];
    }
  }
  mean->bad = count == 0;
  for (std::vector<double>* const sums : {&mean->p, &mean->stored})
    for (double& sum : *sums) sum /= double(count);
  mean->logs.resize(mean->p.size());
  std::transform(mean->p.begin(), mean->p.end(), mean->logs.begin(), [](double p) { return std::log(p); });
  return mean;
}

std::shared_ptr<const ExactRow> ExactReader::uniformRow() const {
  return rowOf(plan_, std::vector<double>(size_t(plan_.vocab), 0.0), Kind::Logits, 1);
}

std::shared_ptr<const ExactRow> ExactReader::oneHotRow(int64_t id) const {
  std::vector<double> logits(size_t(plan_.vocab), -kInfinity);
  logits[size_t(id)] = 0;
  return rowOf(plan_, std::move(logits), Kind::Logits, 1);
}

ExactPair ExactReader::pair(const EntryIndex& index, const MetricUse& use) {
  const Place place = placeOf(plan_, index);
  if (plan_.kind == Kind::TopK) return listPair(place, use);
  const Reference& reference = plan_.reference;
  ExactPair pair;
  pair.cell = stored(plan_.cells, plan_.kind, place.cell);
  pair.missing = place.outside;
  pair.masked = place.masked;
  if (reference.kind == ReferenceKind::None || pair.missing) return pair;
  if (reference.kind == ReferenceKind::Target) {
    pair.target = targets_.at(size_t(place.reference));
    pair.missing = pair.target < 0 || pair.target >= plan_.vocab || excludes(plan_, size_t(pair.target));
    if (!pair.missing) pair.reference = oneHotRow(pair.target);
    return pair;
  }
  if (!lastRow_ || lastReference_ != place.reference) {
    lastReference_ = place.reference;
    lastRow_ = reference.kind == ReferenceKind::Uniform ? uniformRow()
               : reference.kind == ReferenceKind::Mean  ? meanRow(place.reference)
                                                        : stored(reference.tensor, reference.rowKind, place.reference);
  }
  pair.reference = lastRow_;
  return pair;
}

ExactPair ExactReader::means(const std::vector<EntryIndex>& indices, const MetricUse& use) {
  auto cell = std::make_shared<ExactRow>(), reference = std::make_shared<ExactRow>();
  ExactPair mean;
  double count = 0;
  const auto add = [](ExactRow& to, const ExactRow& from) {
    to.p.resize(from.p.size(), 0.0);
    for (size_t i = 0; i < from.p.size(); ++i) to.p[i] += from.p[i];
  };
  for (const EntryIndex& index : indices) {
    const ExactPair one = pair(index, use);
    if (one.masked || one.missing || one.cell->bad || (one.reference && one.reference->bad)) continue;
    add(*cell, *one.cell);
    if (one.reference) add(*reference, *one.reference);
    if (one.reference) mean.reference = reference;
    ++count;
  }
  for (ExactRow* row : {cell.get(), reference.get()}) {
    row->bad = count == 0;
    for (double& p : row->p) row->logs.push_back(std::log(p /= count));
  }
  mean.cell = cell;
  mean.missing = count == 0;
  return mean;
}

}  // namespace divlens
