#pragma once
#include "divergence/plan.h"
#include "gpu/context.h"

namespace divlens {

/// The plan with its reference `mean:AXIS` replaced by a tensor of mean distributions (not of mean logits), computed on
/// the device into a temporary file: as many rows as the cells need, numbered like the cells' rows at position 0 of the
/// axis.
Plan withMeanReference(const gpu::Context& context, const Plan& plan);

}  // namespace divlens
