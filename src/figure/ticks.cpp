#include "figure/ticks.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <utility>

#include "dump/escape.h"
#include "error.h"
#include "figure/number_format.h"

namespace divlens {
namespace {

constexpr double kSteps[] = {1, 2, 2.5, 5, 10};

std::string superscript(int value) {
  static const char* const digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string out = value < 0 ? "⁻" : "";
  for (const char c : std::to_string(std::abs(value))) out += digits[c - '0'];
  return out;
}

std::string powerOfTen(int exponent, double sign) { return (sign < 0 ? "−10" : "10") + superscript(exponent); }

// Multiples of `step` inside [lo, hi], with room for rounding at the ends.
std::vector<double> multiples(double step, double lo, double hi) {
  std::vector<double> values;
  const double slack = 1e-9 * step;
  for (double k = std::ceil((lo - slack) / step); k * step <= hi + slack && values.size() < 1000; ++k)
    values.push_back(k == 0 ? 0.0 : k * step);
  return values;
}

// Powers of ten of [lo, hi], 0 < lo: every `stride`-th one.
std::vector<int> decades(double lo, double hi, int most) {
  const int first = static_cast<int>(std::ceil(std::log10(lo) - 1e-6));
  const int last = static_cast<int>(std::floor(std::log10(hi) + 1e-6));
  const int stride = std::max(1, (last - first) / std::max(1, most) + 1);
  std::vector<int> exponents;
  for (int e = first; e <= last; e += (last - first + 1 > most + 1 ? stride : 1)) exponents.push_back(e);
  return exponents;
}

std::string plainNumber(double value) {
  const double size = std::abs(value);
  if (size == 0 || (size >= 1e-4 && size < 1e6)) return withMinusSign(fmt::format("{:g}", value));
  const int exponent = static_cast<int>(std::floor(std::log10(size) + 1e-9));
  return withMinusSign(fmt::format("{:g}×10{}", value / std::pow(10.0, exponent), superscript(exponent)));
}

// Between the decades of [lo, hi], 0 < lo.
void addMinor(NumericTicks& ticks, double lo, double hi, double sign) {
  for (int e = static_cast<int>(std::floor(std::log10(lo))); e <= std::log10(hi); ++e)
    for (int m = 1; m < 10; ++m)
      if (const double v = m * std::pow(10.0, e); v >= lo && v <= hi) ticks.minor.push_back(sign * v);
}

NumericTicks logTicks(double lo, double hi, int most) {
  NumericTicks ticks;
  addMinor(ticks, lo, hi, 1);
  const std::vector<int> exponents = decades(lo, hi, most);
  if (exponents.size() >= 2) {
    for (const int e : exponents) {
      ticks.values.push_back(std::pow(10.0, e));
      ticks.labels.push_back(powerOfTen(e, 1));
    }
    return ticks;
  }
  // Less than two decades: 1, 2, 5 of each, or round values where the range is narrower still.
  for (int e = static_cast<int>(std::floor(std::log10(lo))); e <= std::log10(hi); ++e)
    for (const double m : {1.0, 2.0, 5.0})
      if (const double v = m * std::pow(10.0, e); v >= lo * (1 - 1e-9) && v <= hi * (1 + 1e-9))
        ticks.values.push_back(v);
  if (ticks.values.size() < 2) return formatTicks(roundTicks(lo, hi, most));
  for (const double v : ticks.values) ticks.labels.push_back(plainNumber(v));
  return ticks;
}

// Zero and the decades beyond the linear part, on both sides.
NumericTicks symmetricTicks(double lo, double hi, double threshold, int most) {
  if (std::max(std::abs(lo), std::abs(hi)) <= threshold) return formatTicks(roundTicks(lo, hi, most));
  NumericTicks ticks;
  const int each = std::max(1, lo < 0 && hi > 0 ? most / 2 : most - 1);
  const auto add = [&](int exponent, double sign) {
    const double value = sign * std::pow(10.0, exponent);
    if (value < lo - 1e-6 * std::abs(lo) || value > hi + 1e-6 * std::abs(hi)) return;
    ticks.values.push_back(value);
    ticks.labels.push_back(powerOfTen(exponent, sign));
  };
  if (lo < -threshold) {
    const auto exponents = decades(threshold, -lo, each);
    std::for_each(exponents.rbegin(), exponents.rend(), [&](int e) { add(e, -1); });
  }
  if (lo <= 0 && hi >= 0) {
    ticks.values.push_back(0);
    ticks.labels.emplace_back("0");
  }
  if (hi > threshold)
    for (const int e : decades(threshold, hi, each)) add(e, 1);
  if (lo < -threshold) addMinor(ticks, threshold, -lo, -1);
  if (hi > threshold) addMinor(ticks, threshold, hi, 1);
  return ticks.values.size() >= 2 ? ticks : formatTicks(roundTicks(lo, hi, most));
}

std::vector<std::string> splitLabels(const std::string& text, char separator) {
  std::vector<std::string> labels(1);
  for (const char c : text) {
    if (c == separator)
      labels.emplace_back();
    else
      labels.back() += c;
  }
  return labels;
}

std::vector<std::string> labelsOfFile(const std::string& path, std::string_view option) {
  std::ifstream in(path, std::ios::binary);
  const auto fail = [&] {
    throw Error(Exit::Usage, fmt::format("{} @{}: {}", option, escapedPath(path), std::strerror(errno)));
  };
  if (!in) fail();
  std::vector<std::string> labels;
  for (std::string line; std::getline(in, line);) {
    if (line.ends_with('\r')) line.pop_back();
    labels.push_back(line);
  }
  if (in.bad()) fail();
  return labels;
}

// Ascending, each once.
std::vector<double> parseNumbers(const std::string& text, const char* option) {
  std::vector<double> values;
  for (const std::string& item : splitLabels(text, ',')) {
    double value = 0;
    const auto read = std::from_chars(item.data(), item.data() + item.size(), value);
    if (read.ec != std::errc() || read.ptr != item.data() + item.size() || !std::isfinite(value))
      throw Error(Exit::Usage, fmt::format("{} {}: give numbers, say 0.2,0.4,0.6", option, escaped(text)));
    values.push_back(value);
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

}  // namespace

std::vector<double> roundTicks(double lo, double hi, int most) {
  if (!(lo < hi) || !std::isfinite(hi - lo)) return {lo};
  const double raw = (hi - lo) / std::max(1, most);
  // From coarse to fine: the last step that is not below `raw`, or the first one with two ticks.
  std::vector<double> values;
  for (double scale = std::pow(10.0, std::floor(std::log10(raw))); scale > 0; scale /= 10) {
    for (size_t i = std::size(kSteps); i-- > 0;) {
      const double step = kSteps[i] * scale;
      if (step < raw * (1 - 1e-9) && values.size() >= 2) return values;
      values = multiples(step, lo, hi);
    }
  }
  return values;
}

NumericTicks formatTicks(std::vector<double> values) {
  NumericTicks ticks;
  double largest = 0, step = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < values.size(); ++i) {
    largest = std::max(largest, std::abs(values[i]));
    if (i > 0) step = std::min(step, std::abs(values[i] - values[i - 1]));
  }
  if (!std::isfinite(step)) step = largest;
  int exponent = largest > 0 ? static_cast<int>(std::floor(std::log10(largest) + 1e-9)) : 0;
  if (exponent >= -4 && exponent < 6) exponent = 0;
  if (exponent != 0) ticks.offset = "×10" + superscript(exponent);
  const double factor = std::pow(10.0, exponent);
  // As few decimals as show every value to a thousandth of a step.
  int decimals = 0;
  const auto exact = [&](double v) {
    const double scale = std::pow(10.0, decimals);
    return std::abs(std::round(v / factor * scale) / scale - v / factor) <= 1e-3 * step / factor;
  };
  while (decimals < 12 && !std::all_of(values.begin(), values.end(), exact)) ++decimals;
  for (const double v : values)
    ticks.labels.push_back(withMinusSign(fmt::format("{:.{}f}", v / factor + 0.0, decimals)));
  ticks.values = std::move(values);
  return ticks;
}

namespace {

// The center, and round values on either side of it, where a step of the values is another length on the bar.
NumericTicks twoSlopeTicks(const Norm& norm, int most) {
  const double center = norm.params.b;
  const int each = std::max(1, (most + 1) / 2);
  const auto apart = [&](double v) { return std::abs(double(norm.t(v)) - double(norm.t(center))) > 0.6 / most; };
  std::vector<double> values;
  for (const double v : roundTicks(norm.vmin, center, each))
    if (v < center && apart(v)) values.push_back(v);
  values.push_back(center);
  for (const double v : roundTicks(center, norm.vmax, each))
    if (v > center && apart(v)) values.push_back(v);
  return formatTicks(std::move(values));
}

}  // namespace

NumericTicks colorbarTicks(const Norm& norm, int most) {
  const std::string name = norm.name();
  if (name == "boundaries") {
    NumericTicks ticks;
    for (const float edge : norm.edges) {
      ticks.values.push_back(static_cast<double>(edge));
      ticks.labels.push_back(plainNumber(static_cast<double>(edge)));
    }
    return ticks;
  }
  if (name == "two-slope") return twoSlopeTicks(norm, most);
  if (name == "log") return logTicks(norm.vmin, norm.vmax, most);
  if (name == "symlog" || name == "asinh") return symmetricTicks(norm.vmin, norm.vmax, norm.params.a, most);
  return formatTicks(roundTicks(norm.vmin, norm.vmax, most));
}

std::string withMinusSign(std::string number) {
  if (number.starts_with('-')) number.replace(0, 1, "−");
  return number;
}

NumericTicks colorbarTicks(const FigureOptions& options, const Norm& norm, int most) {
  NumericTicks ticks = colorbarTicks(norm, most);
  if (!options.cbarTicks.empty()) {
    NumericTicks chosen = formatTicks(parseNumbers(options.cbarTicks, "--cbar-ticks"));
    chosen.minor = std::move(ticks.minor);
    ticks = std::move(chosen);
  }
  if (options.cbarFmt.empty()) return ticks;
  const NumberFormat format(options.cbarFmt, "--cbar-fmt");
  ticks.offset.clear();
  for (size_t i = 0; i < ticks.values.size(); ++i) ticks.labels[i] = withMinusSign(format(ticks.values[i]));
  return ticks;
}

std::vector<std::string> parseLabels(const std::string& text, std::string_view option, int64_t count,
                                     const char* others) {
  std::vector<std::string> labels =
      text.starts_with('@') ? labelsOfFile(text.substr(1), option) : splitLabels(text, ',');
  if (std::cmp_equal(labels.size(), count)) return labels;
  throw Error(Exit::Usage, fmt::format("{} {}: {} labels for {} entries; give {}one label an entry or @FILE", option,
                                       escaped(text), labels.size(), count, others));
}

TickChoice parseTickChoice(const std::string& text, std::string_view option, int64_t entries) {
  TickChoice choice;
  if (text.empty() || text == "auto") return choice;
  if (text == "none") {
    choice.kind = TickChoice::Kind::None;
    return choice;
  }
  const char* const end = text.data() + text.size();
  const auto number = std::from_chars(text.data(), end, choice.stride);
  const std::string_view rest(number.ptr, static_cast<size_t>(end - number.ptr));
  if (number.ec != std::errc::invalid_argument && (rest.empty() || rest == ",last")) {
    if (number.ec != std::errc() || choice.stride < 1)
      throw Error(Exit::Usage, fmt::format("{} {}: the stride must be 1 or more", option, escaped(text)));
    choice.kind = TickChoice::Kind::Stride;
    choice.last = !rest.empty();
    return choice;
  }
  if (text.starts_with('@')) {
    std::vector<std::string> labels = labelsOfFile(text.substr(1), option);
    if (std::cmp_not_equal(labels.size(), entries)) {
      choice.warning = fmt::format("{} @{}: {} labels for {} entries; the dump's own labels are shown", option,
                                   escapedPath(text.substr(1)), labels.size(), entries);
      return choice;
    }
    choice.kind = TickChoice::Kind::List;
    choice.labels = std::move(labels);
    return choice;
  }
  choice.kind = TickChoice::Kind::List;
  choice.labels = parseLabels(text, option, entries, "auto, none, N, 'N,last', ");
  return choice;
}

std::vector<int64_t> thinnedEntries(int64_t first, int64_t end, double pitch, double extent) {
  if (end <= first || !(pitch > 0)) return {};
  int64_t stride = 0;
  for (int64_t scale = 1; stride == 0 && scale < (int64_t{1} << 50); scale *= 10)
    for (const int64_t tenths : {10, 15, 20, 25, 30, 40, 50, 80}) {
      if (tenths * scale % 10 != 0) continue;
      const int64_t candidate = tenths * scale / 10;
      if (static_cast<double>(candidate) * pitch < extent) continue;
      stride = candidate;
      break;
    }
  std::vector<int64_t> entries = stridedEntries(first, end, std::max<int64_t>(stride, 1), false);
  const int64_t last = end - 1;
  if (!entries.empty() && entries.back() == last) return entries;
  while (!entries.empty() && static_cast<double>(last - entries.back()) * pitch < extent) entries.pop_back();
  // Nothing beside the last one fits: the first is as good to have.
  entries.push_back(last);
  return entries;
}

std::vector<int64_t> stridedEntries(int64_t first, int64_t end, int64_t stride, bool last) {
  std::vector<int64_t> entries;
  for (int64_t i = (first + stride - 1) / stride * stride; i < end; i += stride) entries.push_back(i);
  if (last && end > first && (entries.empty() || entries.back() != end - 1)) entries.push_back(end - 1);
  return entries;
}

}  // namespace divlens
