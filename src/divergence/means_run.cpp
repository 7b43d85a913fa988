#include "divergence/means_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "divergence/mean_reference.h"
#include "divergence/place.h"
#include "divergence/rows_run.h"
#include "divergence/stages.h"
#include "dump/temporary.h"
#include "error.h"

namespace divlens {
namespace {

bool rowsStored(ReferenceKind kind) { return kind == ReferenceKind::Rows || kind == ReferenceKind::Shifted; }

/// A tensor [panel, row, column, vocab] of mean distributions in a temporary file.
class MeanTensor {
 public:
  explicit MeanTensor(const Plan& plan) : width_(plan.vocab) {
    const auto rows = int64_t(plan.rows.positions.size()), columns = int64_t(plan.columns.positions.size());
    const auto panels = int64_t(plan.panels.size());
    tensor_.name = "mean";
    tensor_.dtype = DType::F32;
    tensor_.shape = {panels, rows, columns, width_};
    tensor_.strides = stridesInC(tensor_.shape);
    tensor_.kind = Kind::Probs;
    file_ = std::make_shared<TemporaryFile>(uint64_t(panels * rows * columns) * bytes());
    tensor_.source = file_;
  }
  void append(std::span<const float> mean) {
    file_->write(next_, std::as_bytes(mean));
    next_ += bytes();
  }
  const Tensor& tensor() const { return tensor_; }

 private:
  uint64_t bytes() const { return uint64_t(width_) * sizeof(float); }
  int64_t width_;
  Tensor tensor_;
  std::shared_ptr<TemporaryFile> file_;
  uint64_t next_ = 0;
};

/// Rows of both sides that one cell is made of, pair by pair.
struct RowPairs {
  std::vector<int64_t> cells, references;
  void add(int64_t cell, int64_t reference) {
    cells.push_back(cell);
    references.push_back(reference);
  }
};

RowPairs rowsOf(const Plan& plan, const PlanPanel& panel, size_t row, size_t column) {
  const EntryLayout layout = entryLayout(plan);
  const std::vector<Stage> stages = stagesOf(plan, panel);
  const std::vector<uint32_t> entries = stages.empty() ? std::vector<uint32_t>{0} : stages[0].reduction.chosen;
  RowPairs out;
  for (const uint32_t entry : entries) {
    EntryIndex at{row, column, {}};
    for (size_t i = 0; i < plan.reduced.size(); ++i)
      at.reduced.push_back(entry / size_t(layout.strides[i]) % plan.reduced[i].positions.size());
    const Place place = placeOf(plan, at);
    if (!place.masked && !place.outside) out.add(place.cell, place.reference);
  }
  return out;
}

/// The means of both sides, cell by cell.
class CellMeans {
 public:
  CellMeans(const gpu::Context& context, const Plan& plan)
      : cells_(plan), cellRows_(context, plan, plan.cells, plan.kind, plan.temperature) {
    if (!rowsStored(plan.reference.kind)) return;
    references_.emplace(plan);
    referenceRows_.emplace(context, plan, plan.reference.tensor, plan.reference.rowKind,
                           plan.reference.tempered ? 1 : plan.temperature);
  }

  void add(RowPairs pairs) {
    std::vector<float> cell = cellRows_.average(pairs.cells);
    std::vector<float> reference = references_ ? referenceRows_->average(pairs.references) : std::vector<float>();
    if (!pairs.cells.empty() && (anyNan(cell) || anyNan(reference))) {
      pairs = good(pairs);
      cell = cellRows_.average(pairs.cells);
      if (references_) reference = referenceRows_->average(pairs.references);
    }
    cells_.append(cell);
    if (references_) references_->append(reference);
  }

  uint64_t left() const { return left_; }
  const Tensor& cells() const { return cells_.tensor(); }
  const Tensor* references() const { return references_ ? &references_->tensor() : nullptr; }

 private:
  /// The pairs of which both rows are distributions.
  RowPairs good(const RowPairs& pairs) {
    const auto have = [](const std::vector<int64_t>& sorted, int64_t row) {
      return std::binary_search(sorted.begin(), sorted.end(), row);
    };
    std::vector<int64_t> cells = cellRows_.distributions(pairs.cells), references;
    if (referenceRows_) references = referenceRows_->distributions(pairs.references);
    std::sort(cells.begin(), cells.end());
    std::sort(references.begin(), references.end());
    RowPairs out;
    for (size_t i = 0; i < pairs.cells.size(); ++i) {
      if (have(cells, pairs.cells[i]) && (!referenceRows_ || have(references, pairs.references[i])))
        out.add(pairs.cells[i], pairs.references[i]);
      else
        ++left_;
    }
    return out;
  }

  MeanTensor cells_;
  RowAverager cellRows_;
  std::optional<MeanTensor> references_;
  std::optional<RowAverager> referenceRows_;
  uint64_t left_ = 0;
};

/// The plan over the means: one entry a cell, and an axis of panels where there are several.
Plan planOverMeans(const Plan& plan, const CellMeans& means) {
  Plan out = plan;
  out.meansFirst = false;
  out.cells = means.cells();
  out.kind = Kind::Probs;
  out.temperature = 1;
  out.mask = {};
  out.reduced.clear();
  out.groupAxis = -1;
  const auto rows = int64_t(plan.rows.positions.size()), columns = int64_t(plan.columns.positions.size());
  const auto place = [&](PlanAxis& axis, int64_t stride) {
    axis.length = int64_t(axis.positions.size());
    for (int64_t i = 0; i < axis.length; ++i) axis.positions[size_t(i)] = i;
    axis.cellStride = stride;
    axis.referenceStride = means.references() ? stride : 0;
  };
  place(out.rows, columns);
  place(out.columns, 1);
  if (plan.panels.size() > 1) {
    PlanAxis axis;
    axis.name = "panel";
    axis.positions.resize(plan.panels.size());
    place(axis, rows * columns);
    out.reduced.push_back(std::move(axis));
    out.groupAxis = 0;
  }
  for (size_t i = 0; i < out.panels.size(); ++i) out.panels[i].entries = {i};
  if (!means.references()) return out;
  out.reference.kind = ReferenceKind::Rows;
  out.reference.tensor = *means.references();
  out.reference.rowKind = Kind::Probs;
  out.reference.base = 0;
  out.reference.tempered = true;
  return out;
}

}  // namespace

void checkMeans(const Plan& plan) {
  if (!plan.meansFirst) return;
  constexpr const char* kOption = "--order divergence-of-means";
  if (!holdsDistribution(plan.kind))
    throw Error(Exit::Usage,
                fmt::format("{}: the cells hold {}, which have no mean distribution", kOption, name(plan.kind)));
  if (plan.entriesPerCell() < 2)
    throw Error(Exit::Usage, fmt::format("{}: nothing is reduced; leave an axis out of rows and columns", kOption));
  for (const PlanAxis& axis : plan.reduced)
    if (axis.how != Reduce::Mean && axis.positions.size() > 1)
      throw Error(Exit::Usage, fmt::format("{}: axis '{}' is reduced by {}; distributions have means only", kOption,
                                           axis.name, name(axis.how)));
  if (plan.confidence > 0)
    throw Error(Exit::Usage, fmt::format("{} has one value a cell and no interval; drop --ci", kOption));
  if (plan.reference.kind == ReferenceKind::Target)
    throw Error(Exit::Usage, fmt::format("{}: the reference `target` is one token a row, no distribution", kOption));
  for (const MetricUse& use : plan.metrics)
    if (use.metric->ofStoredRows())
      throw Error(Exit::Usage,
                  fmt::format("{}: metric '{}' is of the stored rows, not of distributions", kOption, use.text));
}

void evaluateMeans(Result& result, const gpu::Context& context, const Plan& plan, const EvaluateOptions& options) {
  std::optional<Plan> averaged;
  if (plan.reference.kind == ReferenceKind::Mean) averaged = withMeanReference(context, plan, result.warnings);
  const Plan& source = averaged ? *averaged : plan;
  CellMeans means(context, source);
  const size_t rows = plan.rows.positions.size(), columns = plan.columns.positions.size();
  const uint64_t total = plan.panels.size() * rows * columns, bytes = bytesToRead(plan);
  uint64_t done = 0;
  for (const PlanPanel& panel : plan.panels)
    for (size_t row = 0; row < rows; ++row)
      for (size_t column = 0; column < columns; ++column) {
        throwIfCancelled(options);
        means.add(rowsOf(source, panel, row, column));
        ++done;
        if (options.progress) options.progress(bytes / total * done, bytes);
      }
  const Plan over = planOverMeans(source, means);
  EvaluateOptions rest = options;
  rest.progress = nullptr;
  rest.checkpoint = nullptr;                            // its blocks are the dump's, not the means'
  std::vector<std::string> warnings = result.warnings;  // the means are no rows of the dump
  evaluateInto(result, context, over, rest);
  result.warnings = std::move(warnings);
  if (means.left() > 0)
    result.warnings.push_back(fmt::format(
        "{} rows are NaN, or their references are; they are left out of the mean distributions", means.left()));
}

}  // namespace divlens
