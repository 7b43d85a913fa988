#include "divergence/weight_spectra.h"

#include <algorithm>
#include <cmath>

namespace divlens {
namespace {

bool asksFor(const Plan& plan, std::initializer_list<std::string_view> names) {
  return std::any_of(plan.metrics.begin(), plan.metrics.end(), [&](const MetricUse& use) {
    return std::find(names.begin(), names.end(), use.metric->stem()) != names.end();
  });
}

}  // namespace

WeightSpectra::WeightSpectra(const gpu::Context& context, const Plan& plan, const CellReader& cells, uint64_t memory)
    : cells_(cells) {
  if (asksFor(plan, {"top-singular-value", "stable-rank"})) largest_.emplace(context, cells);
  if (asksFor(plan, {"effective-rank"})) all_.emplace(context, cells, memory);
}

kernels::WeightSpectrumValues WeightSpectra::of(int64_t cell, const kernels::WeightMoments& moments,
                                                const std::function<void(double)>& progress) {
  kernels::WeightSpectrumValues out{};
  if (moments.flags != 0 || moments.squares == 0) return out;
  const auto [rows, columns] = cells_.matrix(cell);
  if (std::min(rows, columns) == 1) return {std::sqrt(moments.squares), 1.0f};
  const double own = all_ ? 0.1 : 1.0;  // of the time, when both are wanted
  if (largest_) out.largest = largest_->largest(cell, moments.exponent, [&] { progress(0); });
  if (all_)
    out.effectiveRank = all_->effectiveRank(
        cell, moments.exponent, [&](double share) { progress(largest_ ? own + (1 - own) * share : share); });
  progress(1);
  return out;
}

std::vector<std::string> WeightSpectra::notes(const Share& share) const {
  std::vector<std::string> out;
  if (largest_) out = largest_->notes(share);
  if (!all_) return out;
  for (std::string& note : all_->notes(share)) out.push_back(std::move(note));
  return out;
}

}  // namespace divlens
