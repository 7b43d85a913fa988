#include "reference.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <stdexcept>

namespace divlens::test {
namespace {

using Real = long double;
constexpr Real kInfinity = std::numeric_limits<Real>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Distribution ofLogits(const std::vector<Real>& t) {
  Distribution out;
  const auto top = std::max_element(t.begin(), t.end());
  if (top == t.end() || *top == -kInfinity) return {{}, {}, true};
  // ln Z - max = log1p of the sum without the maximum itself, or peaked rows lose their small logarithms.
  Real rest = 0;
  for (auto i = t.begin(); i != t.end(); ++i)
    if (i != top) rest += std::exp(*i - *top);
  const Real lnZ = std::log1p(rest);
  for (const Real each : t) {
    out.ln.push_back((each - *top) - lnZ);
    out.p.push_back(std::exp(out.ln.back()));
  }
  return out;
}

/// x ln x with its limit, where the logarithm is given.
Real times(Real p, Real ln) { return p == 0 && ln == -kInfinity ? 0 : p * ln; }

/// Σ p (ln p - ln q).
Real kl(const Distribution& p, const Distribution& q) {
  Real sum = 0;
  for (size_t i = 0; i < p.p.size(); ++i) {
    if (p.ln[i] == -kInfinity) continue;
    if (q.ln[i] == -kInfinity) return kInfinity;
    sum += p.p[i] * (p.ln[i] - q.ln[i]);
  }
  return sum;
}

/// β KL(p‖m) + (1-β) KL(q‖m), m = βp + (1-β)q.
Real jsd(const Distribution& p, const Distribution& q, Real beta) {
  Real sum = 0;
  for (size_t i = 0; i < p.p.size(); ++i) {
    const Real m = beta * p.p[i] + (1 - beta) * q.p[i];
    if (m == 0) continue;
    const Real lnM = std::log(m);
    if (p.p[i] > 0) sum += beta * p.p[i] * (p.ln[i] - lnM);
    if (q.p[i] > 0) sum += (1 - beta) * q.p[i] * (q.ln[i] - lnM);
  }
  return sum;
}

/// ln Σ p^α q^(1-α) / (α - 1) and its limits.
Real renyi(const Distribution& p, const Distribution& q, Real alpha) {
  if (alpha == 1) return kl(p, q);
  Real sum = 0, largest = -kInfinity;
  for (size_t i = 0; i < p.p.size(); ++i) {
    if (p.ln[i] == -kInfinity) continue;
    largest = std::max(largest, p.ln[i] - q.ln[i]);
    if (q.ln[i] == -kInfinity && alpha < 1) continue;
    sum += std::exp(alpha * p.ln[i] + (1 - alpha) * q.ln[i]);
  }
  return alpha == kInfinity ? largest : std::log(sum) / (alpha - 1);
}

Real entropy(const Distribution& q) {
  Real sum = 0;
  for (size_t i = 0; i < q.p.size(); ++i) sum -= times(q.p[i], q.ln[i]);
  return sum;
}

Real crossEntropy(const Distribution& p, const Distribution& q) {
  Real sum = 0;
  for (size_t i = 0; i < p.p.size(); ++i)
    if (p.ln[i] != -kInfinity) sum -= p.p[i] * q.ln[i];
  return sum;
}

template <typename Term>
Real summed(const Distribution& p, const Distribution& q, Term term) {
  Real sum = 0;
  for (size_t i = 0; i < p.p.size(); ++i) sum += term(p.p[i], q.p[i]);
  return sum;
}

Real hellinger(const Distribution& p, const Distribution& q) {
  return std::sqrt(summed(p, q,
                          [](Real a, Real b) {
                            const Real difference = std::sqrt(a) - std::sqrt(b);
                            return difference * difference;
                          }) /
                   2);
}

Real chi2(const Distribution& p, const Distribution& q) {
  Real sum = 0;
  for (size_t i = 0; i < p.p.size(); ++i) {
    const Real difference = p.p[i] - q.p[i];
    if (q.ln[i] == -kInfinity && p.ln[i] == -kInfinity) continue;
    if (q.ln[i] == -kInfinity) return kInfinity;
    sum += difference * difference / q.p[i];
  }
  return sum;
}

/// The first of the largest entries as stored.
size_t top(const OracleRow& row) {
  return size_t(std::max_element(row.values.begin(), row.values.end()) - row.values.begin());
}

Real cosine(const std::vector<double>& x, const std::vector<double>& y) {
  Real xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xy += Real(x[i]) * y[i];
    xx += Real(x[i]) * x[i];
    yy += Real(y[i]) * y[i];
  }
  return xy / std::sqrt(xx * yy);
}

Real l2(const std::vector<double>& x, const std::vector<double>& y) {
  Real sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += (Real(y[i]) - x[i]) * (Real(y[i]) - x[i]);
  return std::sqrt(sum);
}

/// One row for each definition: of a distribution alone, of two, and whether it is counted in nats.
struct Row {
  std::function<Real(const Distribution& p, const Distribution& q, Real parameter)> value;
  bool ofCellAlone = false;
  Real powerOfNats = 0;
};

const std::map<std::string, Row>& table() {
  using D = const Distribution&;
  static const std::map<std::string, Row> rows = {
      {"kl", {[](D p, D q, Real) { return kl(p, q); }, false, 1}},
      {"kl-reverse", {[](D p, D q, Real) { return kl(q, p); }, false, 1}},
      {"jeffreys", {[](D p, D q, Real) { return kl(p, q) + kl(q, p); }, false, 1}},
      {"jsd", {[](D p, D q, Real beta) { return jsd(p, q, beta); }, false, 1}},
      {"js-distance", {[](D p, D q, Real) { return std::sqrt(std::max<Real>(jsd(p, q, 0.5L), 0)); }, false, 0.5L}},
      {"tv", {[](D p, D q, Real) { return summed(p, q, [](Real a, Real b) { return std::abs(a - b); }) / 2; }}},
      {"hellinger", {[](D p, D q, Real) { return hellinger(p, q); }}},
      {"chi2", {[](D p, D q, Real) { return chi2(p, q); }}},
      {"renyi", {[](D p, D q, Real alpha) { return renyi(p, q, alpha); }, false, 1}},
      {"cross-entropy", {[](D p, D q, Real) { return crossEntropy(p, q); }, false, 1}},
      {"entropy-difference", {[](D p, D q, Real) { return entropy(q) - entropy(p); }, false, 1}},
      {"entropy", {[](D, D q, Real) { return entropy(q); }, true, 1}},
      {"max-prob", {[](D, D q, Real) { return *std::max_element(q.p.begin(), q.p.end()); }, true}},
  };
  return rows;
}

}  // namespace

Distribution distribution(const OracleRow& row, double temperature) {
  const bool probs = row.kind == Kind::Probs;
  std::vector<Real> t;
  for (const double v : row.values) {
    if (std::isnan(v) || v == std::numeric_limits<double>::infinity() || (probs && v < 0)) return {{}, {}, true};
    t.push_back((probs ? std::log(Real(v)) : Real(v)) / temperature);
  }
  return ofLogits(t);
}

Oracle::Oracle(OracleRow reference, OracleRow cell, double temperature, double base)
    : x_(std::move(reference)),
      y_(std::move(cell)),
      p_(distribution(x_, temperature)),
      q_(distribution(y_, temperature)),
      lnBase_(std::log(Real(base))) {}

double Oracle::operator()(const std::string& metric) const {
  const size_t colon = metric.find(':');
  const std::string stem = metric.substr(0, colon);
  const Real parameter = colon == std::string::npos ? 0.5L : Real(std::stod(metric.substr(colon + 1)));
  const auto found = table().find(stem);
  const bool alone = found != table().end() && found->second.ofCellAlone;
  if (q_.bad || (p_.bad && !alone)) return kNan;
  if (stem == "top1-agree") return top(x_) == top(y_) ? 1 : 0;
  if (stem == "cosine") return double(cosine(x_.values, y_.values));
  if (stem == "l2") return double(l2(x_.values, y_.values));
  if (found == table().end()) throw std::logic_error("the oracle lacks " + metric);
  return double(found->second.value(p_, q_, parameter) / std::pow(lnBase_, found->second.powerOfNats));
}

double oracleOfTarget(const std::string& metric, const OracleRow& cell, int64_t id, double temperature, double base) {
  const Distribution q = distribution(cell, temperature);
  if (q.bad || id < 0 || id >= int64_t(cell.values.size())) return kNan;
  if (metric == "logprob") return double(q.ln[size_t(id)] / std::log(Real(base)));
  const double own = cell.values[size_t(id)];
  return 1 + double(std::count_if(cell.values.begin(), cell.values.end(), [&](double v) { return v > own; }));
}

double oracleStatistic(const std::string& how, std::vector<double> entries) {
  std::erase_if(entries, [](double v) { return !std::isfinite(v); });
  const auto n = double(entries.size());
  if (how == "count") return n;
  if (entries.empty()) return kNan;
  std::sort(entries.begin(), entries.end());
  if (how == "min") return entries.front();
  if (how == "max") return entries.back();
  if (how == "median" || how[0] == 'q') {
    const double at = (how == "median" ? 0.5 : std::stod(how.substr(1))) * (n - 1);
    const auto lower = size_t(at);
    const size_t upper = std::min(lower + 1, entries.size() - 1);
    return entries[lower] + (entries[upper] - entries[lower]) * (at - double(lower));
  }
  Real sum = 0, squares = 0;
  for (const double v : entries) sum += v;
  const Real mean = sum / n;
  if (how == "mean") return double(mean);
  if (n < 2) return kNan;
  for (const double v : entries) squares += (v - mean) * (v - mean);
  const Real std = std::sqrt(squares / (n - 1));
  if (how == "std") return double(std);
  if (how == "sem") return double(std / std::sqrt(Real(n)));
  throw std::logic_error("the oracle lacks " + how);
}

namespace {

/// Entries of each eighth of an octave by sign, those below 2^-40 together.
std::map<std::pair<int, double>, long double> histogram(const std::vector<double>& entries) {
  std::map<std::pair<int, double>, long double> out;
  for (const double entry : entries) {
    const auto stored = static_cast<float>(entry);
    const double size = std::fabs(stored), octave = std::exp2(std::floor(std::log2(size)));
    const double edge = octave * (1 + std::floor((size / octave - 1) * 8) / 8);
    const bool tiny = !(size >= std::exp2(-40));
    out[{tiny ? 0 : stored < 0 ? -1 : 1, tiny ? 0 : std::min(edge, std::exp2(24) * 0.9375)}] += 1;
  }
  return out;
}

long double histogramOracle(const std::string& metric, const std::vector<double>& cell,
                            const std::vector<double>& reference) {
  auto f = histogram(cell), g = histogram(reference);
  const auto n = static_cast<long double>(cell.size());
  long double out = 0;
  if (metric == "histogram-entropy") {
    for (const auto& [bin, count] : f) out -= count / n * std::log(count / n);
    return out;
  }
  for (const auto& [bin, count] : histogram(cell)) g[bin] += 0;
  for (const auto& [bin, count] : g) f[bin] += 0;
  const long double more = metric == "histogram-kl" ? 0.5L : 0.0L, all = n + more * static_cast<long double>(f.size());
  for (const auto& [bin, count] : f) {
    const long double q = (count + more) / all, p = (g[bin] + more) / all, m = (p + q) / 2;
    if (metric == "histogram-kl") {
      out += p * std::log(p / q);
    } else {
      out += (p > 0 ? p * std::log(p / m) / 2 : 0) + (q > 0 ? q * std::log(q / m) / 2 : 0);
    }
  }
  return out;
}

}  // namespace

double oracleOfTensor(const std::string& metric, const std::vector<double>& entries,
                      const std::vector<double>& reference) {
  using Real = long double;
  if (metric.starts_with("histogram-")) return static_cast<double>(histogramOracle(metric, entries, reference));
  Real n = 0, sum = 0, sumAbs = 0, squares = 0, largest = 0, small = 0, other = 0, apart = 0, dot = 0, flips = 0;
  const bool sparsity = metric.rfind("sparsity:", 0) == 0;
  const Real threshold = sparsity ? std::stod(metric.substr(9)) : 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    const Real x = entries[i], y = reference.empty() ? 0 : reference[i];
    n += 1, sum += x, sumAbs += std::fabs(x), squares += x * x, largest = std::max(largest, std::fabs(x));
    small += std::fabs(x) <= threshold ? 1 : 0;
    other += y * y, apart += (x - y) * (x - y), dot += x * y, flips += x * y < 0 ? 1 : 0;
  }
  Real second = 0, third = 0, fourth = 0;
  for (const double entry : entries) {
    const Real d = entry - sum / n;
    second += d * d, third += d * d * d, fourth += d * d * d * d;
  }
  const std::map<std::string, Real> values = {{"mean", sum / n},
                                              {"std", std::sqrt(second / n)},
                                              {"rms", std::sqrt(squares / n)},
                                              {"abs-max", largest},
                                              {"l1", sumAbs},
                                              {"norm", std::sqrt(squares)},
                                              {"kurtosis", fourth / n / (second / n * second / n)},
                                              {"skewness", third / n / std::pow(second / n, Real(1.5))},
                                              {"min", *std::min_element(entries.begin(), entries.end())},
                                              {"max", *std::max_element(entries.begin(), entries.end())},
                                              {"rel-change", std::sqrt(apart / other)},
                                              {"l2", std::sqrt(apart)},
                                              {"cosine", dot / std::sqrt(squares * other)},
                                              {"sign-flips", flips / n}};
  return double(sparsity ? small / n : values.at(metric));
}

double excess(const std::string& metric, double expected, float got, double magnitude) {
  if (std::isnan(expected) || std::isnan(got)) return std::isnan(expected) && std::isnan(got) ? 0 : 1e30;
  // A finite value beyond float32 is infinite there.
  const auto rounded = double(float(expected));
  if (std::isinf(rounded) || std::isinf(got)) return rounded == double(got) ? 0 : 1e30;
  // Roots of divergences meet the target where their squares do.
  const bool root = metric == "js-distance" || metric == "hellinger";
  const double size = std::abs(expected);
  const double small = root ? 1e-3 : 1e-6;
  // What is of first order in ln q - ln p sees the square of that difference's rounding.
  const bool firstOrder = metric == "tv" || metric == "renyi:inf";
  const double floor = root ? 1e-6 : firstOrder ? 1e-9 : 1e-12;
  const double allowed = std::max({floor, size * (size >= small ? 1e-5 : 1e-3), magnitude * 1e-6});
  return std::abs(double(got) - expected) / allowed;
}

}  // namespace divlens::test
