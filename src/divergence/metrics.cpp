#include "divergence/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <limits>

#include "divergence/user_metric.h"
#include "dump/escape.h"
#include "error.h"
#include "shaders/metrics.h"
#include "shaders/statistics.h"
#include "suggest.h"

namespace divlens {
namespace {

/// Which parameters make sense: one row for each metric that takes one; others take any number.
struct ParameterRange {
  std::string_view stem;
  double low, high;
  bool ends;  ///< are low and high themselves allowed
  bool integer;
};
constexpr std::string_view kOwn = "f:";  // a metric of the user's own
constexpr std::string_view kOfStoredRows[] = {"cosine", "l2"};
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr ParameterRange kRanges[] = {
    {"jsd", 0, 1, false, false},
    {"renyi", 0, kInfinity, true, false},
    {"overlap", 1, 1 << 20, true, true},
    {"sparsity", 0, kInfinity, true, false},
};

bool fits(std::string_view stem, double value) {
  for (const ParameterRange& range : kRanges) {
    if (range.stem != stem) continue;
    const bool inside =
        range.ends ? value >= range.low && value <= range.high : value > range.low && value < range.high;
    return inside && (!range.integer || value == std::floor(value));
  }
  return std::isfinite(value);
}

std::string rangeText(std::string_view stem) {
  for (const ParameterRange& range : kRanges) {
    if (range.stem != stem) continue;
    return fmt::format("{} from {} to {}{}", range.integer ? "a whole number" : "a number", range.low, range.high,
                       range.ends ? "" : ", without the ends");
  }
  return "a number";
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const Metric& metric : metrics()) out.emplace_back(metric.name);
  for (const Metric& metric : statistics()) out.emplace_back(metric.name);
  return out;
}

/// The row with that stem that takes a parameter, or does not; null when the table has none.
const Metric* find(std::string_view stem, bool withParameter, bool preferStatistic) {
  const auto inTable = [&](const std::vector<Metric>& table) -> const Metric* {
    for (const Metric& metric : table) {
      if (metric.stem() == stem && metric.parameter().empty() != withParameter) return &metric;
    }
    return nullptr;
  };
  const Metric* first = inTable(preferStatistic ? statistics() : metrics());
  return first != nullptr ? first : inTable(preferStatistic ? metrics() : statistics());
}

[[noreturn]] void failUnknown(std::string_view text, std::string_view stem) {
  std::vector<std::string> stems;
  for (const Metric& metric : metrics()) stems.emplace_back(metric.stem());
  for (const Metric& metric : statistics()) stems.emplace_back(metric.stem());
  const std::string guess = didYouMean(stem, stems);
  throw Error(Exit::Usage, fmt::format("unknown metric '{}'{} known: {}", escaped(text), guess.empty() ? ";" : guess,
                                       listed(names())));
}

}  // namespace

std::string_view Metric::stem() const {
  const std::string_view whole = name;
  return whole.substr(0, whole.find(':'));
}

std::string_view Metric::parameter() const {
  const std::string_view whole = name;
  const size_t colon = whole.find(':');
  return colon == std::string_view::npos ? std::string_view() : whole.substr(colon + 1);
}

bool Metric::ofStoredRows() const {
  return std::find(std::begin(kOfStoredRows), std::end(kOfStoredRows), stem()) != std::end(kOfStoredRows);
}

const std::vector<Metric>& metrics() {
#define DIVLENS_METRIC(id, enumerator, name, formula, symbol, needs, direction, unit, sums, term, finish) \
  Metric{id, name, formula, symbol, Needs::needs, Direction::direction, Unit::unit, sums},
  static const std::vector<Metric> table = {METRICS(DIVLENS_METRIC)};
#undef DIVLENS_METRIC
  return table;
}

const std::vector<Metric>& statistics() {
#define DIVLENS_STATISTIC(id, enumerator, name, formula, symbol, needs, direction, value) \
  Metric{id, name, formula, symbol, Needs::needs, Direction::direction, Unit::Plain, 0, nullptr, nullptr, true},
  static const std::vector<Metric> table = {STATISTICS(DIVLENS_STATISTIC)};
#undef DIVLENS_STATISTIC
  return table;
}

std::string MetricUse::shown() const {
  return text.starts_with('@') ? "@" + std::filesystem::path(text.substr(1)).filename().string() : text;
}

MetricUse parseMetric(std::string_view text, bool preferStatistic) {
  if (text.starts_with(kOwn)) {
    const auto user = UserMetric::parse(text.substr(kOwn.size()));
    return {&user->row(), std::string(text), 0, user};
  }
  if (text.starts_with('@')) {
    const auto user = UserMetric::fromFile(std::string(text.substr(1)));
    return {&user->row(), std::string(text), 0, user};
  }
  const size_t colon = text.find(':');
  const bool withParameter = colon != std::string_view::npos;
  const std::string_view stem = text.substr(0, colon);
  const Metric* metric = find(stem, withParameter, preferStatistic);
  const Metric* other = find(stem, !withParameter, preferStatistic);
  if (metric == nullptr && other == nullptr) failUnknown(text, stem);
  if (metric == nullptr && withParameter) {
    throw Error(Exit::Usage, fmt::format("metric '{}' takes no parameter; pass --metric {}", escaped(text), stem));
  }
  if (metric == nullptr) {
    throw Error(Exit::Usage, fmt::format("metric '{0}' needs its parameter: --metric {1}, where {2} is {3}", stem,
                                         other->name, other->parameter(), rangeText(stem)));
  }
  MetricUse use{metric, std::string(text), 0, nullptr};
  if (!withParameter) return use;
  const std::string_view digits = text.substr(colon + 1);
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || !fits(stem, value)) {
    throw Error(Exit::Usage,
                fmt::format("metric '{}': {} must be {}", escaped(text), metric->parameter(), rangeText(stem)));
  }
  use.parameter = value;
  return use;
}

const std::vector<Metric>& conventions() {
#define DIVLENS_CONVENTION(tool, id, name, formula, symbol, needs, direction, unit, sums, term, finish, difference) \
  Metric{id, name, formula, symbol, Needs::needs, Direction::direction, Unit::unit, sums, tool, difference},
  static const std::vector<Metric> table = {CONVENTIONS(DIVLENS_CONVENTION)};
#undef DIVLENS_CONVENTION
  return table;
}

std::string conventionPairs() {
  std::vector<std::string> pairs;
  for (const Metric& row : conventions()) pairs.push_back(fmt::format("{}·{}", row.tool, row.name));
  return listed(pairs);
}

void applyConvention(std::vector<MetricUse>& uses, std::string_view tool) {
  for (MetricUse& use : uses) {
    const auto row = std::find_if(conventions().begin(), conventions().end(),
                                  [&](const Metric& m) { return m.tool == tool && m.name == use.text; });
    if (row == conventions().end()) {
      throw Error(Exit::Usage, fmt::format("--convention '{}' has no '{}' of its own; there are: {}", escaped(tool),
                                           use.text, conventionPairs()));
    }
    use.metric = &*row;
  }
}

}  // namespace divlens
