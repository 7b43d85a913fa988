#include "app/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "app/session.h"
#include "app/tokens.h"
#include "divergence/exact.h"
#include "divergence/select.h"
#include "dump/escape.h"
#include "error.h"
#include "suggest.h"

namespace divlens {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// The axes that lead to a cell: rows, columns, then the reduced ones.
std::vector<const PlanAxis*> axesOf(const Plan& plan) {
  std::vector<const PlanAxis*> axes = {&plan.rows, &plan.columns};
  for (const PlanAxis& axis : plan.reduced) axes.push_back(&axis);
  return axes;
}

const MetricUse& metricOf(const Plan& plan) {
  if (plan.metrics.empty())
    throw Error(Exit::Usage, fmt::format("tensor '{}' is a scalar table: its cells are numbers and have no parts",
                                         escaped(plan.cells.name)));
  if (plan.kind == Kind::TopK)
    throw Error(Exit::Usage,
                fmt::format("tensor '{}' holds {} entries of each row (kind topk): its cells are lower bounds, "
                            "which have no parts; explain whole rows",
                            escaped(plan.cells.name), plan.cells.shape.back()));
  if (plan.metrics.size() > 1) throw Error(Exit::Usage, "divlens explain takes one --metric");
  const MetricUse& use = plan.metrics.front();
  if (hasTerms(*use.metric)) return use;
  if (use.metric->tool)
    throw Error(Exit::Usage,
                fmt::format("divlens explain takes apart metrics by their own definitions, and this one is "
                            "{}'s; drop --convention",
                            use.metric->tool));
  throw Error(Exit::Usage,
              fmt::format("metric '{}' is no sum of terms ≥ 0 by vocabulary entry, so that its cells cannot "
                          "be taken apart; these can: {}",
                          use.text, listed(metricsWithTerms())));
}

/// Index into the axis's positions of the one entry that `spec` names.
size_t indexOn(const Plan& plan, const PlanAxis& axis, const std::string& spec) {
  const std::vector<int64_t> positions =
      selectedPositions(plan.cells.axes.at(size_t(plan.cells.axisIndex(axis.name))), spec, "--at");
  const bool one = std::all_of(positions.begin(), positions.end(), [&](int64_t p) { return p == positions[0]; });
  if (!one)
    throw Error(Exit::Usage, fmt::format("--at {}={}: it must name one entry, and it names {}; pass a position",
                                         escaped(axis.name), escaped(spec), positions.size()));
  const auto found = std::find(axis.positions.begin(), axis.positions.end(), positions[0]);
  if (found != axis.positions.end()) return size_t(found - axis.positions.begin());
  throw Error(Exit::Usage,
              fmt::format("--at {}={}: --select leaves that entry out", escaped(axis.name), escaped(spec)));
}

using Fixed = std::vector<std::optional<size_t>>;  // one for each of axesOf

Fixed fixedAxes(const Plan& plan, const std::vector<std::string>& at) {
  const std::vector<const PlanAxis*> axes = axesOf(plan);
  Fixed fixed(axes.size());
  for (const std::string& text : at) {
    const auto [name, spec] = splitAssignment(text, "--at", "AXIS=SPEC");
    axisNamed(plan.cells, plan.cells.axes.size() - 1, name, "--at");
    for (size_t i = 0; i < axes.size(); ++i) {
      if (axes[i]->synthetic || axes[i]->name != name) continue;
      if (fixed[i]) throw Error(Exit::Usage, fmt::format("--at: axis '{}' is fixed twice", escaped(name)));
      fixed[i] = indexOn(plan, *axes[i], spec);
    }
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i]->positions.size() == 1) fixed[i] = 0;
    if (fixed[i]) continue;
    if (i < 2)
      throw Error(Exit::Usage, fmt::format("say which cell: --at {0}=SPEC is missing (a position from 0 to {1}, or a "
                                           "label)",
                                           escaped(axes[i]->name), axes[i]->length - 1));
    if (axes[i]->how != Reduce::Mean)
      throw Error(Exit::Usage, fmt::format("axis '{0}' is reduced by {1}, which terms do not sum to; fix it with --at "
                                           "{0}=SPEC, or reduce it by mean",
                                           escaped(axes[i]->name), name(axes[i]->how)));
  }
  if (plan.groupAxis >= 0 && !fixed[2 + size_t(plan.groupAxis)])
    throw Error(Exit::Usage, fmt::format("divlens explain knows no --group: keep one with --select {}=group:NAME",
                                         escaped(plan.reduced[size_t(plan.groupAxis)].name)));
  return fixed;
}

/// All combinations of the entries that are not fixed.
std::vector<EntryIndex> entriesOf(const Plan& plan, const Fixed& fixed) {
  std::vector<EntryIndex> out = {{*fixed[0], *fixed[1], {}}};
  for (size_t axis = 0; axis < plan.reduced.size(); ++axis) {
    std::vector<EntryIndex> next;
    const std::optional<size_t>& one = fixed[2 + axis];
    for (const EntryIndex& entry : out)
      for (size_t i = one.value_or(0); i < (one ? *one + 1 : plan.reduced[axis].positions.size()); ++i) {
        next.push_back(entry);
        next.back().reduced.push_back(i);
      }
    out = std::move(next);
  }
  return out;
}

/// Sums over the values that a cell is the mean of.
struct Sums {
  std::vector<double> p, q, terms;
  int64_t count = 0;

  void add(const ExactPair& pair, const std::vector<double>& more) {
    terms.resize(more.size(), 0.0);
    p.resize(more.size(), 0.0);
    q.resize(more.size(), 0.0);
    for (size_t i = 0; i < more.size(); ++i) {
      terms[i] += more[i];
      p[i] += pair.reference ? pair.reference->p[i] : kNan;
      q[i] += pair.cell->p[i];
    }
    ++count;
  }

  void divide() {
    for (std::vector<double>* values : {&p, &q, &terms})
      for (double& v : *values) v /= double(count);
  }
};

double sumOf(const std::vector<double>& values) {
  long double sum = 0;
  for (double v : values) sum += v;
  return double(sum);
}

Sums sumsOf(const Plan& plan, const MetricUse& use, const std::vector<EntryIndex>& entries, Explanation& out,
            const std::atomic<int>& cancel) {
  ExactReader reader(plan);
  Sums sums;
  for (const EntryIndex& entry : entries) {
    const int signal = cancel;
    if (signal != 0) throw Error(signal == 15 ? Exit::Terminated : Exit::Interrupted, "interrupted");
    const ExactPair pair = reader.pair(entry, use);
    const std::vector<double> terms = exactTerms(plan, use, pair);
    // A mean leaves out what is not finite; a cell of one value shows it.
    if (terms.empty() || (entries.size() > 1 && !std::isfinite(sumOf(terms))))
      ++out.left;
    else
      sums.add(pair, terms);
  }
  if (sums.count == 0 && entries.size() > 1)
    throw Error(Exit::Failure, fmt::format("all {} values that this cell is the mean of are NaN or infinite; fix the "
                                           "reduced axes too with --at to see one of them",
                                           entries.size()));
  if (sums.count == 0)
    throw Error(Exit::Failure,
                "this cell is NaN: its row, or its reference, does not exist, is masked, or holds NaN, +∞ or no "
                "probability at all");
  sums.divide();
  return sums;
}

/// 1 + number of larger values.
class Ranks {
 public:
  explicit Ranks(std::vector<double> values) : sorted_(std::move(values)) { std::sort(sorted_.begin(), sorted_.end()); }
  int64_t of(double value) const {
    if (std::isnan(value)) return 0;
    return 1 + (sorted_.end() - std::upper_bound(sorted_.begin(), sorted_.end(), value));
  }

 private:
  std::vector<double> sorted_;
};

std::string number(double value) {
  if (std::isnan(value)) return "nan";
  return std::isinf(value) ? (value > 0 ? "inf" : "-inf") : fmt::format("{}", value);
}

nlohmann::ordered_json jsonNumber(double value) {
  if (std::isfinite(value)) return value;
  return number(value);
}

std::string table(const Explanation& explanation, const TokenTexts& tokens) {
  std::string out = "id\ttoken\tp\tq\trank_p\trank_q\tterm\n";
  for (const ExplainedEntry& e : explanation.entries) {
    const bool noP = std::isnan(e.p);
    out += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\n", e.id, escaped(tokens.text(e.id), std::string::npos),
                       noP ? "" : number(e.p), number(e.q), noP ? "" : fmt::format("{}", e.rankP), e.rankQ,
                       number(e.term));
  }
  return out;
}

std::string json(const Plan& plan, const Explanation& explanation, const TokenTexts& tokens) {
  using Json = nlohmann::ordered_json;
  const bool reference = plan.reference.kind != ReferenceKind::None;
  Json at = Json::object(), entries = Json::array();
  for (const auto& [axis, label] : explanation.at) at[axis] = label;
  for (const ExplainedEntry& e : explanation.entries)
    entries.push_back({{"id", e.id},
                       {"token", tokens.text(e.id)},
                       {"p", reference ? Json(e.p) : Json(nullptr)},
                       {"q", e.q},
                       {"rank_p", reference ? Json(e.rankP) : Json(nullptr)},
                       {"rank_q", e.rankQ},
                       {"term", jsonNumber(e.term)}});
  const MetricUse& use = plan.metrics.front();
  const Json document{{"version", DIVLENS_VERSION},
                      {"metric", use.text},
                      {"unit", plan.unitOf(*use.metric)},
                      {"reference", reference ? Json(plan.reference.text) : Json(nullptr)},
                      {"at", at},
                      {"count", explanation.count},
                      {"left_out", explanation.left},
                      {"cell", jsonNumber(explanation.cell)},
                      {"entries", entries},
                      {"rest", jsonNumber(explanation.rest)}};
  return document.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

Explanation explainCell(const Plan& plan, const std::vector<std::string>& at, int64_t top,
                        const std::atomic<int>& cancel) {
  const MetricUse& use = metricOf(plan);
  const Fixed fixed = fixedAxes(plan, at);
  Explanation out;
  const std::vector<const PlanAxis*> axes = axesOf(plan);
  for (size_t i = 0; i < axes.size(); ++i)
    if (fixed[i] && !axes[i]->synthetic) out.at.emplace_back(axes[i]->name, axes[i]->label(*fixed[i]));
  const Sums sums = sumsOf(plan, use, entriesOf(plan, fixed), out, cancel);
  out.count = sums.count;
  std::vector<size_t> order(sums.terms.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const size_t shown = std::min(order.size(), size_t(top));
  const auto larger = [&](size_t a, size_t b) {
    return sums.terms[a] != sums.terms[b] ? sums.terms[a] > sums.terms[b] : a < b;
  };
  std::partial_sort(order.begin(), order.begin() + int64_t(shown), order.end(), larger);
  const Ranks ranksP(plan.reference.kind == ReferenceKind::None ? std::vector<double>() : sums.p), ranksQ(sums.q);
  long double rest = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    const size_t id = order[i];
    if (i >= shown)
      rest += sums.terms[id];
    else
      out.entries.push_back(
          {int64_t(id), sums.p[id], sums.q[id], ranksP.of(sums.p[id]), ranksQ.of(sums.q[id]), sums.terms[id]});
  }
  out.cell = sumOf(sums.terms);
  out.rest = double(rest);
  return out;
}

std::string runExplain(const Settings& settings) {
  catchInterrupts();
  const DumpName dumpName = splitDumpName(settings.dumps.at(0));
  const Dump dump = openDump(dumpName.path, settings.plan.open);
  for (const std::string& note : dump.notes) say(settings, note);
  warn(settings, dump.warnings);
  const Plan plan = makePlan(dump, dumpName.tensor, settings.plan);
  for (const std::string& note : plan.notes) say(settings, note);
  warn(settings, plan.warnings);
  const Explanation explanation = explainCell(plan, settings.at, settings.top, interruptFlag());
  if (explanation.left > 0)
    say(settings, fmt::format("{} of {} values are NaN or infinite and left out of the mean", explanation.left,
                              explanation.left + explanation.count));
  const TokenTexts tokens = tokenTexts(plan, settings.tokenizer);
  return settings.json ? json(plan, explanation, tokens) : table(explanation, tokens);
}

}  // namespace divlens
