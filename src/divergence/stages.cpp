#include "divergence/stages.h"

#include <algorithm>

namespace divlens {
namespace {

bool sameStatistic(const PlanAxis& a, const PlanAxis& b) { return a.how == b.how && a.quantile == b.quantile; }

/// Indices of an axis's positions that belong to the panel.
std::vector<uint32_t> members(const Plan& plan, const PlanPanel& panel, size_t axis) {
  std::vector<uint32_t> indices;
  const bool grouped = int(axis) == plan.groupAxis && !panel.entries.empty();
  if (grouped) return {panel.entries.begin(), panel.entries.end()};
  for (size_t i = 0; i < plan.reduced[axis].positions.size(); ++i) indices.push_back(uint32_t(i));
  return indices;
}

/// Entry numbers, within axes [first, last), of all combinations of the panel's members, ascending.
std::vector<uint32_t> chosenEntries(const Plan& plan, const PlanPanel& panel, size_t first, size_t last) {
  std::vector<uint32_t> entries{0};
  for (size_t axis = first; axis < last; ++axis) {
    const std::vector<uint32_t> own = members(plan, panel, axis);
    const auto length = uint32_t(plan.reduced[axis].positions.size());
    std::vector<uint32_t> next;
    next.reserve(entries.size() * own.size());
    for (uint32_t entry : entries)
      for (uint32_t index : own) next.push_back(entry * length + index);
    entries = std::move(next);
  }
  return entries;
}

}  // namespace

EntryLayout entryLayout(const Plan& plan) {
  EntryLayout layout;
  layout.strides.resize(plan.reduced.size());
  for (size_t i = plan.reduced.size(); i-- > 0;) {
    layout.strides[i] = layout.entries;
    layout.entries *= int64_t(plan.reduced[i].positions.size());
  }
  return layout;
}

std::vector<Stage> stagesOf(const Plan& plan, const PlanPanel& panel) {
  std::vector<Stage> stages;
  const EntryLayout layout = entryLayout(plan);
  for (size_t last = plan.reduced.size(); last > 0;) {
    size_t first = last - 1;
    while (first > 0 && sameStatistic(plan.reduced[first - 1], plan.reduced[last - 1])) --first;
    Stage stage;
    for (size_t i = first; i < last; ++i) stage.entries *= int64_t(plan.reduced[i].positions.size());
    stage.outer = first == 0 ? 1 : layout.entries / layout.strides[first - 1];
    stage.reduction = {chosenEntries(plan, panel, first, last), plan.reduced[first].how, plan.reduced[first].quantile};
    // An axis of one entry is fixed, not averaged, unless that is asked for: an infinite value stays.
    const bool asked = std::any_of(plan.reduced.begin() + ptrdiff_t(first), plan.reduced.begin() + ptrdiff_t(last),
                                   [](const PlanAxis& axis) { return axis.asked; });
    if (stage.entries > 1 || asked || stage.reduction.how != Reduce::Mean) stages.push_back(std::move(stage));
    last = first;
  }
  return stages;
}

size_t lastReduced(const Plan& plan, const PlanPanel& panel) {
  const std::vector<Stage> stages = stagesOf(plan, panel);
  return stages.empty() ? 1 : stages.back().reduction.chosen.size();
}

}  // namespace divlens
