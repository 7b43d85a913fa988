#pragma once
#include "app/options.h"
#include "divergence/evaluate.h"

namespace divlens {

/// Error(Budget) where the process may use too few addresses (ulimit -v) for a device that is the processor.
void checkAddressSpace();
/// The same where they are too few to load any drivers.
void checkDriverSpace();

/// What --max-ram and --max-gpu-mem leave for rows once the process and the values of a block are taken off; the 0 of
/// an option that was not given stays. Error(Budget) that says what is needed where they do not leave enough.
void applyBudgets(EvaluateOptions& options, const gpu::Context& context, const Plan& plan, const Settings& settings);
/// Evaluates; where memory is short, again and again with smaller tiles, until they are too small to matter.
void evaluateInMemory(Result& result, const gpu::Context& context, const Plan& plan, EvaluateOptions options);

}  // namespace divlens
