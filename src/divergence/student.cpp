#include "divergence/student.h"

#include <cmath>
#include <limits>

namespace divlens {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// The continued fraction of the incomplete beta function (Abramowitz & Stegun 26.5.8) by Lentz's method.
double betaFraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  d = 1 / (std::abs(d) < kTiny ? kTiny : d);
  double out = d;
  const auto step = [&](double numerator) {
    d = 1 + numerator * d;
    c = 1 + numerator / c;
    d = 1 / (std::abs(d) < kTiny ? kTiny : d);
    if (std::abs(c) < kTiny) c = kTiny;
    out *= c * d;
    return std::abs(c * d - 1);
  };
  for (int m = 1; m < 500; ++m) {
    step(m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)));
    if (step(-(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))) < 1e-15) break;
  }
  return out;
}

/// Regularised incomplete beta function I_x(a, b).
double betaShare(double a, double b, double x) {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  return x < (a + 1) / (a + b + 2) ? front * betaFraction(a, b, x) / a : 1 - front * betaFraction(b, a, 1 - x) / b;
}

/// P(T > t) for t ≥ 0.
double upperTail(double t, double df) { return betaShare(df / 2, 0.5, df / (df + t * t)) / 2; }

IntervalEnds around(double mean, double error, double df, double confidence) {
  const double half = studentQuantile((1 + confidence) / 2, df) * error;
  return {mean - half, mean + half};
}

}  // namespace

double studentQuantile(double p, double df) {
  double low = 0, high = 1;
  while (upperTail(high, df) > 1 - p && high < 1e150) high *= 2;
  for (int i = 0; i < 200 && high - low > 1e-14 * high; ++i) {
    const double middle = (low + high) / 2;
    (upperTail(middle, df) > 1 - p ? low : high) = middle;
  }
  return (low + high) / 2;
}

IntervalEnds studentInterval(const MeanError& mean, double confidence) {
  if (!(mean.count >= 2) || !std::isfinite(mean.mean)) return {kNan, kNan};
  return around(mean.mean, mean.sem, mean.count - 1, confidence);
}

IntervalEnds welchInterval(const MeanError& from, const MeanError& what, double confidence) {
  if (!(from.count >= 2) || !(what.count >= 2)) return {kNan, kNan};
  const double a = from.sem * from.sem, b = what.sem * what.sem;
  const double difference = from.mean - what.mean;
  if (!std::isfinite(difference)) return {kNan, kNan};
  if (a + b == 0) return {difference, difference};
  // Satterthwaite's degrees of freedom.
  const double df = (a + b) * (a + b) / (a * a / (from.count - 1) + b * b / (what.count - 1));
  return around(difference, std::sqrt(a + b), df, confidence);
}

}  // namespace divlens
