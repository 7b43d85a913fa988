#pragma once
#include "divergence/plan.h"

namespace divlens {

/// Opens the lens of --lens or --unembed; cells of hidden states then count as logits. Nothing to do, and a note, where
/// every metric takes the stored rows. Error(Usage) where options do not fit, Error(BadInput) where the files do not.
void chooseLens(Plan& plan, const PlanOptions& options);

/// Once the reference is known: both sides must fit the lens, and it must be of use; settles which rows are normed.
void checkLens(Plan& plan, const PlanOptions& options);

}  // namespace divlens
