#pragma once
#include "divergence/plan.h"

namespace divlens {

/// Fills rows, columns, reduced, groupAxis and panels from plan.cells, plan.kind and --rows, --columns, --select,
/// --reduce and --group; Error(Usage) where they do not fit.
void placeAxes(Plan& plan, const PlanOptions& options);

}  // namespace divlens
