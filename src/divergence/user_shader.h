#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "divergence/plan.h"
#include "gpu/context.h"

namespace divlens {

/// pairs.comp compiled with the term of the user's own metric among `uses`; empty where there is none.
std::vector<uint32_t> userShader(std::span<const MetricUse> uses);

/// Compares the plan's metrics of the user's own on the device with double precision, over pairs of rows from near to
/// far apart; Error(Usage) where they differ by more than 1e-4, or there are several.
void checkUserMetrics(const gpu::Context& context, const Plan& plan);

}  // namespace divlens
