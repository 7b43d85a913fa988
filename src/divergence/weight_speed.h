#pragma once
#include "divergence/plan.h"

namespace divlens {

/// Bytes a second at which the plan's tensors, the first of them up to 1 GiB, are read and not looked at, by as many
/// threads as statistics read with; 0 where there is nothing to read.
double readingAlone(const Plan& plan);

}  // namespace divlens
