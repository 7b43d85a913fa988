#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "divergence/panels.h"

namespace divlens {

/// Checks that each cell of the plan stands for one distribution, and that there are at most 20,000; Error(Usage).
void checkTopTokens(const Plan& plan);
/// The most probable token of a panel's cell (row, column), read once for all: its text as axis labels show it, else
/// its id; of equals the lowest id. Empty for masked rows and rows that are no distribution.
std::function<std::string(int, int64_t, int64_t)> topTokens(const Plan& plan, const std::vector<ResultPanel>& panels);

}  // namespace divlens
