#include "divergence/plan_lens.h"

#include <fmt/format.h>

#include <algorithm>

#include "dump/escape.h"
#include "error.h"

namespace divlens {
namespace {

constexpr int64_t kWidest = 65536;  // hidden entries: rows are numbered in 32 bits
constexpr int64_t kMostEntries = int64_t{1} << 27;

/// True where every metric takes rows as they are stored, which no lens changes; both kinds at once are an error.
bool needless(const PlanOptions& options) {
  const auto stored = [](const std::string& text) {
    const Metric& metric = *parseMetric(text).metric;
    return metric.ofStoredRows() || metric.statistic;
  };
  const auto count = std::count_if(options.metrics.begin(), options.metrics.end(), stored);
  if (count == 0) return false;
  if (static_cast<size_t>(count) == options.metrics.size()) return true;
  const auto one = std::find_if(options.metrics.begin(), options.metrics.end(), stored);
  throw Error(Exit::Usage, fmt::format("metric '{}' takes the hidden states as they are stored, the others take their "
                                       "logits; ask for them in runs of their own",
                                       escaped(*one)));
}

void checkWidth(const Plan& plan, const Tensor& tensor) {
  if (!plan.throughLens(tensor)) return;
  if (tensor.shape.back() != plan.lens->hidden())
    badTensor(tensor, fmt::format("its rows have {} entries, the unembedding of {} takes {}", tensor.shape.back(),
                                  escaped(plan.lens->text), plan.lens->hidden()));
  if (tensor.normed.size() > 1 && tensor.axisIndex("layer") < 0)
    badTensor(tensor, "`normed` has an entry for each layer, and there is no axis 'layer'");
}

/// What the dump leaves open is said aloud.
void settleNormed(Plan& plan, Tensor& tensor, const std::string& given) {
  if (!plan.throughLens(tensor)) return;
  if (!given.empty()) tensor.normed = {given == "true"};
  const bool some = std::find(tensor.normed.begin(), tensor.normed.end(), false) != tensor.normed.end();
  std::string note;
  if (plan.lens->norm == Lens::Norm::None && some)
    note = fmt::format(
        "tensor '{}': the final norm is not in all of its rows, and --unembed brings none; they are "
        "multiplied as they are (--lens FOLDER brings the norm)",
        escaped(tensor.name));
  if (plan.lens->norm != Lens::Norm::None && tensor.normed.empty())
    note = fmt::format(
        "tensor '{}': whether the final norm is in its rows already is not said; they are taken as not "
        "(--normed if it is in all of them; metadata `normed` for each layer)",
        escaped(tensor.name));
  if (!note.empty() && std::find(plan.notes.begin(), plan.notes.end(), note) == plan.notes.end())
    plan.notes.push_back(note);
  if (tensor.normed.empty()) tensor.normed = {false};
}

}  // namespace

void chooseLens(Plan& plan, const PlanOptions& options) {
  if (!options.lens.empty() && !options.unembed.empty())
    throw Error(Exit::Usage, "--lens brings an unembedding of its own; drop --unembed");
  if (options.lens.empty() && !options.tunedLens.empty())
    throw Error(Exit::Usage, "--tuned-lens translates hidden states for a model's own head; pass --lens FOLDER too");
  if (options.lens.empty() && options.unembed.empty()) {
    if (options.normed.empty()) return;
    throw Error(Exit::Usage, "--normed says what a lens has left to do; pass --lens FOLDER or --unembed FILE:TENSOR");
  }
  if (needless(options)) {
    plan.notes.push_back(fmt::format("--{} is not needed: {} takes the rows as they are stored",
                                     options.lens.empty() ? "unembed" : "lens", escaped(options.metrics.front())));
    return;
  }
  const int64_t hidden = plan.cells.shape.empty() ? 0 : plan.cells.shape.back();
  plan.lens = options.lens.empty() ? openUnembedding(options.unembed, hidden, options.open)
                                   : openLens(options.lens, options.open);
  if (!options.tunedLens.empty()) addTranslators(*plan.lens, options.tunedLens, options.open);
  if (plan.lens->hidden() > kWidest || plan.lens->vocab() > kMostEntries)
    badTensor(plan.lens->unembedding, fmt::format("is {}, more than {} hidden entries or {} of the vocabulary",
                                                  shapeText(plan.lens->unembedding.shape), kWidest, kMostEntries));
  checkWidth(plan, plan.cells);
  if (plan.throughLens(plan.cells)) plan.kind = Kind::Logits;
  if (!plan.lens->translators.empty())
    plan.inputs.push_back({options.tunedLens, plan.lens->translators.front().matrix.source->size()});
  const ByteSource& source = *plan.lens->unembedding.source;
  plan.inputs.push_back({options.lens.empty() ? source.name() : options.lens, source.size()});
}

void checkLens(Plan& plan, const PlanOptions& options) {
  if (!plan.lens) return;
  const bool reference = plan.reference.tensor.source != nullptr && plan.throughLens(plan.reference.tensor);
  if (!plan.throughLens(plan.cells) && !reference)
    throw Error(Exit::Usage,
                fmt::format("--{}: neither the cells nor their reference hold hidden states; tensor '{}' holds {}; if "
                            "its rows are hidden states, pass --kind hidden",
                            options.lens.empty() ? "unembed" : "lens", escaped(plan.cells.name), name(plan.kind)));
  settleNormed(plan, plan.cells, options.normed);
  if (!reference) return;
  checkWidth(plan, plan.reference.tensor);
  settleNormed(plan, plan.reference.tensor, options.normed);
}

}  // namespace divlens
