#pragma once
#include <vector>

#include "divergence/plan.h"

namespace divlens {

/// Logits of hidden states in double precision, one row at a time: what the device's are checked against.
class ExactLens {
 public:
  explicit ExactLens(const Lens& lens);
  /// The first `vocab` logits of a row; `normed`: the final norm is in it already; `translator`: of
  /// a tuned lens, -1: none.
  std::vector<double> logits(std::vector<double> hidden, bool normed, int64_t translator, int64_t vocab) const;

 private:
  std::vector<double> translated(const std::vector<double>& hidden, const Lens::Translator& translator) const;
  const Lens& lens_;
  std::vector<double> weight_, bias_, headBias_;
};

}  // namespace divlens
