#include "figure/norm.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "dump/escape.h"
#include "error.h"
#include "figure/ticks.h"
#include "suggest.h"

namespace divlens {
namespace {

enum NormKind : int {
#define NORM(id, enumerator, name, formula, forward, inverse) k##enumerator = id,
  NORMS(NORM)
#undef NORM
};

struct NormRow {
  NormKind kind;
  const char* name;
  bool takesCenter;
};

const std::vector<NormRow>& normRows() {
  static const std::vector<NormRow> rows = {
#define NORM(id, enumerator, name, formula, forward, inverse) \
  {k##enumerator, name, k##enumerator == kLinear || k##enumerator == kTwoSlope || k##enumerator == kCentered},
      NORMS(NORM)
#undef NORM
  };
  return rows;
}

const NormRow& findNorm(const std::string& name) {
  for (const NormRow& row : normRows())
    if (name == row.name) return row;
  throw Error(Exit::Usage, fmt::format("--norm {}: no such norm{}; there are {}", escaped(name),
                                       didYouMean(name, normNames()), listed(normNames())));
}

void checkFinite(const char* option, std::optional<double> value) {
  if (value && !std::isfinite(static_cast<float>(*value)))
    throw Error(Exit::Usage, fmt::format("{} {}: must be a finite number (32-bit float)", option, *value));
}

struct Percentiles {
  double low = 2, high = 98;
};

Percentiles parseRobust(const std::string& text) {
  Percentiles p;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, p.low);
  if (first.ec == std::errc() && first.ptr != end && *first.ptr == ',') {
    const auto second = std::from_chars(first.ptr + 1, end, p.high);
    if (second.ec == std::errc() && second.ptr == end && p.low >= 0 && p.low < p.high && p.high <= 100) return p;
  }
  throw Error(Exit::Usage, fmt::format("--robust {}: give two percentiles 'LOW,HIGH', 0 to 100", escaped(text)));
}

struct Range {
  double vmin = 0, vmax = 1;
};

constexpr size_t kMostBoundaries = 257;  // a colour for each class

// Ascending as 32-bit floats.
std::vector<float> parseBoundaries(const std::string& text) {
  const auto fail = [&](const char* why) {
    throw Error(Exit::Usage,
                fmt::format("--boundaries {}: {}; give ascending numbers, say 0,0.1,0.5,1", escaped(text), why));
  };
  std::vector<float> edges;
  const char* at = text.data();
  for (const char* const end = at + text.size();; ++at) {
    double value = 0;
    const auto read = std::from_chars(at, end, value);
    at = read.ptr;
    if (read.ec != std::errc() || (at != end && *at != ',')) fail("not a list of numbers");
    if (!std::isfinite(static_cast<float>(value))) fail("not finite as 32-bit float");
    if (!edges.empty() && !(edges.back() < static_cast<float>(value))) fail("each must be above the one before it");
    edges.push_back(static_cast<float>(value));
    if (at == end) break;
  }
  if (edges.size() < 2 || edges.size() > kMostBoundaries) fail("2 to 257 of them make classes");
  return edges;
}

// Those given, or round steps that cover the range, as matplotlib's contourf chooses its levels.
std::vector<float> boundariesOf(const FigureOptions& options, const Range& range) {
  if (!options.boundaries.empty()) return parseBoundaries(options.boundaries);
  const std::vector<double> ticks = roundTicks(range.vmin, range.vmax, 7);
  std::vector<float> edges(ticks.begin(), ticks.end());
  const double step = ticks.size() > 1 ? ticks[1] - ticks[0] : range.vmax - range.vmin;
  if (edges.front() > static_cast<float>(range.vmin))
    edges.insert(edges.begin(), static_cast<float>(options.vmin ? range.vmin : ticks.front() - step));
  if (edges.back() < static_cast<float>(range.vmax))
    edges.push_back(static_cast<float>(options.vmax ? range.vmax : ticks.back() + step));
  return edges;
}

// The range of the data, or of their percentiles, with what --vmin and --vmax say; log takes the positive data alone.
Range startingRange(const FigureOptions& options, const DataRange& data, const NormRow& row) {
  Range range;
  if (data.cells > 0) {
    range = {data.min, data.max};
    if (!options.robust.empty()) {
      const Percentiles p = parseRobust(options.robust);
      if (data.percentiles) {
        const std::vector<double> ends = data.percentiles(std::array{p.low, p.high});
        range = {ends[0], ends[1]};
      }
    }
    if (row.kind == kLog) {
      const bool positive = data.minPositive > 0 && data.max > 0;
      if (!(range.vmin > 0)) range.vmin = positive ? data.minPositive : 1;
      if (!(range.vmax > 0)) range.vmax = positive ? data.max : 10;
    }
  } else if (row.kind == kLog) {
    range = {1, 10};
  }
  if (options.vmin) range.vmin = *options.vmin;
  if (options.vmax) range.vmax = *options.vmax;
  return range;
}

// A range of some width around constant data, which begins at 0 for zeros; given ends stay.
void widen(Range& range, const FigureOptions& options, const NormRow& row) {
  const auto same = [&] { return !(static_cast<float>(range.vmin) < static_cast<float>(range.vmax)); };
  if (!same()) return;
  const double value = options.vmin ? range.vmin : range.vmax;
  const double by = value == 0 ? 1 : std::abs(value) * 0.1;
  if (!options.vmax) range.vmax = row.kind == kLog ? value * 10 : value + by;
  if (!options.vmin && (value != 0 || options.vmax)) range.vmin = row.kind == kLog ? value / 10 : value - by;
}

void checkRange(const FigureOptions& options, const NormRow& row) {
  checkFinite("--vmin", options.vmin);
  checkFinite("--vmax", options.vmax);
  checkFinite("--center", options.center);
  if (options.vmin && options.vmax && !(static_cast<float>(*options.vmin) < static_cast<float>(*options.vmax)))
    throw Error(Exit::Usage,
                fmt::format("--vmin {} is not below --vmax {} (in 32-bit floats)", *options.vmin, *options.vmax));
  if (row.kind == kLog) {
    const auto positive = [](const char* option, std::optional<double> v) {
      if (v && static_cast<float>(*v) <= 0)
        throw Error(Exit::Usage, fmt::format("{} {}: --norm log needs more than 0", option, *v));
    };
    positive("--vmin", options.vmin);
    positive("--vmax", options.vmax);
  }
  if (options.center && !row.takesCenter)
    throw Error(Exit::Usage,
                fmt::format("--center: --norm {} has no center; use linear, two-slope or centered", row.name));
  const auto checkPositive = [](const char* option, std::optional<double> v) {
    if (v && (!std::isfinite(static_cast<float>(*v)) || !(static_cast<float>(*v) > 0)))
      throw Error(Exit::Usage, fmt::format("{} {}: must be a number above 0", option, *v));
  };
  checkPositive("--linthresh", options.linthresh);
  checkPositive("--gamma", options.gamma);
  if (options.linthresh && row.kind != kSymlog && row.kind != kAsinh)
    throw Error(Exit::Usage, fmt::format("--linthresh: --norm {} has none; use symlog or asinh", row.name));
  if (!options.boundaries.empty() && row.kind != kBoundaries)
    throw Error(Exit::Usage, fmt::format("--boundaries: --norm {} has none; use boundaries", row.name));
  if (!options.boundaries.empty() && (options.vmin || options.vmax || !options.robust.empty()))
    throw Error(Exit::Usage, "--boundaries says where colours begin and end; leave --vmin, --vmax and --robust out");
  if (options.gamma && row.kind != kPower)
    throw Error(Exit::Usage, fmt::format("--gamma: --norm {} has none; use power", row.name));
}

// matplotlib's TwoSlopeNorm.autoscale_None: data on one side of the center get a mirrored other end.
void straddle(Range& range, double center, const FigureOptions& options) {
  if (!options.vmin && range.vmin >= center) range.vmin = center - (range.vmax - center);
  if (!options.vmax && range.vmax <= center) range.vmax = center + (center - range.vmin);
  if (!(static_cast<float>(range.vmin) < static_cast<float>(center) &&
        static_cast<float>(center) < static_cast<float>(range.vmax)))
    throw Error(Exit::Usage, fmt::format("--norm two-slope: --center {} must lie between {} and {}; change --center, "
                                         "--vmin or --vmax",
                                         center, range.vmin, range.vmax));
}

void setCentered(NormParams& p, double center, double radius) {
  p.origin = static_cast<float>(center);
  p.shift = static_cast<float>(radius);
  p.span = static_cast<float>(2 * radius);
}

void setParameters(Norm& norm, const NormRow& row, const FigureOptions& options) {
  NormParams& p = norm.params;
  p.vmin = static_cast<float>(norm.vmin);
  p.vmax = static_cast<float>(norm.vmax);
  const double largest = std::max(std::abs(norm.vmin), std::abs(norm.vmax));
  if (row.kind == kSymlog) p.a = static_cast<float>(options.linthresh.value_or(largest / 100));
  if (row.kind == kAsinh) p.a = static_cast<float>(options.linthresh.value_or(1));
  if (row.kind == kPower) p.a = p.vmin, p.b = p.vmax - p.vmin, p.c = static_cast<float>(options.gamma.value_or(0.5));
  if (row.kind == kTwoSlope) p.a = p.vmin, p.b = static_cast<float>(options.center.value_or(0)), p.c = p.vmax;
  if (row.kind == kBoundaries) p.a = static_cast<float>(norm.edges.size() - 1);
  p.origin = normTransform(p, norm.edges.data(), p.vmin);
  p.span = normTransform(p, norm.edges.data(), p.vmax) - p.origin;
  if (row.kind == kCentered) setCentered(p, options.center.value_or(0), norm.vmax - options.center.value_or(0));
  if (row.kind == kLinear && options.center)
    setCentered(p, *options.center, std::max(norm.vmax - *options.center, *options.center - norm.vmin));
  if (!(p.span > 0) || !std::isfinite(p.span))
    throw Error(Exit::Usage,
                fmt::format("--norm {}: the range {} … {} cannot be told apart in 32-bit floats; give --vmin "
                            "and --vmax",
                            row.name, norm.vmin, norm.vmax));
}

}  // namespace

const char* Norm::name() const { return normRows()[static_cast<size_t>(params.kind)].name; }

std::vector<std::string> normNames() {
  std::vector<std::string> names;
  for (const NormRow& row : normRows()) names.emplace_back(row.name);
  return names;
}

Norm makeNorm(const FigureOptions& options, const DataRange& data) {
  const NormRow& row = findNorm(options.norm);
  checkRange(options, row);
  Range range = startingRange(options, data, row);
  if (row.kind == kCentered) {
    // The bar is symmetric about the center, as wide as the farther end.
    const double center = options.center.value_or(0);
    // Cells are 32-bit floats: 0.3 of them is a little more than a center of 0.3.
    const auto above = [](double a, double b) { return static_cast<float>(a) > static_cast<float>(b) ? a - b : 0.0; };
    double radius = std::max(options.vmax || !options.vmin ? above(range.vmax, center) : 0.0,
                             options.vmin || !options.vmax ? above(center, range.vmin) : 0.0);
    if (!(radius > 0)) radius = center == 0 ? 1 : std::abs(center) * 0.1;
    range = {center - radius, center + radius};
  } else {
    if ((options.vmin || options.vmax) && data.cells > 0 && !(options.vmin && options.vmax) &&
        range.vmin > range.vmax) {
      // One given end lies beyond all data: the other follows it, and every cell is under or over.
      (options.vmin ? range.vmax : range.vmin) = options.vmin ? range.vmin : range.vmax;
    }
    widen(range, options, row);
  }
  if (row.kind == kTwoSlope) straddle(range, options.center.value_or(0), options);
  Norm norm;
  if (row.kind == kBoundaries) {
    norm.edges = boundariesOf(options, range);
    range = {norm.edges.front(), norm.edges.back()};
  }
  norm.vmin = range.vmin;
  norm.vmax = range.vmax;
  norm.params.kind = row.kind;
  setParameters(norm, row, options);
  return norm;
}

Extend makeExtend(const FigureOptions& options, const Norm& norm, const DataRange& data) {
  struct Choice {
    const char* name;
    Extend extend;
  };
  static const Choice choices[] = {
      {"neither", {false, false}}, {"min", {true, false}}, {"max", {false, true}}, {"both", {true, true}}};
  for (const Choice& choice : choices)
    if (options.extend == choice.name) return choice.extend;
  if (!options.extend.empty())
    throw Error(Exit::Usage, fmt::format("--extend {}: give neither, min, max or both", escaped(options.extend)));
  if (data.cells == 0) return {};
  // Under a log norm values that are not positive are bad, not under.
  const bool log = norm.params.kind == kNormLog;
  const double lowest = log ? data.minPositive : data.min;
  const bool any = !log || data.minPositive > 0;
  return {any && static_cast<float>(lowest) < norm.params.vmin, any && static_cast<float>(data.max) > norm.params.vmax};
}

}  // namespace divlens
