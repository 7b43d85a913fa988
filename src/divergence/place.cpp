#include "divergence/place.h"

namespace divlens {

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
