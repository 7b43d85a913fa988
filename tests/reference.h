#pragma once
// The oracle: every metric by its definition, in long double, over rows as they are stored. It shares neither code nor
// formula with the shaders, and is slow.
#include <cstdint>
#include <string>
#include <vector>

#include "dump/tensor.h"

namespace divlens::test {

/// One row as it is stored, and what its entries mean (logits, log-probs, probs).
struct OracleRow {
  std::vector<double> values;
  Kind kind = Kind::Logits;
};

/// A row after temperature and softmax (or renormalisation); ln is only meaningful where p > 0.
struct Distribution {
  std::vector<long double> p, ln;
  bool bad = false;  ///< NaN, +inf, a negative probability, or no probability at all
};
Distribution distribution(const OracleRow& row, double temperature);

/// All metrics of one pair of rows; `base` is that of the logarithm.
class Oracle {
 public:
  Oracle(OracleRow reference, OracleRow cell, double temperature = 1, double base = 2.718281828459045235);
  /// The value of a metric as the command line names it: "kl", "jsd:0.3", "renyi:inf".
  double operator()(const std::string& metric) const;

 private:
  OracleRow x_, y_;
  Distribution p_, q_;
  long double lnBase_;
};

/// "rank" and "logprob" of a token id; NaN for ids outside the row.
double oracleOfTarget(const std::string& metric, const OracleRow& cell, int64_t id, double temperature = 1,
                      double base = 2.718281828459045235);

/// Statistics over entries as numpy computes them, NaN and infinite ones left out: "mean", "median", "q0.9", "min",
/// "max", "std" and "sem" (n - 1), "count".
double oracleStatistic(const std::string& how, std::vector<double> entries);

/// A statistic of a tensor's entries (of `reference` too for rel-change, l2, cosine and sign-flips) by its definition,
/// in long double.
double oracleOfTensor(const std::string& metric, const std::vector<double>& entries,
                      const std::vector<double>& reference = {});

/// How far `got` is off in units of what the accuracy target allows (relative 1e-5 from 1e-6 up, 1e-3 below, absolute
/// floor 1e-12): at most 1 passes. NaN and infinities must agree. Where terms of both signs cancel, `magnitude` is the
/// size of what cancels.
double excess(const std::string& metric, double expected, float got, double magnitude = 0);

}  // namespace divlens::test
