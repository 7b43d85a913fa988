#pragma once
#include <vector>

#include "divergence/plan.h"
#include "divergence/reducer.h"
#include "divergence/tiles.h"

namespace divlens {

/// Neighbouring reduced axes with the same statistic are reduced together; the last axes of the dump come first, so
/// that `example=median` with `token=mean` is the median over examples of means over tokens.
struct Stage {
  int64_t outer = 1;    ///< entries per cell that are left after this stage
  int64_t entries = 1;  ///< that it reduces to one
  Reduction reduction;
};

/// Entries of a cell in C order of the reduced axes.
EntryLayout entryLayout(const Plan& plan);
/// The stages for one panel of the plan (its group's entries), first to last; empty where cells are taken as they are.
std::vector<Stage> stagesOf(const Plan& plan, const PlanPanel& panel);
/// Entries of a cell of the panel that the last stage reduces to one; 1 without stages.
size_t lastReduced(const Plan& plan, const PlanPanel& panel);

}  // namespace divlens
