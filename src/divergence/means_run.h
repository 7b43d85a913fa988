#pragma once
#include "divergence/evaluate.h"

namespace divlens {

/// Evaluates a plan whose order is divergence-of-means: for each cell the mean distribution of its rows and of their
/// references over the reduced entries, on the device into temporary files, then the metrics of those two. Pairs of
/// which a row holds NaN, is masked or does not exist are left out of both means, and said aloud.
void evaluateMeans(Result& result, const gpu::Context& context, const Plan& plan, const EvaluateOptions& options);
/// Error(Usage) where the plan's order is divergence-of-means and something of it has no such form.
void checkMeans(const Plan& plan);

}  // namespace divlens
