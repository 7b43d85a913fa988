// What `divlens info` finds out, for people and programs alike.
#include "app/info_facts.h"

#include <fmt/format.h>

#include <algorithm>

#include "dump/stack.h"

namespace divlens {
namespace {

/// Weights have no metric of their own accord: the plan is shown all the same, without one.
bool lacksStatistic(const Dump& dump, const std::string& tensor, const PlanOptions& options) {
  if (!options.metrics.empty()) return false;
  const std::string name = !tensor.empty() ? tensor : !options.tensor.empty() ? options.tensor : dump.preferred;
  const Tensor* cells = dump.tensors.size() == 1 && name.empty() ? &dump.tensors.front() : dump.find(name);
  return cells != nullptr && cells->kind == Kind::Weights;
}

}  // namespace

Described describe(const Tensor& tensor) {
  Described out{tensor, tensor.axes.empty() ? "" : "file"};
  if (!tensor.axes.empty() || !info(tensor.dtype).floating) return out;
  try {
    nameAxes(out.tensor, {}, std::nullopt);
    out.namedBy = "guess";
  } catch (const Error&) {
    out.tensor = tensor;  // the plan says why where it matters
  }
  return out;
}

uint64_t tensorBytes(const Tensor& tensor) {
  if (tensor.kind != Kind::Weights || !tensor.stack)
    return tensor.dtype == DType::Unsupported ? tensor.unreadBytes
                                              : static_cast<uint64_t>(tensor.elements()) * info(tensor.dtype).bytes;
  uint64_t bytes = 0;
  for (const Tensor& part : tensor.stack->parts) bytes += tensorBytes(part);
  return bytes;
}

PlanOrError tryPlan(const Dump& dump, const std::string& tensor, const PlanOptions& options) {
  PlanOrError out;
  try {
    PlanOptions wanted = options;
    const bool lacks = lacksStatistic(dump, tensor, options);
    if (lacks) wanted.metrics = {"rms"};
    out.plan = makePlan(dump, tensor, wanted);
    if (lacks) out.plan->metrics.clear();
  } catch (const Error& error) {
    out.error = error.what();
    out.code = error.code();
  }
  return out;
}

std::vector<GroupCount> groupCounts(const Axis& axis) {
  std::vector<GroupCount> out;
  for (const std::string& group : axis.groups) {
    const auto found = std::find_if(out.begin(), out.end(), [&](const GroupCount& each) { return each.name == group; });
    if (found == out.end()) {
      out.push_back({group, 1});
    } else {
      ++found->entries;
    }
  }
  return out;
}

std::string howText(const PlanAxis& axis) {
  return axis.how == Reduce::Quantile ? fmt::format("q{}", axis.quantile) : name(axis.how);
}

}  // namespace divlens
