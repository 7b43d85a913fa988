#pragma once
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "app/options.h"
#include "app/session.h"
#include "divergence/plan.h"

namespace divlens {

/// One vocabulary entry of an explained cell, means over the entries that the cell is reduced from.
struct ExplainedEntry {
  int64_t id = 0;
  double p = 0, q = 0;           ///< p is NaN for metrics without a reference
  int64_t rankP = 0, rankQ = 0;  ///< 1 + number of more probable entries; 0 where p is NaN
  double term = 0;
};

/// A cell of the grid taken apart.
struct Explanation {
  double cell = 0;                                      ///< the sum of all terms
  double rest = 0;                                      ///< of those that are not listed
  int64_t count = 0;                                    ///< values that the cell is the mean of
  int64_t left = 0;                                     ///< NaN and infinite ones, left out of the mean
  std::vector<std::pair<std::string, std::string>> at;  ///< axis and label of each fixed axis
  std::vector<ExplainedEntry> entries;                  ///< largest term first
};

/// The largest `top` terms of the cell that `at` ("AXIS=SPEC") fixes; axes that are neither shown nor fixed are
/// averaged. Error(Usage) where the metric is no sum of terms, an axis of the grid is not fixed, or a reduced one is
/// not a mean. `cancel` is set to end it with Error(Interrupted).
Explanation explainCell(const Plan& plan, const std::vector<std::string>& at, int64_t top,
                        const std::atomic<int>& cancel = interruptFlag());

/// `divlens explain`.
std::string runExplain(const Settings& settings);

}  // namespace divlens
