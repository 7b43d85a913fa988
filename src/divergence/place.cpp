#include "divergence/place.h"

namespace divlens {

namespace {

/// Whether a row of the cells' tensor is masked, by its number.
bool isMasked(const Plan& plan, int64_t row) {
  const std::vector<Axis>& axes = plan.cells.axes;
  std::vector<const PlanAxis*> known{&plan.rows, &plan.columns};
  for (const PlanAxis& axis : plan.reduced) known.push_back(&axis);
  int64_t at = 0;
  for (size_t i = axes.size() - 1; i-- > 0;) {  // the last one is the distribution's
    const int64_t length = plan.cells.shape[i], position = row % length;
    row /= length;
    for (size_t k = 0; k < known.size(); ++k)
      if (!known[k]->synthetic && known[k]->name == axes[i].name) at += position * plan.mask.strides[k];
  }
  return plan.mask.values[size_t(at)] != 0;
}

}  // namespace

std::vector<int64_t> rowsOfMean(const Plan& plan, int64_t first) {
  std::vector<int64_t> rows;
  for (int64_t k = 0; k < plan.reference.meanCount; ++k) {
    const int64_t row = first + k * plan.reference.meanStride;
    if (plan.mask.values.empty() || !isMasked(plan, row)) rows.push_back(row);
  }
  return rows;
}

Place placeOf(const Plan& plan, const EntryIndex& index) {
  const Reference& reference = plan.reference;
  Place place{0, reference.base, false, false};
  int64_t mask = 0;
  size_t axes = 0;
  const auto add = [&](const PlanAxis& axis, size_t i) {
    const int64_t position = axis.positions.at(i);
    if (!plan.mask.values.empty()) mask += position * plan.mask.strides.at(axes++);
    place.cell += position * axis.cellStride;
    place.reference += position * axis.referenceStride;
    if (reference.kind != ReferenceKind::Shifted || axis.synthetic || axis.name != reference.shiftAxis) return;
    place.outside = position + reference.shift < 0 || position + reference.shift >= axis.length;
  };
  add(plan.rows, index.row);
  add(plan.columns, index.column);
  for (size_t i = 0; i < plan.reduced.size(); ++i) add(plan.reduced[i], index.reduced.at(i));
  place.masked = !plan.mask.values.empty() && plan.mask.values.at(size_t(mask)) != 0;
  return place;
}

}  // namespace divlens
