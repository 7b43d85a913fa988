#include "divergence/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "divergence/groups.h"
#include "divergence/means_run.h"
#include "divergence/onset.h"
#include "divergence/panels.h"
#include "divergence/plan_axes.h"
#include "divergence/plan_lens.h"
#include "divergence/plan_mask.h"
#include "divergence/plan_tensor.h"
#include "divergence/reference.h"
#include "divergence/stages.h"
#include "divergence/topk_lists.h"
#include "divergence/weight_cells.h"
#include "dump/escape.h"
#include "error.h"
#include "shaders/weights.h"
#include "suggest.h"

namespace divlens {
namespace {

struct BaseRow {
  const char* name;
  double base;
  const char* unit;
};
const BaseRow kBases[] = {{"e", std::exp(1.0), "nats"}, {"2", 2, "bits"}, {"10", 10, "bans"}};

void setBase(Plan& plan, const std::string& given) {
  const std::string text = given.empty() ? "e" : given;
  for (const BaseRow& row : kBases) {
    if (text != row.name) continue;
    plan.logBase = text == "e" ? 1 : std::log(row.base);
    plan.unit = row.unit;
    return;
  }
  throw Error(Exit::Usage, fmt::format("--base '{}': it is one of e (nats), 2 (bits) or 10 (bans)", escaped(text)));
}

bool anyMetric(const Plan& plan, auto&& condition) {
  return std::any_of(plan.metrics.begin(), plan.metrics.end(),
                     [&](const MetricUse& use) { return condition(*use.metric); });
}

/// An option that was given and is about distributions alone, or null.
const char* optionOfDistributions(const PlanOptions& options) {
  return options.vocab                 ? "--vocab"
         : !options.vocabMask.empty()  ? "--vocab-mask"
         : !options.base.empty()       ? "--base"
         : options.temperature != 1    ? "--temperature"
         : !options.convention.empty() ? "--convention"
         : !options.targets.empty()    ? "--targets"
                                       : nullptr;
}

/// Statistics of whole tensors and of stored rows; one of them makes all of them such.
bool chooseStatistics(Plan& plan, const std::string& place, const PlanOptions& options) {
  const bool weights = plan.kind == Kind::Weights;
  const bool asked = anyMetric(plan, [](const Metric& metric) { return metric.statistic; });
  if (!weights && !asked) return false;
  std::vector<std::string> names;
  for (const Metric& metric : statistics()) names.emplace_back(metric.name);
  if (!weights && plan.kind != Kind::Hidden) {
    throw Error(Exit::Usage, fmt::format("{} holds {}: '{}' is a statistic of weights and activations; to take it of "
                                         "these rows as they are stored, pass --kind hidden",
                                         place, name(plan.kind), plan.metrics.front().text));
  }
  if (plan.metrics.empty()) {
    throw Error(Exit::Usage, fmt::format("{} holds weights: say which statistic of each tensor with --metric: {}",
                                         place, listed(names)));
  }
  plan.metrics.clear();
  size_t thresholds = 0;
  for (const std::string& text : options.metrics) {
    plan.metrics.push_back(parseMetric(text, true));
    const Metric& metric = *plan.metrics.back().metric;
    if (!metric.statistic) {
      throw Error(Exit::Usage, fmt::format("{}: '{}' compares distributions, and these are {}; statistics: {}", place,
                                           escaped(text), weights ? "weights" : "stored rows", listed(names)));
    }
    thresholds += metric.parameter().empty() ? 0 : 1;
  }
  if (thresholds > kernels::kMostThresholds)
    throw Error(Exit::Usage,
                fmt::format("--metric sparsity: at most {} thresholds in one run", uint32_t(kernels::kMostThresholds)));
  if (const char* misplaced = optionOfDistributions(options))
    throw Error(Exit::Usage,
                fmt::format("{}: {} is about distributions, and statistics do not take it", place, misplaced));
  return true;
}

/// Scalar tables have no metrics, distributions jsd by default.
void chooseMetrics(Plan& plan, const Dump& dump, const PlanOptions& options) {
  const std::string place =
      fmt::format("{}: tensor '{}' [{}]", escapedPath(dump.path), escaped(plan.cells.name), axesText(plan.cells));
  for (const std::string& text : options.metrics) plan.metrics.push_back(parseMetric(text));
  if (plan.kind == Kind::Scalar) {
    const char* misplaced = !plan.metrics.empty()        ? "--metric"
                            : !options.reference.empty() ? "--reference"
                                                         : optionOfDistributions(options);
    if (misplaced == nullptr) return;
    throw Error(Exit::Usage,
                fmt::format("{} is a scalar table: its cells are drawn as they are and {} does not apply; if "
                            "its last axis holds a distribution, say so with --kind logits, logprobs or probs",
                            place, misplaced));
  }
  if (chooseStatistics(plan, place, options)) return;
  if (plan.metrics.empty()) plan.metrics.push_back(parseMetric("jsd"));
  for (const MetricUse& use : plan.metrics) {
    if (plan.kind != Kind::Hidden || use.metric->ofStoredRows()) continue;
    throw Error(Exit::Usage,
                fmt::format("{} holds hidden states: '{}' of them needs their logits; pass --lens FOLDER, the "
                            "checkpoint whose final norm and unembedding make them, or --unembed FILE:TENSOR{}",
                            place, use.text,
                            plan.cells.axesGuessed ? "; that they are hidden states is a guess: if they are logits, "
                                                     "pass --kind logits"
                                                   : ""));
  }
}

void setVocab(Plan& plan, const PlanOptions& options) {
  if (plan.kind == Kind::Scalar || plan.kind == Kind::Weights) return;
  const int64_t entries = plan.entriesOf(plan.cells);
  plan.vocab = options.vocab.value_or(entries);
  if (plan.kind == Kind::Hidden && options.vocab) {
    throw Error(Exit::Usage, fmt::format("--vocab {}: tensor '{}' holds hidden states, which have no vocabulary",
                                         plan.vocab, escaped(plan.cells.name)));
  }
  if (plan.vocab >= 1 && plan.vocab <= entries) return;
  if (plan.throughLens(plan.cells)) {
    throw Error(Exit::Usage, fmt::format("--vocab {}: it must lie between 1 and {}, the vocabulary of {}", plan.vocab,
                                         entries, escaped(plan.lens->text)));
  }
  throw Error(Exit::Usage,
              fmt::format("--vocab {}: it must lie between 1 and {}, the length of axis '{}' of tensor '{}'",
                          plan.vocab, entries, escaped(plan.cells.axes.back().name), escaped(plan.cells.name)));
}

/// Finds the reference, unless no metric compares with one.
void chooseReference(Plan& plan, const ReferenceContext& context) {
  if (!anyMetric(plan, [](const Metric& metric) { return metric.needs != Needs::Nothing; })) return;
  const std::string& text = context.options.reference;
  const ReferenceSpec spec = text.empty() ? defaultReference(plan, context) : parseReference(text);
  const bool rows = spec.form != ReferenceForm::Target && spec.form != ReferenceForm::Uniform;
  for (const MetricUse& use : plan.metrics) {
    if ((use.metric->ofStoredRows() || use.metric->statistic) && !rows) {
      throw Error(Exit::Usage,
                  fmt::format("metric '{}' compares rows as they are stored, and the reference '{}' has none", use.text,
                              escaped(spec.text)));
    }
    if (use.metric->needs != Needs::Target || spec.form == ReferenceForm::Target) continue;
    throw Error(Exit::Usage,
                fmt::format("metric '{}' is about the target token, but the reference is '{}'; pass --reference "
                            "target, or ask for the other metrics in a run of their own",
                            use.text, escaped(spec.text)));
  }
  if (!context.options.targets.empty() && spec.form != ReferenceForm::Target)
    throw Error(Exit::Usage, fmt::format("--targets names the ids of the reference 'target', and the reference is "
                                         "'{}'; pass --reference target",
                                         escaped(spec.text)));
  resolveReference(plan, context, spec);
}

int64_t product(const std::vector<int64_t>& factors) {
  int64_t out = 1;
  for (const int64_t factor : factors) {
    if (__builtin_mul_overflow(out, factor, &out)) {
      throw Error(Exit::Budget, "the selected entries make more cells than can be counted; take fewer with --select");
    }
  }
  return out;
}

int64_t size(const PlanAxis& axis) { return static_cast<int64_t>(axis.positions.size()); }

/// The group of --minus among the panels.
void chooseMinus(Plan& plan, const PlanOptions& options) {
  if (options.minus.empty()) return;
  std::vector<std::string> groups;
  for (const PlanPanel& panel : plan.panels) groups.push_back(panel.label);
  const auto found = std::find(groups.begin(), groups.end(), options.minus);
  if (plan.groupAxis < 0)
    throw Error(Exit::Usage, "--minus subtracts a group from the others; say which axis is grouped with --group");
  if (found == groups.end() || groups.size() < 2) {
    throw Error(Exit::Usage,
                fmt::format("--minus '{}': {}{} there are: {}", escaped(options.minus),
                            found == groups.end() ? "no such group" : "no other group to subtract it from",
                            found == groups.end() ? didYouMean(options.minus, groups) : ";", listed(groups)));
  }
  plan.minus = static_cast<size_t>(found - groups.begin());
}

/// True for the second of two words, false for the first or none.
bool second(const std::string& given, const char* option, const char* first, const char* other) {
  if (given.empty() || given == first) return false;
  if (given == other) return true;
  throw Error(Exit::Usage, fmt::format("{} '{}': it is {} or {}{}", option, escaped(given), first, other,
                                       didYouMean(given, {first, other})));
}

/// Only a mean has an interval: the axis that is reduced last must be reduced by it, over enough entries (of a group
/// of one the ends are NaN).
void checkInterval(const Plan& plan) {
  size_t most = 0;
  for (const PlanPanel& panel : plan.panels) most = std::max(most, lastReduced(plan, panel));
  for (const PlanPanel& panel : plan.panels) {
    const std::vector<Stage> stages = stagesOf(plan, panel);
    const size_t entries = lastReduced(plan, panel);
    const Reduce how = stages.empty() ? Reduce::Mean : stages.back().reduction.how;
    if (how == Reduce::Mean && most >= 2 && (plan.studentT || entries <= kMostResampled)) continue;
    const std::string place = panel.label.empty() ? "" : fmt::format(" of group '{}'", escaped(panel.label));
    if (how != Reduce::Mean)
      throw Error(Exit::Usage,
                  fmt::format("--ci gives the interval of a mean, and the cells{} are reduced by {} in the end; "
                              "drop --ci, or reduce by mean",
                              place, name(how)));
    throw Error(Exit::Usage, fmt::format("--ci: {} entries{} are reduced; it takes 2 or more{}", entries, place,
                                         entries < 2 ? ""
                                                     : fmt::format(", and a bootstrap at most {}: pass --ci-method t",
                                                                   kMostResampled)));
  }
}

void chooseInterval(Plan& plan, const PlanOptions& options) {
  plan.studentT = second(options.ciMethod, "--ci-method", "bootstrap", "t");
  if (!options.ciMethod.empty() && !options.confidence)
    throw Error(Exit::Usage, "--ci-method says how --ci is found; pass --ci 0.95 too");
  if (!options.confidence) return;
  if (!(*options.confidence > 0 && *options.confidence < 1)) {
    throw Error(Exit::Usage, fmt::format("--ci {}: it must lie between 0 and 1, say 0.95", *options.confidence));
  }
  if (plan.entriesPerCell() < 2) {
    throw Error(Exit::Usage,
                "--ci: nothing is reduced, so there is no interval; leave an axis out of rows and columns");
  }
  plan.confidence = *options.confidence;
  checkInterval(plan);
}

void chooseOnset(Plan& plan, const PlanOptions& options) {
  plan.onset = options.onset;
  plan.persist = options.persist;
  if (plan.onset.empty() && plan.persist > 0)
    throw Error(Exit::Usage, "--persist says how long an --onset must last; pass --onset '<0.1' too");
  if (!plan.onset.empty()) checkOnset(plan);
}

/// Counts everything once, so that no later product can overflow.
void checkSize(const Plan& plan) {
  std::vector<int64_t> factors = {size(plan.rows), size(plan.columns), std::max<int64_t>(plan.vocab, 1),
                                  static_cast<int64_t>(std::max<size_t>(plan.metrics.size(), 1)), int64_t{8}};
  for (const PlanAxis& axis : plan.reduced) factors.push_back(size(axis));
  product(factors);
}

}  // namespace

std::string PlanAxis::label(size_t i) const { return labels.empty() ? fmt::format("{}", positions[i]) : labels[i]; }

int64_t Plan::entriesPerCell() const {
  std::vector<int64_t> factors;
  for (const PlanAxis& axis : reduced) factors.push_back(size(axis));
  return product(factors);
}

int64_t Plan::entriesPerCell(const PlanPanel& panel) const {
  if (groupAxis < 0) return entriesPerCell();
  const int64_t all = size(reduced[static_cast<size_t>(groupAxis)]);
  return entriesPerCell() / all * static_cast<int64_t>(panel.entries.size());
}

std::string Plan::unitOf(const Metric& metric) const { return metric.unit == Unit::Information ? unit : ""; }

Plan makePlan(const Dump& dump, const std::string& tensorFromName, const PlanOptions& options) {
  if (!tensorFromName.empty() && !options.tensor.empty() && tensorFromName != options.tensor) {
    throw Error(Exit::Usage, fmt::format("the dump's name asks for tensor '{}' and --tensor for '{}'; drop one",
                                         escaped(tensorFromName), escaped(options.tensor)));
  }
  if (!(options.temperature > 0) || !std::isfinite(options.temperature)) {
    throw Error(Exit::Usage, fmt::format("--temperature {}: it must be a number above 0", options.temperature));
  }
  Plan plan;
  setBase(plan, options.base);
  plan.temperature = options.temperature;
  plan.inputs.push_back({dump.path, dump.bytes});

  std::string except;
  if (!options.reference.empty()) {
    const ReferenceSpec spec = parseReference(options.reference);
    // A misspelt reference is said before the cells' tensor looks ambiguous without it.
    if (spec.form == ReferenceForm::Tensor) except = chooseTensor(dump, spec.name, "").name;
  }
  const Tensor& chosen = chooseTensor(dump, tensorFromName.empty() ? options.tensor : tensorFromName, except);
  NamedTensor named = nameCells(dump, chosen, options);
  plan.cells = std::move(named.tensor);
  plan.notes = std::move(named.notes);
  plan.kind = plan.cells.kind;

  chooseLens(plan, options);
  chooseMetrics(plan, dump, options);
  if (!options.convention.empty() && !options.base.empty()) {
    throw Error(Exit::Usage, fmt::format("--convention {} brings its own unit; drop --base. There are {}",
                                         escaped(options.convention), conventionPairs()));
  }
  if (!options.convention.empty()) applyConvention(plan.metrics, options.convention);
  setVocab(plan, options);
  if (!options.groupsFile.empty()) readGroups(plan.cells, options.group, options.groupsFile);
  placeAxes(plan, options);
  chooseMinus(plan, options);
  plan.meansFirst = second(options.order, "--order", "mean-of-divergences", "divergence-of-means");
  chooseInterval(plan, options);
  chooseOnset(plan, options);
  if (plan.kind == Kind::TopK) plan.ids = idsOf(dump, plan.cells, plan.notes);
  chooseReference(plan, {dump, chosen, options});
  checkLens(plan, options);
  checkLists(plan, options);
  checkMeans(plan);
  applyVocabMask(plan, options.vocabMask);
  applyCellMask(plan, dump);
  checkSize(plan);
  checkCells(plan);
  if (!anyMetric(plan, [](const Metric& metric) { return metric.unit != Unit::Plain; })) plan.unit.clear();
  return plan;
}

bool sameTensor(const Tensor& a, const Tensor& b) {
  return a.source == b.source && a.offset == b.offset && a.shape == b.shape;
}

uint64_t bytesToRead(const Plan& plan) {
  if (usesStatistics(plan)) return weightBytes(plan);
  const auto size = [](const PlanAxis& axis) { return static_cast<uint64_t>(axis.positions.size()); };
  std::vector<const PlanAxis*> axes = {&plan.rows, &plan.columns};
  for (const PlanAxis& axis : plan.reduced) axes.push_back(&axis);
  const auto width = [&](const Tensor& tensor) {
    return plan.vocab > 0 ? static_cast<uint64_t>(plan.storedEntries(tensor)) : uint64_t{1};
  };
  uint64_t cells = width(plan.cells) * info(plan.cells.dtype).bytes, reference = 0;
  for (const PlanAxis* axis : axes) cells *= size(*axis);
  const ReferenceKind kind = plan.reference.kind;
  if (kind == ReferenceKind::Rows && sameTensor(plan.cells, plan.reference.tensor)) {
    // An entry of the cells' own axis: its rows are read along with the cells unless --select leaves that entry out.
    for (const PlanAxis* axis : axes) {
      if (axis->synthetic || axis->referenceStride != 0 || axis->cellStride == 0) continue;
      const int64_t entry = plan.reference.base / axis->cellStride % axis->length;
      if (std::find(axis->positions.begin(), axis->positions.end(), entry) != axis->positions.end()) return cells;
    }
  }
  if (plan.kind == Kind::TopK) cells += cells / info(plan.cells.dtype).bytes * info(plan.ids.dtype).bytes;
  if (kind == ReferenceKind::Rows || kind == ReferenceKind::Mean || kind == ReferenceKind::Target) {
    reference =
        (kind == ReferenceKind::Target ? 1 : width(plan.reference.tensor)) * info(plan.reference.tensor.dtype).bytes;
    if (kind == ReferenceKind::Mean) reference *= static_cast<uint64_t>(plan.reference.meanCount);
    for (const PlanAxis* axis : axes) reference *= axis->referenceStride != 0 ? size(*axis) : 1;
  }
  return cells + reference;
}

}  // namespace divlens
