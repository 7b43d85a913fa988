#pragma once

namespace divlens {

/// Quantile p in (0.5, 1) of Student's t distribution with `df` > 0 degrees of freedom, which may be fractional.
double studentQuantile(double p, double df);

/// Number of values, their mean and its standard error (n − 1).
struct MeanError {
  double count = 0, mean = 0, sem = 0;
};
struct IntervalEnds {
  double lower = 0, upper = 0;
};
/// Two-sided interval of a mean; NaN below two values.
IntervalEnds studentInterval(const MeanError& mean, double confidence);
/// Of a difference of two independent means whose variances may differ (Welch 1947).
IntervalEnds welchInterval(const MeanError& from, const MeanError& what, double confidence);

}  // namespace divlens
