#include "app/describe.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "app/info_facts.h"
#include "app/repeat.h"
#include "app/view_options.h"

namespace divlens {
namespace {

std::string fileName(const std::string& path) { return std::filesystem::path(path).filename().string(); }

bool usesReference(const Plan& plan) {
  return std::any_of(plan.metrics.begin(), plan.metrics.end(),
                     [](const MetricUse& m) { return m.metric->needs != Needs::Nothing; });
}

/// "mean over example (48)" for each reduced axis with more than one entry.
std::string reductionText(const Plan& plan) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < plan.reduced.size(); ++i) {
    const PlanAxis& axis = plan.reduced[i];
    const size_t count = axis.positions.size();
    if (int(i) == plan.groupAxis)
      parts.push_back(fmt::format("{} over {} by group", howText(axis), axis.name));
    else if (count > 1)
      parts.push_back(fmt::format("{} over {} ({})", howText(axis), axis.name, count));
    else
      parts.push_back(fmt::format("{} {}", axis.name, axis.label(0)));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

/// The statistic in front of the metric's symbol on the colour bar: "mean ".
std::string statisticPrefix(const Plan& plan) {
  if (plan.meansFirst) return "";
  for (const PlanAxis& axis : plan.reduced)
    if (axis.positions.size() > 1) return howText(axis) + " ";
  return "";
}

/// Words of the command with directories taken from paths: what a reviewer may see.
std::string anonymousCommand(const Settings& settings) {
  std::vector<std::string> words = wordsWithoutFolders(settings.arguments);
  words.insert(words.begin(), "divlens");
  return shellLine(words);
}

}  // namespace

std::string panelLabel(const Session& session, size_t panel) {
  const Plan& plan = session.plan;
  const ResultPanel& result = session.result->panels[panel];
  const std::string& group = result.group;
  if (plan.metrics.size() < 2) return group;
  return group.empty() ? result.metric->shown() : result.metric->shown() + "/" + group;
}

std::string directionText(const Plan& plan, const Metric& metric) {
  if (metric.direction != Direction::Directed) return "";
  const bool reversed = std::string_view(metric.name) == "kl-reverse";
  const std::string mean = plan.meansFirst ? "mean " : "";
  const std::string p = mean + plan.reference.label, q = mean + "cell";
  return fmt::format("{}({} ‖ {})", metric.symbol, reversed ? q : p, reversed ? p : q);
}

std::string colorbarLabel(const Session& session, const MetricUse* only) {
  const Plan& plan = session.plan;
  if (plan.metrics.empty()) return statisticPrefix(plan).empty() ? "value" : statisticPrefix(plan) + "value";
  std::vector<std::string> parts;
  for (const MetricUse& use : plan.metrics) {
    if (only && only != &use) continue;
    const std::string directed = directionText(plan, *use.metric);
    const std::string symbol = directed.empty() ? use.metric->symbol : directed;
    const std::string unit = plan.unitOf(*use.metric);
    const char* bound = plan.kind == Kind::TopK ? ", lower bound" : "";
    parts.push_back(unit.empty() ? symbol + bound : fmt::format("{}{}, {}", symbol, bound, unit));
  }
  parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
  return statisticPrefix(plan) + fmt::format("{}", fmt::join(parts, "; "));
}

std::string parameterLine(const Session& session, const PlanOptions& options) {
  const Plan& plan = session.plan;
  std::vector<std::string> parts;
  for (const MetricUse& use : plan.metrics)
    parts.push_back(use.metric->tool
                        ? fmt::format("{} as {} has it: {}", use.shown(), use.metric->tool, use.metric->difference)
                        : use.shown());
  if (usesReference(plan)) parts.push_back("reference " + plan.reference.label);
  if (plan.kind == Kind::TopK)
    parts.push_back(fmt::format("lower bound from {} entries of each row", plan.cells.shape.back()));
  if (plan.lens)
    parts.push_back((plan.lens->translators.empty() ? "lens " : "tuned lens of ") + fileName(plan.lens->text));
  if (plan.temperature != 1) parts.push_back(fmt::format("T = {}", plan.temperature));
  if (plan.kind != Kind::Scalar && plan.vocab > 0 && plan.vocab != plan.entriesOf(plan.cells))
    parts.push_back(fmt::format("first {} entries", plan.vocab));
  if (!plan.allowedBits.empty()) parts.push_back(fmt::format("{} entries of a mask", plan.allowed));
  const std::string reduction = reductionText(plan);
  if (!reduction.empty()) parts.push_back((plan.meansFirst ? "of distributions: " : "") + reduction);
  if (!options.onset.empty())
    parts.push_back(fmt::format("line: first layer of {} {}", options.onset,
                                options.persist > 0 ? fmt::format("for {} layers", options.persist) : "to the end"));
  if (plan.minus) parts.push_back("less " + plan.panels[*plan.minus].label);
  std::string files = fileName(session.dump.path) + (session.dump.tensors.size() > 1 ? ":" + plan.cells.name : "");
  for (const std::string& path : session.otherDumps) files += ", " + fileName(path);
  parts.push_back(files);
  parts.push_back("divlens " DIVLENS_VERSION);
  return fmt::format("{}", fmt::join(parts, " · "));
}

std::vector<std::pair<std::string, std::string>> pictureMetadata(const Session& session, const Settings& settings) {
  const Plan& plan = session.plan;
  std::vector<std::string> metrics, formulas, directions;
  for (const MetricUse& use : plan.metrics) {
    metrics.push_back(use.shown());
    formulas.emplace_back(use.metric->formula);
    const std::string direction = directionText(plan, *use.metric);
    directions.push_back(direction.empty() ? (use.metric->direction == Direction::Symmetric ? "symmetric" : "none")
                                           : direction);
  }
  const std::string title = settings.figure.title.value_or(session.dump.title);
  std::vector<std::pair<std::string, std::string>> out;
  if (!title.empty()) out.emplace_back("Title", title);
  out.emplace_back("Software", "divlens " DIVLENS_VERSION);
  out.emplace_back("version", DIVLENS_VERSION);
  if (!metrics.empty()) {
    out.emplace_back("metric", fmt::format("{}", fmt::join(metrics, ", ")));
    out.emplace_back("formula", fmt::format("{}", fmt::join(formulas, "; ")));
    out.emplace_back("direction", fmt::format("{}", fmt::join(directions, ", ")));
    if (plan.metrics.front().metric->tool) {
      out.emplace_back("convention", plan.metrics.front().metric->tool);
      out.emplace_back("difference", plan.metrics.front().metric->difference);
    }
    out.emplace_back("base", settings.plan.base.empty() ? "e" : settings.plan.base);
    out.emplace_back("unit", plan.unit);
    if (plan.kind == Kind::TopK) out.emplace_back("bound", "lower");
  }
  if (usesReference(plan))
    out.emplace_back("reference", plan.reference.kind == ReferenceKind::None ? "none" : fileName(plan.reference.text));
  out.emplace_back("rows", plan.rows.name);
  out.emplace_back("columns", plan.columns.name);
  const std::string reduction = reductionText(plan);
  if (!reduction.empty()) out.emplace_back("reduced", reduction);
  out.emplace_back("command", anonymousCommand(settings));
  return out;
}

}  // namespace divlens
