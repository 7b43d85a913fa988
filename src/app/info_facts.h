#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "divergence/plan.h"
#include "dump/dump.h"
#include "error.h"

namespace divlens {

/// A tensor with the axes that a plan would give it, or why it gets none.
struct Described {
  Tensor tensor;
  std::string namedBy;  ///< "file", "guess" or ""
};

Described describe(const Tensor& tensor);
/// Bytes in the file, of all parts where tensors stand side by side.
uint64_t tensorBytes(const Tensor& tensor);

/// The plan that these options make, or the error that they give.
struct PlanOrError {
  std::optional<Plan> plan;
  std::string error;
  Exit code = Exit::Done;
};

/// `tensor` is the one that PATH:TENSOR names, or empty.
PlanOrError tryPlan(const Dump& dump, const std::string& tensor, const PlanOptions& options);

struct GroupCount {
  std::string name;
  size_t entries;
};

/// Groups of an axis in the order of first appearance.
std::vector<GroupCount> groupCounts(const Axis& axis);
/// "mean", "q0.9": how an axis is reduced.
std::string howText(const PlanAxis& axis);

}  // namespace divlens
