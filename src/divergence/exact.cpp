// The metrics of shaders/metrics.h in double precision on the processor: the oracle of --verify, and what explain
// shows.
#include "divergence/exact.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <optional>

#include "divergence/user_metric.h"
#include "error.h"
#include "shaders/metrics.h"

namespace divlens {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Ids of the metric table.
#define DIVLENS_ID(id, enumerator, name, formula, symbol, needs, direction, unit, sums, term, finish) \
  k##enumerator = id,
enum Id { METRICS(DIVLENS_ID) };
#undef DIVLENS_ID

/// One vocabulary entry of a pair: d = ln q − ln p where neither is zero.
struct Entry {
  double p, q, lnP, lnQ, d;
  bool zeroP, zeroQ;
};

Entry swapped(const Entry& t) { return {t.q, t.p, t.lnQ, t.lnP, -t.d, t.zeroQ, t.zeroP}; }

Entry entryOf(const ExactPair& pair, size_t i) {
  Entry t{0, pair.cell->p[i], -kInfinity, pair.cell->logs[i], 0, true, pair.cell->logs[i] == -kInfinity};
  if (pair.reference) {
    t.p = pair.reference->p[i];
    t.lnP = pair.reference->logs[i];
    t.zeroP = t.lnP == -kInfinity;
  }
  if (!t.zeroP && !t.zeroQ) t.d = t.lnQ - t.lnP;
  return t;
}

/// e^d − 1 − d, by its series where the difference would lose digits.
double bregman(double d) {
  if (std::abs(d) > 0.1) return std::expm1(d) - d;
  double sum = 0, term = d;
  for (int n = 2; n < 14; ++n) sum += term *= d / n;
  return sum;
}

/// (1 + z) ln(1 + z) − z for z ≥ −1.
double phi(double z) {
  if (z <= -1) return 1;
  if (std::abs(z) > 0.05) return (1 + z) * std::log1p(z) - z;
  double sum = 0, power = z;
  for (int n = 2; n < 16; ++n) sum += (n % 2 ? -1.0 : 1.0) * (power *= z) / (n * (n - 1));
  return sum;
}

double largerOf(const Entry& t) { return t.zeroP || (!t.zeroQ && t.d > 0) ? t.q : t.p; }

/// |p − q| ÷ max(p, q).
double apart(const Entry& t) {
  if (t.zeroP && t.zeroQ) return 0;
  return t.zeroP || t.zeroQ ? 1 : -std::expm1(-std::abs(t.d));
}

double klTerm(const Entry& t, double) {
  if (t.zeroP) return t.q;
  if (t.zeroQ) return kInfinity;
  return std::abs(t.d) < 1 ? t.p * bregman(t.d) : t.q - t.p - t.p * t.d;
}

double klReverseTerm(const Entry& t, double a) { return klTerm(swapped(t), a); }

double jeffreysTerm(const Entry& t, double) {
  if (t.zeroP != t.zeroQ) return kInfinity;
  return largerOf(t) * apart(t) * std::abs(t.d);
}

double jsdTerm(const Entry& t, double) {
  const double m = (t.p + t.q) / 2;
  if (t.zeroP && t.zeroQ) return 0;
  const double x = t.zeroP || t.zeroQ ? 1 : std::tanh(std::abs(t.d) / 2);
  return m * (phi(x) + phi(-x)) / 2;
}

double jsdWeightedTerm(const Entry& t, double beta) {
  const double m = beta * t.p + (1 - beta) * t.q;
  if (!(m > 0)) return 0;
  // (q − p) / m, formed without the difference of close numbers.
  const double z = (t.q > t.p ? 1 : -1) * largerOf(t) * apart(t) / m;
  return m * (beta * phi(-(1 - beta) * z) + (1 - beta) * phi(beta * z));
}

double tvTerm(const Entry& t, double) { return largerOf(t) * apart(t) / 2; }

double hellingerTerm(const Entry& t, double) {
  const double e = t.zeroP || t.zeroQ ? 0 : std::exp(-std::abs(t.d));
  const double s = apart(t) / (1 + std::sqrt(e));
  return largerOf(t) * s * s / 2;
}

double chi2Term(const Entry& t, double) {
  if (t.zeroP) return t.q;
  if (t.zeroQ) return kInfinity;
  const double w = apart(t);
  return t.d >= 0 ? t.q * w * w : std::exp(t.lnP - t.d) * w * w;
}

double crossEntropyTerm(const Entry& t, double) {
  if (t.zeroP) return 0;
  return t.zeroQ ? kInfinity : -t.p * t.lnQ;
}

double entropyTerm(const Entry& t, double) { return t.zeroQ ? 0 : -t.q * t.lnQ; }

double entropyDifferenceTerm(const Entry& t, double a) {
  if (t.zeroP || t.zeroQ) return entropyTerm(t, a) - entropyTerm(swapped(t), a);
  const double pMinusQ = (t.d > 0 ? -1 : 1) * largerOf(t) * apart(t);
  return pMinusQ * t.lnP - t.q * t.d;
}

double same(double sum) { return sum; }

// Metrics that are no plain sums.

/// ln Σ e^x ÷ (a − 1) where the sum of excesses has no digits left.
double renyiOfLogs(const std::vector<double>& logs, double a) {
  const auto top = std::max_element(logs.begin(), logs.end());
  if (top == logs.end()) return kInfinity;
  long double sum = 0;
  for (double x : logs) sum += std::exp(x - *top);
  return (*top + double(std::log(sum))) / (a - 1);
}

double renyi(const ExactPair& pair, double a) {
  const double b = 1 - a;
  std::vector<double> logs;
  long double excess = 0;
  double most = -kInfinity;
  for (size_t i = 0; i < pair.cell->p.size(); ++i) {
    const Entry t = entryOf(pair, i);
    if (!t.zeroP && t.zeroQ && a >= 1) return kInfinity;
    if (!t.zeroP && !t.zeroQ) most = std::max(most, -t.d);
    if (a == 1) excess += klTerm(t, a);
    if (a == 1 || std::isinf(a)) continue;
    if (t.zeroP || t.zeroQ) {
      excess -= a * t.p + b * t.q;
      continue;
    }
    logs.push_back(t.lnP + b * t.d);
    const bool close = std::abs(t.d) < 1 && std::abs(b * t.d) < 1;
    excess += close ? t.p * (bregman(b * t.d) - b * bregman(t.d)) : std::exp(logs.back()) - a * t.p - b * t.q;
  }
  if (a == 1) return double(excess);
  if (std::isinf(a)) return most;
  return std::abs(excess) < 0.5L ? std::log1p(double(excess)) / (a - 1) : renyiOfLogs(logs, a);
}

double maxProb(const ExactPair& pair, double) { return *std::max_element(pair.cell->p.begin(), pair.cell->p.end()); }

int64_t firstTop(const ExactRow& row) { return std::max_element(row.logs.begin(), row.logs.end()) - row.logs.begin(); }

double top1Agree(const ExactPair& pair, double) { return firstTop(*pair.reference) == firstTop(*pair.cell) ? 1 : 0; }

/// The k most probable entries, ties to the lowest ids, in ascending order.
std::vector<size_t> topOf(const ExactRow& row, size_t k) {
  std::vector<size_t> ids(row.logs.size());
  std::iota(ids.begin(), ids.end(), size_t{0});
  std::partial_sort(ids.begin(), ids.begin() + std::ptrdiff_t(k), ids.end(),
                    [&](size_t a, size_t b) { return row.logs[a] != row.logs[b] ? row.logs[a] > row.logs[b] : a < b; });
  ids.resize(k);
  std::sort(ids.begin(), ids.end());
  return ids;
}

double overlap(const ExactPair& pair, double a) {
  const std::vector<double>& logs = pair.cell->logs;
  const size_t k = std::min(size_t(a), logs.size());
  const std::vector<size_t> p = topOf(*pair.reference, k), q = topOf(*pair.cell, k);
  std::vector<size_t> shared;
  std::set_intersection(p.begin(), p.end(), q.begin(), q.end(), std::back_inserter(shared));
  return double(shared.size()) / double(k);
}

double rank(const ExactPair& pair, double) {
  const std::vector<double>& x = pair.cell->logs;
  const double target = x.at(size_t(pair.target));
  return 1 + double(std::count_if(x.begin(), x.end(), [&](double v) { return v > target; }));
}

double logprob(const ExactPair& pair, double) { return pair.cell->logs.at(size_t(pair.target)); }

double cosine(const ExactPair& pair, double) {
  long double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < pair.cell->stored.size(); ++i) {
    const long double x = pair.reference->stored[i], y = pair.cell->stored[i];
    xy += x * y, xx += x * x, yy += y * y;
  }
  return double(xy / (std::sqrt(xx) * std::sqrt(yy)));
}

double l2(const ExactPair& pair, double) {
  long double sum = 0;
  for (size_t i = 0; i < pair.cell->stored.size(); ++i) {
    const long double d = pair.cell->stored[i] - pair.reference->stored[i];
    sum += d * d;
  }
  return double(std::sqrt(sum));
}

double root(double sum) { return std::sqrt(sum); }

/// One metric: a sum over the vocabulary and what becomes of it, or a value of its own.
struct ExactMetric {
  Id id;
  double (*term)(const Entry&, double a);
  double (*finish)(double sum);
  double (*value)(const ExactPair&, double a);
  bool explained;  ///< terms ≥ 0 that sum to the value
};

constexpr ExactMetric kTable[] = {
    {kJsd, jsdTerm, same, nullptr, true},
    {kKl, klTerm, same, nullptr, true},
    {kKlReverse, klReverseTerm, same, nullptr, true},
    {kEntropy, entropyTerm, same, nullptr, true},
    {kJeffreys, jeffreysTerm, same, nullptr, true},
    {kJsdWeighted, jsdWeightedTerm, same, nullptr, true},
    {kJsDistance, jsdTerm, root, nullptr, false},
    {kTv, tvTerm, same, nullptr, true},
    {kHellinger, hellingerTerm, root, nullptr, false},
    {kChi2, chi2Term, same, nullptr, true},
    {kRenyi, nullptr, nullptr, renyi, false},
    {kCrossEntropy, crossEntropyTerm, same, nullptr, true},
    {kEntropyDifference, entropyDifferenceTerm, same, nullptr, false},
    {kMaxProb, nullptr, nullptr, maxProb, false},
    {kTop1Agree, nullptr, nullptr, top1Agree, false},
    {kRank, nullptr, nullptr, rank, false},
    {kLogprob, nullptr, nullptr, logprob, false},
    {kCosine, nullptr, nullptr, cosine, false},
    {kL2, nullptr, nullptr, l2, false},
    {kOverlap, nullptr, nullptr, overlap, false},
};

const ExactMetric* find(const Metric& metric) {
  const auto row = std::find_if(std::begin(kTable), std::end(kTable), [&](const auto& r) { return r.id == metric.id; });
  return row == std::end(kTable) ? nullptr : row;
}

const ExactMetric& rowOf(const Metric& metric) {
  const ExactMetric* row = find(metric);
  if (row != nullptr) return *row;
  throw Error(Exit::Usage,
              std::string("metric '") + metric.name + "' has no double-precision form; leave out --verify");
}

double unitScale(const Plan& plan, const Metric& metric) {
  if (metric.unit == Unit::Information) return 1 / plan.logBase;
  return metric.unit == Unit::RootInformation ? 1 / std::sqrt(plan.logBase) : 1;
}

std::vector<double> userTerms(const UserMetric& user, const ExactPair& pair) {
  std::vector<double> terms(pair.cell->p.size());
  for (size_t i = 0; i < terms.size(); ++i) {
    const Entry t = entryOf(pair, i);
    terms[i] = user.term(t.p, t.q, t.lnP, t.lnQ, t.zeroP, t.zeroQ);
  }
  return terms;
}

double sumOf(const std::vector<double>& terms) {
  long double sum = 0;
  for (double term : terms) sum += term;
  return double(sum);
}

/// True where the value has no meaning.
bool isNan(const Metric& metric, const ExactPair& pair) {
  if (pair.cell->bad || pair.masked) return true;
  if (metric.needs == Needs::Nothing) return false;
  return pair.missing || !pair.reference || pair.reference->bad;
}

}  // namespace

bool hasExact(const Metric& metric) { return metric.id == kUserMetricId || find(metric) != nullptr; }

bool hasTerms(const Metric& metric) {
  if (metric.id == kUserMetricId) return metric.stem() == "f";  // a term of a file may have any sign
  return find(metric) != nullptr && find(metric)->explained;
}

double exactValue(const Plan& plan, const MetricUse& use, const ExactPair& pair) {
  if (isNan(*use.metric, pair)) return kNan;
  if (use.user) return sumOf(userTerms(*use.user, pair));
  const ExactMetric& row = rowOf(*use.metric);
  const double scale = unitScale(plan, *use.metric);
  const double a = use.parameter;
  if (row.value != nullptr) return row.value(pair, a) * scale;
  long double sum = 0;
  for (size_t i = 0; i < pair.cell->p.size(); ++i) sum += row.term(entryOf(pair, i), a);
  return row.finish(double(sum)) * scale;
}

std::vector<double> exactTerms(const Plan& plan, const MetricUse& use, const ExactPair& pair) {
  if (isNan(*use.metric, pair)) return {};
  if (use.user) return userTerms(*use.user, pair);
  const ExactMetric& row = rowOf(*use.metric);
  const double scale = unitScale(plan, *use.metric);
  std::vector<double> terms(pair.cell->p.size());
  for (size_t i = 0; i < terms.size(); ++i) terms[i] = row.term(entryOf(pair, i), use.parameter) * scale;
  return terms;
}

std::vector<std::string> metricsWithTerms() {
  std::vector<std::string> out;
  for (const Metric& metric : metrics())
    if (hasTerms(metric)) out.emplace_back(metric.name);
  return out;
}

}  // namespace divlens
