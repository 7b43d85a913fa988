#include "divergence/resolution.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numbers>

#include "divergence/place.h"
#include "divergence/row_stats.h"
#include "divergence/stages.h"
#include "divergence/topk_lists.h"
#include "dump/rows.h"
#include "gpu/barrier.h"
#include "gpu/commands.h"
#include "gpu/pipeline.h"

namespace divlens {
namespace {

constexpr uint64_t kTileBytes = uint64_t{8} << 20;
constexpr float kDoubleUlp = 0x1p-58F;  // squared, of F64 against F32
constexpr double kLargestLogit = 128;   // rows with larger ones are looked at too late to matter

/// D_f ≈ c Var, or its root: one row for each metric that has such a form; β and α are the parameter.
struct CurvatureRow {
  std::string_view stem;
  double (*value)(double parameter);
  bool root;
};
constexpr CurvatureRow kCurvatures[] = {
    {"kl", [](double) { return 0.5; }, false},
    {"kl-reverse", [](double) { return 0.5; }, false},
    {"jeffreys", [](double) { return 1.0; }, false},
    {"jsd", [](double beta) { return beta > 0 ? beta * (1 - beta) / 2 : 0.125; }, false},
    {"js-distance", [](double) { return 0.125; }, true},
    {"tv", [](double) { return 0.5 / std::numbers::pi; }, true},  // ½ E|δ| of a normal δ, squared
    {"hellinger", [](double) { return 0.125; }, true},
    {"chi2", [](double) { return 1.0; }, false},
    {"renyi", [](double alpha) { return std::isinf(alpha) || alpha == 0 ? -1 : alpha / 2; }, false},
};

const CurvatureRow* find(const Metric& metric) {
  for (const CurvatureRow& row : kCurvatures)
    if (row.stem == metric.stem() && metric.tool == nullptr) return &row;
  return nullptr;
}

/// R of rows of one tensor, each computed once on the device.
class Spreads {
 public:
  Spreads(const gpu::Context& context, const Plan& plan, const Tensor& tensor, Kind kind, double temperature)
      : context_(context),
        plan_(plan),
        reader_(tensor, plan.vocab),
        format_(formatOf(reader_, kind, temperature)),
        temperature_(temperature),
        atOnce_(size_t(std::max<uint64_t>(1, std::min<uint64_t>(kTileBytes / reader_.rowBytes(), 16384)))),
        pipeline_(
            context, "resolution.comp", 3, uint32_t(sizeof(kernels::RowsPush)),
            std::array{lanesFor(context, plan.vocab), format_.dtype, format_.kind, plan.allowedBits.empty() ? 0u : 1u}),
        submission_(context, 1, 3),
        upload_(context, atOnce_ * reader_.rowBytes(), gpu::Memory::Upload, "rows in question"),
        out_(context, atOnce_ * sizeof(float), gpu::Memory::Device, "rounding of rows"),
        allowed_(allowedBuffer(context, plan)) {}

  void want(int64_t row) { found_.emplace(row, 0.0F); }
  void compute() {
    std::vector<int64_t> rows;
    for (const auto& [row, spread] : found_) {
      rows.push_back(row);
      if (rows.size() == atOnce_) computeTile(rows);
    }
    if (!rows.empty()) computeTile(rows);
  }
  double of(int64_t row) const { return double(found_.at(row)); }

 private:
  void computeTile(std::vector<int64_t>& rows) {
    reader_.read(rows, upload_.mapped());
    const kernels::RowsPush push{.rows = uint32_t(rows.size()),
                                 .rowVectors = format_.rowVectors,
                                 .width = uint32_t(plan_.vocab),
                                 .inverseTemperature = float(1 / temperature_)};
    const VkCommandBuffer commands = submission_.begin();
    const gpu::BufferRange buffers[] = {{&upload_}, {&allowed_}, {&out_}};
    pipeline_.dispatch(commands, submission_.descriptors(), buffers, std::as_bytes(std::span(&push, 1)),
                       uint32_t(rows.size()));
    gpu::barrier(commands, gpu::kComputeWrite, gpu::kTransferRead);
    submission_.submit();
    submission_.wait();
    std::vector<float> spreads(rows.size());
    gpu::download(context_, out_, 0, std::as_writable_bytes(std::span(spreads)));
    for (size_t i = 0; i < rows.size(); ++i) found_[rows[i]] = spreads[i] * (format_.split ? kDoubleUlp : 1.0F);
    rows.clear();
  }

  const gpu::Context& context_;
  const Plan& plan_;
  RowReader reader_;
  SideFormat format_;
  double temperature_;
  size_t atOnce_;
  gpu::ComputePipeline pipeline_;
  gpu::Submission submission_;
  gpu::Buffer upload_, out_, allowed_;
  std::map<int64_t, float> found_;
};

/// A cell small enough to be in question, and what it is made of.
struct Candidate {
  double value = 0, factor = 0;
  bool root = false;
  std::vector<Place> places;
};

std::vector<Place> placesOf(const Plan& plan, const PlanPanel& panel, size_t row, size_t column) {
  const EntryLayout layout = entryLayout(plan);
  std::vector<Place> out;
  for (size_t entry = 0; entry < size_t(layout.entries); ++entry) {
    EntryIndex at{row, column, {}};
    for (size_t i = 0; i < plan.reduced.size(); ++i)
      at.reduced.push_back(entry / size_t(layout.strides[i]) % plan.reduced[i].positions.size());
    if (plan.groupAxis >= 0 && !panel.entries.empty() &&
        std::find(panel.entries.begin(), panel.entries.end(), at.reduced[size_t(plan.groupAxis)]) ==
            panel.entries.end())
      continue;
    const Place place = placeOf(plan, at);
    if (!place.masked && !place.outside) out.push_back(place);
  }
  return out;
}

bool judged(const Plan& plan, const ResultPanel& panel) {
  const auto level = [](const PlanAxis& axis) {
    return axis.how != Reduce::Std && axis.how != Reduce::Sem && axis.how != Reduce::Count;
  };
  return panel.metric && !panel.minus && curvature(*panel.metric) > 0 &&
         std::all_of(plan.reduced.begin(), plan.reduced.end(), level);
}

/// Above this no rounding of usual logits reaches.
double mostOf(const Plan& plan, double roundoff) {
  const double largest = plan.kind == Kind::Probs ? 1 : kLargestLogit;
  return std::pow(2 * roundoff * largest / plan.temperature, 2) / 6;
}

std::vector<Candidate> candidates(const Plan& plan, const std::vector<ResultPanel>& panels,
                                  const std::vector<std::vector<float>>& cells, double most) {
  std::vector<Candidate> out;
  const size_t columns = plan.columns.positions.size();
  for (size_t p = 0; p < panels.size(); ++p) {
    if (!judged(plan, panels[p])) continue;
    const MetricUse& use = *panels[p].metric;
    const CurvatureRow& row = *find(*use.metric);
    const double unit = use.metric->unit == Unit::Plain ? 1 : 1 / plan.logBase;
    Candidate one{.value = 0, .factor = curvature(use) * unit, .root = row.root, .places = {}};
    const double bound = row.root ? std::sqrt(one.factor * most) : one.factor * most;
    for (size_t i = 0; i < cells[p].size(); ++i) {
      one.value = double(cells[p][i]);
      if (!(one.value > 0 && one.value < bound)) continue;
      one.places = placesOf(plan, plan.panels[panels[p].panel], i / columns, i % columns);
      if (!one.places.empty()) out.push_back(one);
    }
  }
  return out;
}

}  // namespace

double curvature(const MetricUse& use) {
  const CurvatureRow* row = find(*use.metric);
  return row == nullptr ? -1 : row->value(use.parameter);
}

std::string Resolution::text() const {
  return fmt::format(
      "{} cells are no larger than what rounding to {} is expected to make (up to {:.2g}); read them as 0, or dump in "
      "more "
      "digits",
      cells, elements, largest);
}

Resolution findUnresolved(const gpu::Context& context, const Plan& plan, const std::vector<ResultPanel>& panels,
                          const std::vector<std::vector<float>>& cells) {
  Resolution out;
  if (!holdsDistribution(plan.kind) || plan.meansFirst || plan.lens) return out;
  const ReferenceKind kind = plan.reference.kind;
  const bool stored = kind == ReferenceKind::Rows || kind == ReferenceKind::Shifted;
  const DType own = plan.cells.dtype, other = stored ? plan.reference.tensor.dtype : own;
  const double most = mostOf(plan, std::max(roundoff(own), roundoff(other)));
  std::vector<Candidate> open = candidates(plan, panels, cells, most);
  if (open.empty()) return out;
  Spreads cellRows(context, plan, plan.cells, plan.kind, plan.temperature);
  std::optional<Spreads> references;
  if (stored) references.emplace(context, plan, plan.reference.tensor, plan.reference.rowKind, plan.temperature);
  for (const Candidate& one : open)
    for (const Place& place : one.places) {
      cellRows.want(place.cell);
      if (references) references->want(place.reference);
    }
  cellRows.compute();
  if (references) references->compute();
  for (const Candidate& one : open) {
    double sum = 0;
    for (const Place& place : one.places) {
      const double effect = one.factor * (cellRows.of(place.cell) + (references ? references->of(place.reference) : 0));
      sum += one.root ? std::sqrt(effect) : effect;
    }
    const double expected = sum / double(one.places.size());
    if (!(one.value <= expected)) continue;
    ++out.cells;
    out.largest = std::max(out.largest, expected);
  }
  out.elements = info(own).name;
  if (own != other) out.elements += std::string(" and ") + info(other).name;
  return out;
}

}  // namespace divlens
