#pragma once
#include "divergence/exact.h"

namespace divlens {

/// A statistic of one value's tensor (or row) in double precision on the processor; reads all of it.
double exactStatistic(const Plan& plan, const MetricUse& use, const EntryIndex& index);

}  // namespace divlens
