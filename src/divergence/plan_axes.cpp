#include "divergence/plan_axes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

#include "divergence/plan_tensor.h"
#include "divergence/select.h"
#include "dump/escape.h"
#include "error.h"
#include "suggest.h"

namespace divlens {
namespace {

constexpr const char* kHows = "mean, median, q0.9 (any quantile), min, max, std, sem or count";

struct HowRow {
  Reduce how;
  const char* name;
};
constexpr HowRow kHowTable[] = {
    {Reduce::Mean, "mean"}, {Reduce::Median, "median"}, {Reduce::Quantile, "quantile"}, {Reduce::Min, "min"},
    {Reduce::Max, "max"},   {Reduce::Std, "std"},       {Reduce::Sem, "sem"},           {Reduce::Count, "count"},
};

/// What the options say about one of the cells' leading axes.
struct AxisUse {
  std::optional<std::vector<int64_t>> selected;
  std::optional<Reduce> how;
  double quantile = 0.5;
  bool grouped = false;
  bool free() const { return !how && !grouped; }
  bool single() const { return selected && selected->size() == 1; }
};

void parseHow(const std::string& text, const std::string& option, AxisUse& use) {
  for (const HowRow& row : kHowTable) {
    if (text == row.name && row.how != Reduce::Quantile) use.how = row.how;
  }
  if (!use.how && text.starts_with('q')) {
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), use.quantile);
    const bool number = error == std::errc() && end == text.data() + text.size();
    if (number && use.quantile >= 0 && use.quantile <= 1) use.how = Reduce::Quantile;
  }
  if (use.how) return;
  const std::string guess = didYouMean(text, {"mean", "median", "min", "max", "std", "sem", "count"});
  throw Error(Exit::Usage, fmt::format("--reduce '{}': unknown '{}'{} it is one of {}", escaped(option), escaped(text),
                                       guess.empty() ? ";" : guess, kHows));
}

std::vector<AxisUse> axisUses(const Plan& plan, size_t count, const PlanOptions& options) {
  std::vector<AxisUse> uses(count);
  for (const std::string& text : options.select) {
    const auto [axis, spec] = splitAssignment(text, "--select", "AXIS=SPEC, say layer=0:8 or site=label:Last.");
    const size_t i = axisNamed(plan.cells, count, axis, "--select");
    const std::vector<int64_t> positions = selectedPositions(plan.cells.axes[i], spec, "--select");
    if (!uses[i].selected) uses[i].selected.emplace();
    uses[i].selected->insert(uses[i].selected->end(), positions.begin(), positions.end());
  }
  for (const std::string& text : options.reduce) {
    const auto [axis, how] = splitAssignment(text, "--reduce", fmt::format("AXIS=HOW, where HOW is {}", kHows));
    AxisUse& use = uses[axisNamed(plan.cells, count, axis, "--reduce")];
    if (use.how) throw Error(Exit::Usage, fmt::format("--reduce names axis '{}' twice", escaped(axis)));
    parseHow(how, text, use);
  }
  if (!options.group.empty()) uses[axisNamed(plan.cells, count, options.group, "--group")].grouped = true;
  return uses;
}

/// Rows and columns as indices of leading axes; nothing: that side is synthetic.
struct Shown {
  std::optional<size_t> rows, columns;
};

std::optional<size_t> asked(const Plan& plan, const std::vector<AxisUse>& uses, const std::string& name,
                            const char* option) {
  if (name.empty()) return std::nullopt;
  const size_t i = axisNamed(plan.cells, uses.size(), name, option);
  if (uses[i].free()) return i;
  throw Error(Exit::Usage,
              fmt::format("{} {}: the axis is reduced by {}, so the grid cannot keep it; drop one of the two", option,
                          escaped(name), uses[i].how ? "--reduce" : "--group"));
}

/// The best of `candidates` (ascending): layer, else token, else the last.
std::optional<size_t> preferred(const Plan& plan, const std::vector<size_t>& candidates) {
  for (const char* name : {"layer", "token"}) {
    for (const size_t i : candidates) {
      if (plan.cells.axes[i].name == name) return i;
    }
  }
  return candidates.empty() ? std::nullopt : std::optional(candidates.back());
}

/// Both sides by default: layer × token, else the last two in dump order; `singles` only fill up.
Shown defaultShown(const Plan& plan, std::vector<size_t> candidates, const std::vector<size_t>& singles) {
  const size_t missing = candidates.size() < 2 ? 2 - candidates.size() : 0;
  if (missing >= singles.size()) {
    candidates.insert(candidates.end(), singles.begin(), singles.end());
  } else if (missing == 1) {
    candidates.push_back(singles.back());
  } else if (missing == 2) {  // nothing but single entries: they are as good as any
    candidates = singles;
  }
  std::sort(candidates.begin(), candidates.end());
  const auto named = [&](const char* name) {
    const auto found =
        std::find_if(candidates.begin(), candidates.end(), [&](size_t i) { return plan.cells.axes[i].name == name; });
    return found == candidates.end() ? std::nullopt : std::optional(*found);
  };
  if (named("layer") && named("token")) return {named("layer"), named("token")};
  const size_t n = candidates.size();
  if (n == 0) return {};
  if (n == 1) return {candidates[0], std::nullopt};
  return {candidates[n - 2], candidates[n - 1]};
}

Shown chooseShown(const Plan& plan, const std::vector<AxisUse>& uses, const PlanOptions& options) {
  Shown shown{asked(plan, uses, options.rows, "--rows"), asked(plan, uses, options.columns, "--columns")};
  if (shown.rows && shown.rows == shown.columns) {
    throw Error(Exit::Usage, fmt::format("--rows and --columns both name axis '{}'", escaped(options.rows)));
  }
  if (shown.rows && shown.columns) return shown;
  std::vector<size_t> candidates, singles;
  for (size_t i = 0; i < uses.size(); ++i) {
    if (!uses[i].free() || i == shown.rows || i == shown.columns) continue;
    (uses[i].single() ? singles : candidates).push_back(i);
  }
  if (!shown.rows && !shown.columns) return defaultShown(plan, candidates, singles);
  const std::optional<size_t> other = preferred(plan, candidates.empty() ? singles : candidates);
  (shown.rows ? shown.columns : shown.rows) = other;
  return shown;
}

template <typename T>
std::vector<T> picked(const std::vector<T>& all, const std::vector<int64_t>& positions) {
  std::vector<T> out;
  if (all.empty()) return out;
  out.reserve(positions.size());
  for (const int64_t position : positions) out.push_back(all[static_cast<size_t>(position)]);
  return out;
}

PlanAxis planAxis(const Axis& axis, int64_t stride, const AxisUse& use) {
  PlanAxis out;
  out.name = axis.name;
  out.length = axis.length;
  out.cellStride = stride;
  if (use.selected) {
    out.positions = *use.selected;
  } else {
    out.positions.resize(static_cast<size_t>(axis.length));
    for (int64_t i = 0; i < axis.length; ++i) out.positions[static_cast<size_t>(i)] = i;
  }
  out.labels = picked(axis.labels, out.positions);
  out.groups = picked(axis.groups, out.positions);
  out.coordinates = picked(axis.coordinates, out.positions);
  out.how = use.how.value_or(Reduce::Mean);
  out.asked = use.how.has_value();
  out.quantile = use.quantile;
  return out;
}

PlanAxis syntheticAxis(const char* name) {
  PlanAxis out;
  out.name = name;
  out.positions = {0};
  out.labels = {name};
  out.length = 1;
  out.synthetic = true;
  return out;
}

std::vector<PlanPanel> groupPanels(const Plan& plan, const PlanAxis& axis) {
  const Axis& source = plan.cells.axes[static_cast<size_t>(plan.cells.axisIndex(axis.name))];
  if (source.groups.empty()) {
    throw Error(Exit::Usage, fmt::format("--group {}: the dump has no groups for this axis; they belong in its divlens "
                                         "metadata under \"groups\"",
                                         escaped(axis.name)));
  }
  std::vector<PlanPanel> panels;
  for (size_t i = 0; i < axis.positions.size(); ++i) {
    const std::string& group = source.groups[static_cast<size_t>(axis.positions[i])];
    auto panel = std::find_if(panels.begin(), panels.end(), [&](const PlanPanel& p) { return p.label == group; });
    if (panel == panels.end()) panel = panels.insert(panels.end(), PlanPanel{group, {}});
    panel->entries.push_back(i);
  }
  return panels;
}

}  // namespace

const char* name(Reduce how) {
  const auto* row =
      std::find_if(std::begin(kHowTable), std::end(kHowTable), [&](const HowRow& r) { return r.how == how; });
  return row->name;
}

void placeAxes(Plan& plan, const PlanOptions& options) {
  const size_t count = leadingAxes(plan.cells, plan.kind);
  const std::vector<AxisUse> uses = axisUses(plan, count, options);
  const Shown shown = chooseShown(plan, uses, options);
  const std::vector<int64_t> strides = leadingStrides(plan.cells, count);
  plan.rows = syntheticAxis("cell");
  plan.columns = syntheticAxis("value");
  for (size_t i = 0; i < count; ++i) {
    PlanAxis axis = planAxis(plan.cells.axes[i], strides[i], uses[i]);
    if (i == shown.rows) {
      plan.rows = std::move(axis);
    } else if (i == shown.columns) {
      plan.columns = std::move(axis);
    } else {
      if (uses[i].grouped) plan.groupAxis = static_cast<int>(plan.reduced.size());
      plan.reduced.push_back(std::move(axis));
    }
  }
  plan.panels = {PlanPanel{}};
  if (plan.groupAxis >= 0) plan.panels = groupPanels(plan, plan.reduced[static_cast<size_t>(plan.groupAxis)]);
}

}  // namespace divlens
