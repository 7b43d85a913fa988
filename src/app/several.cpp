#include "app/several.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <map>
#include <memory>

#include "app/writers.h"
#include "divergence/plan_tensor.h"
#include "dump/escape.h"
#include "error.h"
#include "shaders/kernels.h"
#include "suggest.h"

namespace divlens {
namespace {

bool masked(float v) { return std::bit_cast<uint32_t>(v) == kernels::kMaskedBits; }

/// Names of the dumps in panels: their files' without the suffix, with it where those are alike, or else numbered: a
/// figure shows no folders.
std::vector<std::string> dumpNames(const std::vector<std::string>& dumps) {
  std::vector<std::string> stems, files;
  for (const std::string& dump : dumps) {
    std::filesystem::path path = splitDumpName(dump).path;
    if (!path.has_filename()) path = path.parent_path();
    stems.push_back(path.stem().string());
    files.push_back(path.filename().string());
  }
  const auto alike = [](const std::vector<std::string>& names, const std::string& name) {
    return std::count(names.begin(), names.end(), name) > 1;
  };
  const auto differ = [&](const std::vector<std::string>& names) {
    return std::none_of(names.begin(), names.end(), [&](const std::string& name) { return alike(names, name); });
  };
  if (differ(stems)) return stems;
  std::vector<std::string> names = differ(files) ? files : stems;
  std::map<std::string, int> seen;
  for (std::string& name : names)
    if (alike(stems, name)) name += fmt::format(" ({})", ++seen[name]);
  return names;
}

/// The dump of --minus; none where it names no dump.
std::optional<size_t> minusOf(const Settings& settings, const std::vector<std::string>& names) {
  const auto found = std::find(names.begin(), names.end(), settings.plan.minus);
  return found == names.end() ? std::nullopt : std::optional(size_t(found - names.begin()));
}

/// Says where the labels of an axis part; empty where they agree, or one side has none.
std::string labelsDiffer(const PlanAxis& a, const PlanAxis& b) {
  if (a.labels.empty() || b.labels.empty()) return "";
  for (size_t i = 0; i < a.labels.size(); ++i)
    if (a.labels[i] != b.labels[i])
      return fmt::format("its {} {} is '{}', the first dump's '{}'", escaped(a.name), i, escaped(b.labels[i]),
                         escaped(a.labels[i]));
  return "";
}

/// Error(Usage) where the grids do not fit on each other; a warning where only the labels of panels side by side
/// differ.
void checkShape(const Plan& plan, const Plan& other, const std::string& name, bool subtracted,
                const Settings& settings) {
  const auto check = [&](const PlanAxis& a, const PlanAxis& b) {
    if (a.name != b.name || a.positions.size() != b.positions.size())
      throw Error(
          Exit::BadInput,
          fmt::format(
              "{}: its grid has {} entries of {}, the first dump's has {} of {} (tensors [{}] and [{}]); choose "
              "axes and entries that both have with --rows, --columns and --select",
              escapedPath(name), b.positions.size(), b.name, a.positions.size(), a.name, axesText(other.cells),
              axesText(plan.cells)));
    const std::string where = labelsDiffer(a, b);
    if (where.empty()) return;
    if (subtracted)
      throw Error(Exit::Usage,
                  fmt::format("--minus: {}: {}; unlike cells are not subtracted", escapedPath(name), where));
    say(settings, fmt::format("warning: {}: {}; the figure shows the first dump's labels", escapedPath(name), where));
  };
  check(plan.rows, other.rows);
  check(plan.columns, other.columns);
}

/// A dump's panels of one metric (all, where there are none), by their numbers.
std::vector<size_t> panelsOf(const Session& session, size_t metric) {
  std::vector<size_t> out;
  for (size_t i = 0; i < session.result->panels.size(); ++i) {
    const MetricUse* use = session.result->panels[i].metric;
    if (!use || use == &session.plan.metrics[metric]) out.push_back(i);
  }
  return out;
}

std::string joinedLabel(const std::string& name, const std::string& group) {
  return group.empty() ? name : name + "/" + group;
}

std::vector<float> difference(const Session& a, size_t panelA, const Session& b, size_t panelB) {
  std::vector<float> cells = a.result->grid.read(*a.context, int64_t(panelA));
  const std::vector<float> less = b.result->grid.read(*b.context, int64_t(panelB));
  for (size_t i = 0; i < cells.size(); ++i)
    if (!masked(cells[i])) cells[i] = masked(less[i]) ? less[i] : cells[i] - less[i];
  return cells;
}

/// Panels of several sessions, metric by metric: each dump's, then what the others differ by from the one of --minus.
struct Gathered {
  PanelGrids grids;
  std::vector<ResultPanel> panels;
};

Gathered gather(const std::vector<Session*>& sessions, const std::vector<std::string>& names,
                std::optional<size_t> minus) {
  const Session& first = *sessions.front();
  const int64_t rows = first.result->grid.rows(), columns = first.result->grid.columns();
  const auto none = [&] { return Grid(*first.context, 0, rows, columns); };
  Gathered out{{none(), {}, {}}, {}};
  if (first.result->lower) out.grids.lower = none(), out.grids.upper = none();
  for (size_t metric = 0; metric < std::max<size_t>(1, first.plan.metrics.size()); ++metric) {
    std::vector<std::pair<ResultPanel, std::vector<float>>> differences;
    for (size_t i = 0; minus && i < sessions.size(); ++i) {
      if (i == *minus) continue;
      const std::vector<size_t> from = panelsOf(*sessions[i], metric), less = panelsOf(*sessions[*minus], metric);
      if (from.size() != less.size())
        throw Error(Exit::Usage, "--minus: the dumps have different groups; leave --group out");
      for (size_t p = 0; p < from.size(); ++p) {
        ResultPanel panel = sessions[i]->result->panels[from[p]];
        panel.group = joinedLabel(names[i] + " − " + names[*minus], panel.group);
        panel.minus = less[p];
        differences.emplace_back(panel, difference(*sessions[i], from[p], *sessions[*minus], less[p]));
      }
    }
    const auto add = [&](ResultPanel panel) {
      if (panel.metric) panel.metric = &first.plan.metrics[metric];
      out.panels.push_back(std::move(panel));
    };
    for (size_t i = 0; i < sessions.size(); ++i)
      for (const size_t number : panelsOf(*sessions[i], metric)) {
        Result& result = *sessions[i]->result;
        out.grids.grid.take(result.grid, int64_t(number));
        if (out.grids.lower) {
          out.grids.lower->take(*result.lower, int64_t(number));
          out.grids.upper->take(*result.upper, int64_t(number));
        }
        ResultPanel panel = result.panels[number];
        panel.dump = i;
        panel.group = joinedLabel(names[i], panel.group);
        add(panel);
      }
    for (auto& [panel, cells] : differences) {
      out.grids.grid.add(*first.context, cells);
      add(panel);
    }
  }
  return out;
}

/// With --verify: cells of every dump, which count together as the first one's.
void verifyEach(const std::vector<Session*>& sessions, const std::vector<std::string>& names,
                const Settings& settings) {
  if (settings.verify == 0) return;
  for (size_t i = 0; i < sessions.size(); ++i)
    verifyCells(*sessions[i], readCells(*sessions[i], sessions[i]->result->grid), settings, names[i]);
  Verification& all = *sessions.front()->verification;
  for (size_t i = 1; i < sessions.size(); ++i) {
    const Verification& one = *sessions[i]->verification;
    all.values += one.values;
    all.largest = std::max(all.largest, one.largest);
  }
}

}  // namespace

Settings settingsOfEach(const Settings& settings) {
  Settings own = settings;
  if (settings.dumps.size() == 1) return own;
  const std::vector<std::string> names = dumpNames(settings.dumps);
  if (minusOf(settings, names)) {
    own.plan.minus.clear();
    if (settings.plan.confidence > 0)
      throw Error(
          Exit::Usage,
          "--ci: differences of dumps have no interval; leave --minus or --ci out, or make the dumps groups of "
          "one: put them into a folder as run_a, run_b … and pass FOLDER --stack 'run_{run}.safetensors' --group "
          "run --groups FILE --minus GROUP, where FILE lists 'run,group' and 'a,GROUP' …");
  } else if (!settings.plan.minus.empty() && settings.plan.group.empty()) {
    throw Error(Exit::Usage, fmt::format("--minus {}: no such dump{}; there are {}", escaped(settings.plan.minus),
                                         didYouMean(settings.plan.minus, names), listed(names)));
  }
  return own;
}

std::vector<std::unique_ptr<Session>> planOthers(Session& session, const Settings& settings) {
  std::vector<std::unique_ptr<Session>> others;
  const bool subtracted = minusOf(settings, dumpNames(settings.dumps)).has_value();
  Settings next = settingsOfEach(settings);
  for (size_t i = 1; i < settings.dumps.size(); ++i) {
    next.dumps = {settings.dumps[i]};
    Session& other = *others.emplace_back(std::make_unique<Session>());
    planSession(other, next);
    checkShape(session.plan, other.plan, settings.dumps[i], subtracted, settings);
    session.plan.inputs.insert(session.plan.inputs.end(), other.plan.inputs.begin(), other.plan.inputs.end());
    session.otherDumps.push_back(other.dump.path);
  }
  return others;
}

void joinOthers(Session& session, const std::vector<std::unique_ptr<Session>>& others, const Settings& settings,
                const EvaluateOptions& options) {
  if (others.empty()) return;
  Settings next = settingsOfEach(settings);
  std::vector<Session*> sessions = {&session};
  for (size_t i = 0; i < others.size(); ++i) {
    next.dumps = {settings.dumps[i + 1]};
    others[i]->context = session.context;
    evaluateSession(*others[i], next, options);
    sessions.push_back(others[i].get());
  }
  const std::vector<std::string> names = dumpNames(settings.dumps);
  verifyEach(sessions, names, settings);
  Gathered gathered = gather(sessions, names, minusOf(settings, names));
  Result& result = *session.result;
  result.panels = std::move(gathered.panels);
  static_cast<PanelGrids&>(result) = std::move(gathered.grids);
  for (const auto& other : others) {
    result.cells += other->result->cells;
    result.counts.nans += other->result->counts.nans;
    result.counts.infinities += other->result->counts.infinities;
    result.largestRest = std::max(result.largestRest, other->result->largestRest);
  }
  session.dump.title.clear();  // the first dump's says nothing about the others
}

void openSessions(Session& session, const Settings& settings) {
  openSession(session, settingsOfEach(settings));
  joinOthers(session, planOthers(session, settings), settings, {.cancel = &interruptFlag(), .preview = {}});
}

}  // namespace divlens
