#include "divergence/user_metric.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>

#include "dump/escape.h"
#include "dump/records.h"
#include "error.h"

namespace divlens {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kTail = 40;  // |ln t| from which the tails stand for f
constexpr double kProbes[] = {60, 100, 110};
constexpr size_t kTerms = 22;

/// What expressions and terms call by the names of the function table.
constexpr const char* kHelpers = R"(
float userSquare(float x) { return x * x; }
float userLog(float x) { return x > 0.0 ? logPositive(x) : uintBitsToFloat(x == 0.0 ? 0xff800000u : 0x7fc00000u); }
float userLog1p(float x) { return log1pAny(x); }
float userExpm1(float x) { return abs(x) < 0.34 ? expm1Kernel(x) : expAny(x) - 1.0; }
float userPow(float x, float y) {
  if (y == 0.0) return 1.0;
  float a = abs(x);
  float value = a > 0.0 ? expAny(y * logPositive(a)) : (y > 0.0 ? 0.0 : uintBitsToFloat(0x7f800000u));
  if (x >= 0.0) return value;
  return y != floor(y) ? uintBitsToFloat(0x7fc00000u) : mod(y, 2.0) == 0.0 ? value : -value;
}
)";

[[noreturn]] void fail(std::string_view text, const std::string& what) {
  throw Error(Exit::Usage, fmt::format("--metric 'f:{}': {}", escaped(text, 200), what));
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// What stands behind the expression: "; 0: V" and "; inf: V".
struct Declared {
  std::string_view expression;
  std::optional<double> zero, infinity;
};

Declared declaredIn(std::string_view text) {
  const size_t first = text.find(';');
  Declared out{text.substr(0, first), {}, {}};
  for (size_t at = first; at != std::string_view::npos;) {
    const size_t next = text.find(';', at + 1);
    const std::string_view part = trimmed(text.substr(at + 1, next == std::string_view::npos ? next : next - at - 1));
    at = next;
    const size_t colon = part.find(':');
    const std::string_view name = trimmed(part.substr(0, colon));
    const std::string_view digits = colon == std::string_view::npos ? "" : trimmed(part.substr(colon + 1));
    double value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if ((name != "0" && name != "inf") || error != std::errc() || end != digits.data() + digits.size() ||
        std::isnan(value))
      fail(text, fmt::format("'; {}' is no limit; say '; 0: V' for f(t) at t → 0, '; inf: V' for f(t)/t at t → ∞, with "
                             "V a number or inf",
                             escaped(part)));
    (name == "0" ? out.zero : out.infinity) = value;
  }
  return out;
}

/// The parabola through three points.
void parabola(const double (&x)[3], const double (&y)[3], double& a, double& b, double& c) {
  const double first = (y[1] - y[0]) / (x[1] - x[0]);
  c = ((y[2] - y[1]) / (x[2] - x[1]) - first) / (x[2] - x[0]);
  b = first - c * (x[0] + x[1]);
  a = y[0] - x[0] * (b + c * x[0]);
  // What is only rounding would grow beyond all bounds.
  const double size = std::max({std::abs(y[0]), std::abs(y[2]), 1e-9});
  if (std::abs(c) * x[2] * x[2] < 1e-8 * size) b += c * (x[0] + x[2]), a -= c * x[0] * x[2], c = 0;
  if (c == 0 && std::abs(b) * x[2] < 1e-8 * size) a += b * x[2], b = 0;
}

bool close(double a, double b) { return std::abs(a - b) <= 1e-7 * std::abs(b) + 1e-9; }

}  // namespace

double UserMetric::Tail::at(double x, double logWeight) const {
  const double value = a + x * (b + c * x);
  return exponential ? std::exp(logWeight + value) : std::exp(logWeight) * value;
}

double UserMetric::Tail::limit() const {
  const double slope = c != 0 ? c : b;
  if (exponential) return slope > 0 ? kInfinity : slope < 0 ? 0 : std::exp(a);
  return slope > 0 ? kInfinity : slope < 0 ? -kInfinity : a;
}

UserMetric::UserMetric(std::string_view text) : text_("f:" + std::string(text)) {
  const Declared declared = declaredIn(text);
  f_ = Expression::parse(declared.expression);
  const double one = f_.at(1, 0, 0);
  if (!(std::abs(one) < 1e-12))
    fail(text, fmt::format("f(1) is {}, and must be 0: a distribution does not diverge from itself", one));
  chooseSeries();
  checkConvex();
  const auto choose = [&](bool zero, const std::optional<double>& given, Tail& tail, double& limit) {
    if (given && std::isfinite(*given)) {
      tail = {*given + (zero ? slope_ : -slope_), 0, 0, false};
      limit = tail.a;
      return;
    }
    tail = fitted(zero);
    limit = given ? *given : tail.limit();
    if (std::abs(limit) < 1e-9) limit = 0;
  };
  choose(true, declared.zero, zero_, atZero_);
  choose(false, declared.infinity, infinity_, atInfinity_);
  row_ = Metric{kUserMetricId, "f", text_.c_str(), "D_f", Needs::Reference, Direction::Directed, Unit::Plain, 1};
}

std::shared_ptr<const UserMetric> UserMetric::parse(std::string_view text) {
  return std::shared_ptr<const UserMetric>(new UserMetric(text));
}

std::shared_ptr<const UserMetric> UserMetric::fromFile(const std::string& path) {
  std::string text;
  try {
    text = readText(*openFile(path));
  } catch (const Error& error) {
    throw Error(Exit::Usage, fmt::format("--metric @{}: {}", escapedPath(path), error.what()));
  }
  return std::shared_ptr<const UserMetric>(new UserMetric(path, TermProgram(text, path)));
}

UserMetric::UserMetric(const std::string& path, TermProgram program)
    : text_(
          fmt::format("Σ term(p, q, ln p, ln q, ln q − ln p) of {}", std::filesystem::path(path).filename().string())),
      program_(std::move(program)),
      symbol_(std::filesystem::path(path).stem().string()) {
  row_ = Metric{kUserMetricId, "term", text_.c_str(), symbol_.c_str(), Needs::Reference, Direction::Directed,
                Unit::Plain,   1};
}

double UserMetric::normalised(double l) const {
  const double t = std::exp(l), u = std::expm1(l);
  return f_.at(t, u, l) - slope_ * u;
}

void UserMetric::chooseSeries() {
  const std::vector<double> taylor = f_.taylor(kTerms);
  if (taylor.empty()) return;  // a kink at t = 1: f is taken as it is
  slope_ = taylor[1];
  series_.assign(taylor.begin() + 2, taylor.end());
  for (double radius : {0.3, 0.2, 0.1, 0.05, 0.02, 0.01}) {
    bool fits = true;
    for (double u : {-radius, -radius / 2, radius / 2, radius}) {
      double sum = 0;
      for (size_t i = series_.size(); i-- > 0;) sum = sum * u + series_[i];
      const double direct = (f_.at(1 + u, u, std::log1p(u)) - slope_ * u) / (u * u);
      fits = fits && std::abs(sum - direct) <= 1e-8 * std::abs(direct) + 1e-10;
    }
    if (!fits) continue;
    radius_ = radius;
    return;
  }
  fail(text_.substr(2),
       "its derivatives at t = 1 and its values near there do not agree; write it without large cancelling parts");
}

void UserMetric::checkConvex() const {
  for (int i = -400; i <= 400; ++i) {
    const double l = 0.1 * i;
    const double value = normalised(l);
    const std::string_view text = std::string_view(text_).substr(2);
    if (std::isnan(value) || value == -kInfinity)
      fail(text, fmt::format("f is not a number at t = {:.3g}", std::exp(l)));
    const double rounding = 1e-12 * (1 + std::abs(slope_)) * (1 + std::exp(l));
    if (value < -rounding)
      fail(text, fmt::format("f is not convex: at t = {:.3g} it lies below its tangent at 1", std::exp(l)));
  }
}

UserMetric::Tail UserMetric::fitted(bool towardsZero) const {
  const auto value = [&](double x) { return towardsZero ? normalised(-x) : normalised(x) / std::exp(x); };
  const double x[3] = {42, 80, 118};
  double y[3], logs[3];
  for (int i = 0; i < 3; ++i) y[i] = value(x[i]), logs[i] = std::log(y[i]);
  for (bool exponential : {false, true}) {
    Tail tail{0, 0, 0, exponential};
    parabola(x, exponential ? logs : y, tail.a, tail.b, tail.c);
    const bool fits = std::isfinite(tail.a + tail.b + tail.c) &&
                      std::all_of(std::begin(kProbes), std::end(kProbes),
                                  [&](double at) { return close(tail.at(at, 0), value(at)); });
    if (fits) return tail;
  }
  const std::string_view text = std::string_view(text_).substr(2);
  fail(text, towardsZero ? "its limit at t → 0 could not be found; add '; 0: V'"
                         : "the limit of f(t)/t at t → ∞ could not be found; add '; inf: V'");
}

double UserMetric::term(double p, double q, double lnP, double lnQ, bool zeroP, bool zeroQ) const {
  if (zeroP && zeroQ) return 0;
  if (program_) {
    // As on the device: probabilities below e^-87 are 0, their logarithms are not.
    const double lowest = -87;
    return program_->at({lnP < lowest ? 0 : p, lnQ < lowest ? 0 : q, zeroP ? -kInfinity : lnP, zeroQ ? -kInfinity : lnQ,
                         zeroP   ? kInfinity
                         : zeroQ ? -kInfinity
                                 : lnQ - lnP});
  }
  if (zeroP) return atZero_ == 0 ? 0 : q * atZero_;
  if (zeroQ) return atInfinity_ == 0 ? 0 : p * atInfinity_;
  const double l = lnP - lnQ;
  if (l < -kTail) return zero_.at(-l, lnQ);
  if (l > kTail) return infinity_.at(l, lnP);
  const double u = std::expm1(l);
  if (std::abs(u) >= radius_) return q * std::max(normalised(l), 0.0);
  double sum = 0;
  for (size_t i = series_.size(); i-- > 0;) sum = sum * u + series_[i];
  return q * u * u * sum;
}

std::string UserMetric::Tail::glsl(const char* weight, const char* logWeight) const {
  std::string value = fmt::format("{:.9e}", a);
  if (b != 0) value += fmt::format(" + x * {:.9e}", b);
  if (c != 0) value += fmt::format(" + x * x * {:.9e}", c);
  if (!exponential) return fmt::format("    return {} * ({});\n", weight, value);
  return fmt::format(
      "    float e = {} + {};\n    if (e > 88.0) infiniteTerm = true;\n    return e > 88.0 ? 0.0 : expAny(e);\n",
      logWeight, value);
}

std::string UserMetric::programGlsl() const {
  return kHelpers + program_->glsl() + R"(
float userTerm(Pair s) {
  if (s.zeroP && s.zeroQ) return 0.0;
  float infinity = uintBitsToFloat(kInfBits);
  float v = userProgram(s.p, s.q, s.zeroP ? -infinity : s.lnP, s.zeroQ ? -infinity : s.lnQ,
                        s.zeroP ? infinity : s.zeroQ ? -infinity : s.d);
  uint bits = floatBitsToUint(v);
  if (isFiniteBits(bits)) return v;
  if (bits == kInfBits) infiniteTerm = true;
  else nanTerm = true;
  return 0.0;
}
)";
}

std::string UserMetric::glsl() const {
  const auto limit = [](double value, const char* weight) {
    return std::isinf(value) ? std::string("{ infiniteTerm = true; return 0.0; }")
                             : fmt::format("return {} * {:.9e};", weight, value);
  };
  std::string poly = "0.0";
  for (size_t i = series_.size(); i-- > 0;)
    poly = i + 1 == series_.size() ? fmt::format("{:.9e}", series_[i])
                                   : fmt::format("fma({}, u, {:.9e})", poly, series_[i]);
  if (program_) return programGlsl();
  std::string out = kHelpers;
  out += fmt::format("float userF(float t, float u, float l) {{ return {}; }}\n", f_.glsl());
  out += fmt::format(
      "float userTerm(Pair s) {{\n  if (s.zeroP && s.zeroQ) return 0.0;\n  if (s.zeroP) {}\n  if (s.zeroQ) {}\n",
      limit(atZero_, "s.q"), limit(atInfinity_, "s.p"));
  out += fmt::format(
      "  float l = -s.d;\n  float x = abs(l);\n  if (l < -{0:.1f}) {{\n{1}  }}\n  if (l > {0:.1f}) {{\n{2}  }}\n",
      kTail, zero_.glsl("s.q", "s.lnQ"), infinity_.glsl("s.p", "s.lnP"));
  out += "  float u = l > 0.0 ? s.w / s.e : -s.w;\n";
  if (!series_.empty()) out += fmt::format("  if (abs(u) < {:.9e}) return s.q * u * u * {};\n", radius_, poly);
  out += fmt::format("  return s.q * max(userF(expAny(l), u, l) - {:.9e} * u, 0.0);\n}}\n", slope_);
  return out;
}

}  // namespace divlens
