#pragma once
#include "divergence/plan.h"

namespace divlens {

/// Entries of a list at most.
inline constexpr int64_t kLongestList = 30000;

/// How what a list leaves open bounds a metric from below (kernels::kClosest …); nothing where there is no such bound.
std::optional<uint32_t> boundOf(const Metric& metric);
/// Checks a plan over lists (kind topk): metrics and options that have a sound bound, and its reference. Error(Usage)
/// names those that have none.
void checkLists(const Plan& plan, const PlanOptions& options);
/// The tensor of the ids of `lists`, which the metadata name, or the only integer tensor of the same shape, said aloud;
/// Error(BadInput) where there is none.
Tensor idsOf(const Dump& dump, const Tensor& lists, std::vector<std::string>& notes);

/// One row of a list in double precision, sorted by id; what is listed twice, or has an id below 0, makes it bad.
struct ListRow {
  std::vector<int64_t> ids;
  std::vector<double> logs;
  bool bad = false;
};
/// Some rows of a list; entries of −∞ with an id below 0 are padding and left out.
std::vector<ListRow> readLists(const Tensor& lists, const Tensor& ids, std::span<const int64_t> rows);
/// Half of the distance between neighbouring numbers of the type, relative to them: 2^-11 for F16.
double roundoff(DType dtype);

}  // namespace divlens
