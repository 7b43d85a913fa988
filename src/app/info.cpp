#include "app/info.h"

#include <fmt/format.h>

#include <set>

#include "app/info_facts.h"
#include "divergence/metrics.h"
#include "dump/escape.h"
#include "dump/stack.h"
#include "suggest.h"

namespace divlens {
namespace {

constexpr size_t kShownLabels = 4;
constexpr size_t kShownBeside = 8;  // tensors beside a stack

/// Where tensors lie that stand side by side in a stack, which are not listed a second time.
class Stacked {
 public:
  explicit Stacked(const Dump& dump) {
    for (const Tensor& tensor : dump.tensors) add(tensor);
  }
  bool empty() const { return places_.empty(); }
  bool has(const Tensor& tensor) const {
    return !tensor.stack && places_.contains({tensor.source.get(), tensor.offset});
  }

 private:
  void add(const Tensor& tensor) {
    if (!tensor.stack) return;
    for (const Tensor& part : tensor.stack->parts) {
      places_.insert({part.source.get(), part.offset});
      add(part);
    }
  }
  std::set<std::pair<const ByteSource*, uint64_t>> places_;
};

/// "252 tensors by the preset llama, 3 holes".
std::string stackText(const TensorStack& stack) {
  std::vector<std::string> patterns;
  for (const std::string& pattern : stack.patterns) patterns.push_back(escaped(pattern));
  const std::string by = stack.preset.empty() ? "" : fmt::format(" by the preset {}", stack.preset);
  const std::string names = patterns.empty() ? "" : ": " + listed(patterns);
  const std::string holes = stack.holes > 0 ? fmt::format(", {} holes", stack.holes) : "";
  return fmt::format("{} tensors{}{}{}", stack.parts.size(), holes, by, names);
}

std::string dtypeText(const Tensor& tensor) {
  return tensor.dtype == DType::Unsupported ? tensor.dtypeName + " (cannot be read)" : info(tensor.dtype).name;
}

/// "emb 3 6 … 30"; empty without labels.
std::string labelsText(const Axis& axis) {
  std::string out;
  const size_t count = axis.labels.size();
  for (size_t i = 0; i < count; ++i) {
    if (count > kShownLabels + 1 && i == kShownLabels - 1) {
      out += " …";
      i = count - 1;
    }
    out += (out.empty() ? "" : " ") + escaped(axis.labels[i], 24);
  }
  return out;
}

std::string axisLines(const Axis& axis) {
  std::string out;
  const std::string name = escaped(axis.name);
  if (!axis.labels.empty()) out += fmt::format("      {}: {}\n", name, labelsText(axis));
  if (!axis.coordinates.empty()) {
    out += fmt::format("      {} at {:g} … {:g}\n", name, axis.coordinates.front(), axis.coordinates.back());
  }
  if (!axis.groups.empty()) {
    std::vector<std::string> parts;
    for (const GroupCount& group : groupCounts(axis))
      parts.push_back(fmt::format("{} ({})", escaped(group.name, 40), group.entries));
    out += fmt::format("      {} in groups: {}\n", name, listed(parts));
  }
  return out;
}

std::string tensorLines(const Tensor& tensor) {
  const auto [named, by] = describe(tensor);
  std::vector<std::string> axes;
  for (size_t i = 0; i < named.shape.size(); ++i) {
    axes.push_back(named.axes.empty() ? fmt::format("{}", named.shape[i])
                                      : fmt::format("{} {}", escaped(named.axes[i].name, 40), named.shape[i]));
  }
  std::string joined;
  for (const std::string& axis : axes) joined += (joined.empty() ? "" : ", ") + axis;
  std::string out = fmt::format("    {} [{}] {}", escaped(tensor.name, 60), joined, escaped(dtypeText(tensor), 40));
  if (named.kind != Kind::Unknown) out += fmt::format(", {}", name(named.kind));
  out += fmt::format(", {}{}\n", humanBytes(tensorBytes(tensor)), by == "guess" ? " (axes guessed)" : "");
  if (tensor.stack) out += fmt::format("      {}\n", stackText(*tensor.stack));
  for (const Axis& axis : named.axes) out += axisLines(axis);
  return out;
}

std::string tensorsLines(const Dump& dump) {
  const Stacked stacked(dump);
  std::string out = "  tensors:\n";
  size_t parts = 0, beside = 0, left = 0;
  for (const Tensor& each : dump.tensors) {
    if (stacked.has(each))
      ++parts;
    else if (each.stack || stacked.empty() || ++beside <= kShownBeside)
      out += tensorLines(each);
    else
      ++left;
  }
  if (parts + left > 0) {
    out +=
        fmt::format("    and {} more, {} of which stand side by side above (--json lists all)\n", parts + left, parts);
  }
  return out;
}

std::string axisText(const PlanAxis& axis) {
  return fmt::format("{} ({})", escaped(axis.name, 40), axis.positions.size());
}

std::string metricsText(const Plan& plan) {
  std::string out;
  for (const MetricUse& use : plan.metrics) {
    const std::string unit = plan.unitOf(*use.metric);
    out += (out.empty() ? "" : ", ") + use.text + (unit.empty() ? "" : fmt::format(" ({})", unit));
  }
  if (!out.empty()) return out;
  if (plan.kind != Kind::Weights) return "none: the cells as they are";
  std::vector<std::string> names;
  for (const Metric& metric : statistics()) names.emplace_back(metric.name);
  return "to be chosen with --metric: " + listed(names);
}

std::string planLines(const Plan& plan) {
  std::string out = fmt::format("  plan: {} × {} of tensor {}\n", axisText(plan.rows), axisText(plan.columns),
                                escaped(plan.cells.name, 60));
  for (const PlanAxis& axis : plan.reduced)
    out += fmt::format("    reduced: {} by {}\n", axisText(axis), howText(axis));
  for (const PlanPanel& panel : plan.panels) {
    if (plan.groupAxis >= 0) out += fmt::format("    panel: {} ({})\n", escaped(panel.label, 60), panel.entries.size());
  }
  out += fmt::format("    metric: {}\n", metricsText(plan));
  if (plan.reference.kind != ReferenceKind::None) {
    out += fmt::format("    reference: {} ({})\n", escaped(plan.reference.text), escaped(plan.reference.label));
  }
  out += fmt::format("    reads: {}\n", humanBytes(bytesToRead(plan)));
  for (const std::string& note : plan.notes) out += fmt::format("    note: {}\n", note);
  return out;
}

}  // namespace

std::string humanBytes(uint64_t bytes) {
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  return fmt::format("{:.{}f} {}", value, value < 10 ? 1 : 0, kUnits[unit]);
}

std::string describeDump(const Dump& dump, const std::string& tensor, const PlanOptions& options) {
  std::string out = fmt::format("{}: {}, {}\n", escapedPath(dump.path), dump.format, humanBytes(dump.bytes));
  if (!dump.title.empty()) out += fmt::format("  title: {}\n", escaped(dump.title, 200));
  if (!dump.source.empty()) out += fmt::format("  source: {}\n", escaped(dump.source, 200));
  out += tensorsLines(dump);
  const PlanOrError planned = tryPlan(dump, tensor, options);
  out += planned.plan ? planLines(*planned.plan) : fmt::format("  no plan: {}\n", planned.error);
  for (const std::string& note : dump.notes) out += fmt::format("  note: {}\n", note);
  for (const std::string& warning : dump.warnings) out += fmt::format("  warning: {}\n", warning);
  return out;
}

InfoText runInfo(const Settings& settings) {
  std::vector<Dump> dumps;
  std::vector<std::string> tensors;
  std::vector<std::string> failures;
  InfoText out;
  for (const std::string& text : settings.dumps) {
    const DumpName dumpName = splitDumpName(text);
    try {
      dumps.push_back(openDump(dumpName.path, settings.plan.open));
      tensors.push_back(dumpName.tensor);
    } catch (const Error& error) {
      failures.emplace_back(error.what());
      if (!out.error) out.error = error;
    }
  }
  if (failures.size() > 1) out.error.emplace(out.error->code(), fmt::format("{}", fmt::join(failures, "; ")));
  if (dumps.empty()) return out;
  if (settings.json) {
    out.text = describeDumpsJson(dumps, tensors, settings.plan);
    return out;
  }
  for (size_t i = 0; i < dumps.size(); ++i)
    out.text += (i == 0 ? "" : "\n") + describeDump(dumps[i], tensors[i], settings.plan);
  return out;
}

}  // namespace divlens
