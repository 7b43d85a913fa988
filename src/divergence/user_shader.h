#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "divergence/plan.h"
#include "gpu/context.h"

namespace divlens {

/// The shader compiled with the term of the user's own metric among `uses`; empty where there is none.
std::vector<uint32_t> userShader(std::span<const MetricUse> uses, std::string_view shader = "pairs.comp");

/// Compares the plan's metrics of the user's own on the device with double precision, over pairs of rows from near to
/// far apart; Error(Usage) where they differ by more than 1e-4, or there are several.
void checkUserMetrics(const gpu::Context& context, const Plan& plan);

}  // namespace divlens
