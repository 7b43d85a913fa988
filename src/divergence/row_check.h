#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "divergence/plan.h"

namespace divlens {

/// Looks at the first of some rows and warns where they do not look like what their kind says: probabilities or
/// log-probs whose sum is not 1 (beyond 1e-3), or logits that are probabilities.
void warnOfRows(const Plan& plan, const std::vector<int64_t>& rows, std::vector<std::string>& warnings);

}  // namespace divlens
