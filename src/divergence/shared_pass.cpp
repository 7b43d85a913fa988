#include "divergence/shared_pass.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "divergence/rows_in_place.h"
#include "gpu/barrier.h"
#include "shaders/metrics.h"

namespace divlens {
namespace {

using namespace kernels;

constexpr uint32_t kMergeSize = 64;
/// Entries of rows that a plan reads before two cells (of two reads) or four share a workgroup on a processor:
/// compiling that takes longer, and with an empty shader cache some tenths of a second. Eight cells are no faster there
/// than four.
constexpr double kSomeEntries = 4e6;
constexpr double kManyEntries = 3e7;

/// Cells that a workgroup takes. It changes no bit of any cell. (Of rows with targets of their own, one: neighbours
/// have different ones, and eight cells for each group of one made `rank` five times slower.)
uint32_t sharedCells(const gpu::Context& context, const Plan& plan, bool twoReads) {
  if (context.sharedCells() != 0) return context.sharedCells();
  double pairs = double(plan.entriesPerCell());
  for (const PlanAxis* axis : {&plan.rows, &plan.columns}) pairs *= double(axis->positions.size());
  double sharing = 1;  // cells that one reference row serves
  const auto count = [&](const PlanAxis& axis) {
    if (axis.referenceStride == 0 && !axis.synthetic) sharing *= double(axis.positions.size());
  };
  count(plan.rows);
  count(plan.columns);
  for (const PlanAxis& axis : plan.reduced) count(axis);
  const double entries = pairs * double(plan.vocab);
  if (context.isCpu() && entries < kManyEntries) return twoReads && entries >= kSomeEntries && sharing >= 2 ? 2 : 1;
  return sharing >= 7 && !context.isCpu() ? 8 : sharing >= 3 ? 4 : sharing >= 2 ? 2 : 1;
}

template <typename T>
std::span<const std::byte> bytesOf(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

const char* stemOf(FastKernel kernel) {
  switch (kernel) {
    case FastKernel::OneRead:
      return "one_read";
    case FastKernel::TwoRead:
      return "two_read";
    case FastKernel::Stored:
      return "stored_read";
    default:
      return "row_values";
  }
}

/// The pairs that share a reference row, at most `most` together, and the reference's rows, each once.
void groupPairs(std::span<const PairEntry> entries, uint32_t most, std::vector<PairGroup>& groups,
                std::vector<uint32_t>& rows) {
  for (uint32_t i = 0; i < entries.size(); ++i) {
    const PairEntry& entry = entries[i];
    if (entry.missing) continue;
    const bool joins = !groups.empty() && groups.back().reference == entry.reference && groups.back().count < most &&
                       groups.back().first + groups.back().count == i;
    if (joins)
      ++groups.back().count;
    else
      groups.push_back({i, 1, entry.reference});
    rows.push_back(entry.reference);
  }
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
}

}  // namespace

std::vector<size_t> SharedPass::channelsOf(const Plan& plan, SideFormat cells, SideFormat reference) {
  std::vector<size_t> channels;
  for (size_t i = 0; i < plan.metrics.size(); ++i)
    if (fastMetric(plan, plan.metrics[i], cells, reference)) channels.push_back(i);
  return channels;
}

SharedPass::SharedPass(const gpu::Context& context, const Plan& plan, const std::vector<size_t>& channels,
                       SideFormat cells, SideFormat reference, bool sharedTensor, size_t maxPairs, size_t maxRows,
                       bool close)
    : plan_(plan),
      channels_(channels),
      cells_(cells),
      reference_(reference),
      ownReferenceRows_(!sharedTensor && reference.dtype <= kF32),
      texels_(readsTexels(context)),
      close_(close),
      maxPairs_(maxPairs),
      lanes_(lanesFor(context, plan.vocab)),
      parts_(RowStatsPass::partsFor(context, plan)),
      allowed_(allowedBuffer(context, plan)) {
  for (size_t i = 0; i < channels_.size(); ++i) {
    const FastMetric metric = *fastMetric(plan, plan.metrics[channels_[i]], cells, reference);
    auto family = std::find_if(families_.begin(), families_.end(), [&](const Family& f) {
      return f.kernel == metric.kernel && f.tilt == metric.tilt && f.weight == metric.weight && f.k == metric.k;
    });
    if (family == families_.end()) {
      families_.emplace_back();
      family = families_.end() - 1;
      family->kernel = metric.kernel;
      family->tilt = metric.tilt;
      family->weight = metric.weight;
      family->k = metric.k;
      family->plain = !close_ && metric.kernel == FastKernel::OneRead && metric.plain();
    }
    family->sumBits |= metric.sums;
    family->entropy |= metric.entropy;
    family->reference |= metric.reference;
    family->entry |= metric.entry;
    family->channels.push_back(i);
  }
  const auto any = [&](auto wanted) { return std::any_of(families_.begin(), families_.end(), wanted); };
  const auto isOf = [](FastKernel kernel) { return [kernel](const Family& f) { return f.kernel == kernel; }; };
  if (reference.dtype <= kF32) shared_ = sharedCells(context, plan, any(isOf(FastKernel::TwoRead)));
  // Pipelines are made side by side: those first that take longest.
  for (Family& family : families_)
    if (family.kernel == FastKernel::Overlap)
      family.overlap =
          std::make_unique<OverlapPass>(context, plan, cells, reference, ownReferenceRows_, family.k, maxRows, texels_);
    else
      makePipelines(context, family);
  // A row that is on both sides has its statistics taken twice: both times the same ones.
  const bool heat = any([](const Family& f) { return f.entropy; });
  const bool entry = any([](const Family& f) { return f.entry; });
  const bool oneRead = any(isOf(FastKernel::OneRead));
  const bool pairs = oneRead || any(isOf(FastKernel::TwoRead)) || any(isOf(FastKernel::Stored));
  const bool cellRows = any(isOf(FastKernel::TwoRead)) || any(isOf(FastKernel::Rows));
  const bool referenceRows =
      oneRead || any([&](const Family& f) {
        return (f.kernel == FastKernel::TwoRead || f.kernel == FastKernel::Rows) && ownReferenceRows_ && f.reference;
      });
  if (cellRows)
    cellStats_ = std::make_unique<RowStatsPass>(context, plan, cells,
                                                RowStatsPass::Options{.top = entry, .heat = heat, .texels = texels_});
  if (referenceRows && reference.dtype <= kF32)
    referenceStats_ = std::make_unique<RowStatsPass>(
        context, plan, reference,
        RowStatsPass::Options{.listed = true, .top = entry || oneRead, .heat = heat, .texels = texels_});
  statsPartials_ =
      gpu::Buffer(context, maxRows * parts_ * sizeof(StatsPartial), gpu::Memory::Device, "row statistics' parts");
  stats_ = gpu::Buffer(context, maxRows * sizeof(RowStats), gpu::Memory::Device, "row statistics");
  partials_ =
      gpu::Buffer(context, pairs ? maxPairs * parts_ * sizeof(SharedPartial) : 16, gpu::Memory::Device, "pairs' parts");
}

void SharedPass::makePipelines(const gpu::Context& context, Family& family) const {
  const auto named = [&](const char* stem) { return std::string(stem) + (texels_ ? "_texels.comp" : ".comp"); };
  const auto flag = [&](uint32_t bit) { return family.sumBits & bit ? 1u : 0u; };
  const bool rows = family.kernel == FastKernel::Rows, stored = family.kernel == FastKernel::Stored;
  if (!rows) {
    const std::array<uint32_t, 10> constants{lanes_,
                                             cells_.dtype,
                                             reference_.dtype,
                                             plan_.temperature == 1 ? 0u : 1u,
                                             plan_.allowedBits.empty() ? 0u : 1u,
                                             shared_,
                                             flag(1),
                                             family.plain ? flag(2 | 4) : flag(2),
                                             family.plain ? uint32_t(!texels_) : flag(4),
                                             stored ? plan_.vocab % 8 != 0 : flag(8)};
    family.sums = std::make_unique<gpu::ComputePipeline>(
        context, named(family.plain ? "plain_read" : stemOf(family.kernel)), 9, uint32_t(sizeof(SharedPush)),
        std::span(constants.data(), family.plain ? 9 : 10), std::span<const uint32_t>{}, texels_ ? 2u : 0u);
  }
  for (const size_t index : family.channels) {
    const Metric& metric = *plan_.metrics[channels_[index]].metric;
    const std::array<uint32_t, 4> finish{kMergeSize, uint32_t(metric.id), uint32_t(metric.unit), cells_.dtype};
    const char* merge = family.plain ? "plain_merge.comp" : "shared_merge.comp";
    family.values.push_back(std::make_unique<gpu::ComputePipeline>(
        context, rows ? named(stemOf(family.kernel)) : merge, rows ? 6 : 5, uint32_t(sizeof(SharedPush)), finish,
        std::span<const uint32_t>{}, rows && texels_ ? 1u : 0u));
  }
}

void SharedPass::record(VkCommandBuffer commands, Slot& slot, std::span<const PairEntry> entries,
                        uint64_t referenceOffset, const gpu::Buffer& values, uint64_t channelStride) {
  const size_t cellRows = slot.tile.cellRows.size();
  const size_t referenceRows = slot.tile.referenceRows.size();
  std::vector<PairGroup> groups;
  std::vector<uint32_t> rows;
  groupPairs(entries, shared_, groups, rows);
  std::memcpy(slot.groups.mapped(), groups.data(), groups.size() * sizeof(PairGroup));
  std::memcpy(slot.referenceList.mapped(), rows.data(), rows.size() * sizeof(uint32_t));

  const gpu::BufferRange cells{&slot.rows(), 0, cellRows * cells_.rowVectors * 16};
  const bool own = ownReferenceRows_ && referenceRows > 0;
  const gpu::BufferRange reference =
      own ? gpu::BufferRange{&slot.rows(), referenceOffset, referenceRows * reference_.rowVectors * 16} : cells;
  gpu::DescriptorPool& pool = slot.submission.descriptors();
  const uint32_t firstReference = own ? uint32_t(cellRows) : 0;
  gpu::BufferRange cellSource = cells, referenceSource = reference;
  if (texels_) {
    cellSource.texels = slot.cellView();
    referenceSource.texels = own ? slot.referenceView() : slot.cellView();
  }
  if (cellStats_)
    cellStats_->record(commands, pool, {cellSource, cellRows, 0, nullptr, &slot.numbers}, statsPartials_, stats_,
                       allowed_);
  if (referenceStats_)
    referenceStats_->record(commands, pool,
                            {referenceSource, rows.size(), firstReference, &slot.referenceList, &slot.numbers},
                            statsPartials_, stats_, allowed_);

  SharedPush push{.groups = uint32_t(groups.size()),
                  .pairs = uint32_t(entries.size()),
                  .width = uint32_t(plan_.vocab),
                  .cellVectors = cells_.rowVectors,
                  .referenceVectors = reference_.rowVectors,
                  .inverseTemperature = float(1.0 / plan_.temperature),
                  .unitScale = float(1.0 / plan_.logBase),
                  .firstReferenceStats = firstReference,
                  .parts = parts_,
                  .valueStart = 0,
                  .redoStart = 0,
                  .tilt = 0,
                  .weight = 0};
  for (const Family& family : families_) {
    push.tilt = family.tilt;
    push.weight = family.weight;
    if (family.overlap) {
      for (const size_t index : family.channels)
        family.overlap->record(
            commands, pool, slot, {cellSource, cellRows, 0}, {referenceSource, own ? referenceRows : 0, firstReference},
            allowed_, values,
            {.value = uint32_t(channels_[index] * channelStride), .redo = uint32_t(index * maxPairs_)});
      continue;
    }
    if (family.sums) {
      const gpu::BufferRange sums[] = {cellSource,     referenceSource, {&stats_},   {&statsPartials_}, {&slot.entries},
                                       {&slot.groups}, {&partials_},    {&allowed_}, {&slot.numbers}};
      family.sums->dispatch(commands, pool, sums, bytesOf(push), push.groups);
      gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
    }
    for (size_t i = 0; i < family.channels.size(); ++i) {
      const size_t index = family.channels[i];
      push.valueStart = uint32_t(channels_[index] * channelStride);
      push.redoStart = uint32_t(index * maxPairs_);
      const gpu::BufferRange ofPairs[] = {{&partials_}, {&slot.entries}, {&stats_}, {&values}, {&slot.verdicts}};
      const gpu::BufferRange ofRows[] = {cellSource, {&slot.entries},  {&stats_},
                                         {&values},  {&slot.verdicts}, {&slot.numbers}};
      const std::span<const gpu::BufferRange> buffers =
          family.sums ? std::span<const gpu::BufferRange>(ofPairs) : ofRows;
      family.values[i]->dispatch(commands, pool, buffers, bytesOf(push), (push.pairs + kMergeSize - 1) / kMergeSize);
    }
    gpu::barrier(commands, gpu::kComputeReadWrite, gpu::kComputeReadWrite);
  }
  gpu::barrier(commands, gpu::kComputeWrite, gpu::kHostRead);
}

std::vector<PairEntry> SharedPass::givenBack(const Slot& slot, std::span<const PairEntry> entries, size_t channel,
                                             uint32_t verdict) const {
  const size_t index = size_t(std::find(channels_.begin(), channels_.end(), channel) - channels_.begin());
  std::vector<PairEntry> found;
  const std::byte* verdicts = slot.verdicts.mapped() + index * maxPairs_ * sizeof(uint32_t);
  for (size_t i = 0; i < entries.size(); ++i) {
    uint32_t of = 0;
    std::memcpy(&of, verdicts + i * sizeof of, sizeof of);
    if (of == verdict) found.push_back(entries[i]);
  }
  return found;
}

}  // namespace divlens
