#include "divergence/mean_reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "divergence/lens_pass.h"
#include "divergence/place.h"
#include "divergence/row_stats.h"
#include "dump/rows.h"
#include "dump/temporary.h"
#include "gpu/barrier.h"
#include "gpu/pipeline.h"

namespace divlens {
namespace {

using kernels::MeanPush;

constexpr uint64_t kTileBytes = uint64_t{8} << 20;
constexpr uint32_t kLocalSize = 64;

/// First row (position 0 of the averaged axis) of every mean that the cells need, ascending.
std::vector<int64_t> neededMeans(const Plan& plan) {
  std::vector<int64_t> rows{plan.reference.base};
  const auto spread = [&](const PlanAxis& axis) {
    if (axis.referenceStride == 0) return;
    std::vector<int64_t> next;
    for (const int64_t row : rows)
      for (const int64_t position : axis.positions) next.push_back(row + position * axis.referenceStride);
    rows = std::move(next);
  };
  spread(plan.rows);
  spread(plan.columns);
  for (const PlanAxis& axis : plan.reduced) spread(axis);
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
}

/// Averages rows a tile at a time.
class Averager {
 public:
  Averager(const gpu::Context& context, const Plan& plan, const Tensor& tensor, const RowReader& reader)
      : context_(context),
        plan_(plan),
        tensor_(tensor),
        reader_(reader),
        lensed_(plan.throughLens(tensor)),
        format_(lensed_ ? LensPass::logitsFormat(plan.vocab) : formatOf(reader, plan.kind, plan.temperature)),
        rowsAtOnce_(rowsAtOnce(lensed_ ? LensPass::rowBytes(plan, reader) : reader.rowBytes())),
        stats_(context, plan, format_, RowStatsPass::Options{}),
        mean_(context, "mean_rows.comp", 3, uint32_t(sizeof(MeanPush)),
              std::array{kLocalSize, format_.dtype, format_.kind}),
        submission_(context, 4, 3),
        upload_(context, rowsAtOnce_ * reader.rowBytes(), gpu::Memory::Upload, "rows to average"),
        partials_(context, rowsAtOnce_ * stats_.parts() * sizeof(kernels::StatsPartial), gpu::Memory::Device,
                  "row statistics' parts"),
        rowStats_(context, rowsAtOnce_ * sizeof(kernels::RowStats), gpu::Memory::Device, "row statistics"),
        out_(context, uint64_t(plan.vocab + 7) / 8 * 32, gpu::Memory::Device, "mean distribution"),
        allowed_(allowedBuffer(context, plan)) {
    if (!lensed_) return;
    lens_ = std::make_unique<LensPass>(context, plan, formatOf(reader, Kind::Hidden, 1), std::nullopt, rowsAtOnce_, 0);
    logits_ = gpu::Buffer(context, rowsAtOnce_ * format_.rowVectors * 16, gpu::Memory::Device, "logits to average");
  }

  /// The mean of the rows: `vocab` floats.
  std::vector<float> average(std::span<const int64_t> rows) {
    std::vector<float> mean(size_t(plan_.vocab), std::nanf(""));
    if (rows.empty()) return mean;
    for (size_t first = 0; first < rows.size(); first += rowsAtOnce_)
      addTile(rows.subspan(first, std::min(rowsAtOnce_, rows.size() - first)), first == 0, rows.size());
    gpu::download(context_, out_, 0, std::as_writable_bytes(std::span(mean)));
    return mean;
  }

  /// Those of the rows that are distributions.
  std::vector<int64_t> distributions(std::span<const int64_t> rows) {
    std::vector<int64_t> out;
    std::vector<kernels::RowStats> stats;
    for (size_t first = 0; first < rows.size(); first += rowsAtOnce_) {
      const std::span<const int64_t> tile = rows.subspan(first, std::min(rowsAtOnce_, rows.size() - first));
      const VkCommandBuffer commands = beginTile(tile);
      recordStats(commands, tile.size());
      submission_.submit();
      submission_.wait();
      stats.resize(tile.size());
      gpu::download(context_, rowStats_, 0, std::as_writable_bytes(std::span(stats)));
      for (size_t i = 0; i < tile.size(); ++i)
        if ((stats[i].flags & kernels::kBadRow) == 0) out.push_back(tile[i]);
    }
    return out;
  }

 private:
  static size_t rowsAtOnce(uint64_t rowBytes) {
    return size_t(std::max<uint64_t>(1, std::min<uint64_t>(kTileBytes / rowBytes, 16384)));
  }

  const gpu::Buffer& stored() const { return lens_ ? logits_ : upload_; }

  VkCommandBuffer beginTile(std::span<const int64_t> rows) {
    submission_.wait();
    reader_.read(rows, upload_.mapped());
    if (lens_) lens_->run({&tensor_, {&upload_}, rows}, {}, logits_, 0);
    return submission_.begin();
  }

  void recordStats(VkCommandBuffer commands, size_t rows) {
    gpu::barrier(commands, gpu::kAnyRead, gpu::kComputeReadWrite);
    gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
    stats_.record(commands, submission_.descriptors(), {{&stored()}, rows, 0}, partials_, rowStats_, allowed_);
  }

  void addTile(std::span<const int64_t> rows, bool first, size_t all) {
    const MeanPush push{.rows = uint32_t(rows.size()),
                        .rowVectors = format_.rowVectors,
                        .width = uint32_t(plan_.vocab),
                        .inverseTemperature = float(1.0 / plan_.temperature),
                        .weight = float(1.0 / double(all)),
                        .first = first ? 1u : 0u};
    const VkCommandBuffer commands = beginTile(rows);
    recordStats(commands, rows.size());
    const gpu::BufferRange buffers[] = {{&stored()}, {&rowStats_}, {&out_}};
    const uint32_t steps = uint32_t((plan_.vocab + 7) / 8);
    mean_.dispatch(commands, submission_.descriptors(), buffers, std::as_bytes(std::span(&push, 1)),
                   (steps + kLocalSize - 1) / kLocalSize);
    submission_.submit();
    submission_.wait();
  }

  const gpu::Context& context_;
  const Plan& plan_;
  const Tensor& tensor_;
  const RowReader& reader_;
  bool lensed_;
  SideFormat format_;
  size_t rowsAtOnce_;
  RowStatsPass stats_;
  gpu::ComputePipeline mean_;
  gpu::Submission submission_;
  gpu::Buffer upload_, partials_, rowStats_, out_, allowed_;
  std::unique_ptr<LensPass> lens_;  ///< where the rows are hidden states
  gpu::Buffer logits_;
};

Plan atTemperature(const Plan& plan, Kind kind, double temperature) {
  Plan out = plan;
  out.kind = kind;
  out.temperature = temperature;
  return out;
}

}  // namespace

struct RowAverager::Parts {
  Plan plan;
  Tensor tensor;
  RowReader reader;
  Averager averager;
  Parts(const gpu::Context& context, Plan given, const Tensor& rows)
      : plan(std::move(given)),
        tensor(rows),
        reader(tensor, plan.storedEntries(tensor)),
        averager(context, plan, tensor, reader) {}
};

RowAverager::RowAverager(const gpu::Context& context, const Plan& plan, const Tensor& tensor, Kind kind,
                         double temperature)
    : parts_(std::make_unique<Parts>(context, atTemperature(plan, kind, temperature), tensor)) {}
RowAverager::~RowAverager() = default;
std::vector<float> RowAverager::average(std::span<const int64_t> rows) { return parts_->averager.average(rows); }
std::vector<int64_t> RowAverager::distributions(std::span<const int64_t> rows) {
  return parts_->averager.distributions(rows);
}

bool anyNan(std::span<const float> values) {
  return std::any_of(values.begin(), values.end(), [](float v) { return std::isnan(v); });
}

Plan withMeanReference(const gpu::Context& context, const Plan& plan, std::vector<std::string>& warnings) {
  const RowReader reader(plan.reference.tensor, plan.storedEntries(plan.reference.tensor));
  const uint64_t rowBytes = uint64_t(plan.vocab) * sizeof(float);
  auto file = std::make_shared<TemporaryFile>(uint64_t(reader.rows()) * rowBytes);
  Averager averager(context, plan, plan.reference.tensor, reader);
  size_t left = 0;
  for (const int64_t row : neededMeans(plan)) {
    const std::vector<int64_t> rows = rowsOfMean(plan, row);
    std::vector<float> mean = averager.average(rows);
    if (!rows.empty() && anyNan(mean)) {
      const std::vector<int64_t> good = averager.distributions(rows);
      left += rows.size() - good.size();
      mean = averager.average(good);
    }
    file->write(uint64_t(row) * rowBytes, std::as_bytes(std::span(mean)));
  }
  if (left > 0)
    warnings.push_back(fmt::format("{} rows are NaN and left out of the reference {}", left, plan.reference.text));
  Plan out = plan;
  Tensor& tensor = out.reference.tensor;
  tensor.name = "mean";
  tensor.dtype = DType::F32;
  tensor.shape = {reader.rows(), plan.vocab};
  tensor.strides = {plan.vocab, 1};
  tensor.axes.clear();
  tensor.kind = Kind::Probs;
  tensor.source = file;
  tensor.offset = 0;
  out.reference.kind = ReferenceKind::Rows;
  out.reference.rowKind = Kind::Probs;
  out.reference.tempered = true;
  return out;
}

}  // namespace divlens
