#include "divergence/pairs_pass.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "gpu/barrier.h"

namespace divlens {
namespace {

using namespace kernels;

constexpr uint32_t kMergeSize = 64;

/// Invocations that share a row. It depends on the row's size and the device alone, so that a cell's bits do too.
uint32_t lanesFor(const gpu::Context& context, uint32_t vectors) {
  if (context.isCpu()) return 8;
  return std::clamp(std::bit_ceil(vectors / 4 + 1), 32u, 256u);
}

/// llama.cpp's log-probabilities span the row's own range.
bool quantises(const Plan& plan) {
  return std::any_of(plan.metrics.begin(), plan.metrics.end(), [](const MetricUse& use) {
    return use.metric->tool && std::string_view(use.metric->tool) == "llama.cpp";
  });
}

template <typename T>
std::span<const std::byte> bytesOf(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace

PairsPass::PairsPass(const gpu::Context& context, const Plan& plan, SideFormat cells, SideFormat reference,
                     bool sharedTensor, size_t maxPairs, size_t maxRows)
    : plan_(plan),
      cells_(cells),
      reference_(reference),
      sharedTensor_(sharedTensor),
      ownReferenceRows_(!sharedTensor && reference.dtype <= kF32),
      lanes_(lanesFor(context, cells.rowVectors)),
      parts_(lanes_ <= 8 ? lanes_ : 1) {
  const uint32_t masked = plan.allowedBits.empty() ? 0 : 1;
  const uint32_t needsLow = quantises(plan) ? 1 : 0;
  const auto statsPipeline = [&](const SideFormat& side) {
    return std::make_shared<gpu::ComputePipeline>(context, "row_stats.comp", 3, uint32_t(sizeof(RowsPush)),
                                                  std::array{lanes_, side.dtype, side.kind, masked, needsLow});
  };
  const auto mergePipeline = [&](const SideFormat& side) {
    return std::make_shared<gpu::ComputePipeline>(context, "row_stats_merge.comp", 2, uint32_t(sizeof(RowsPush)),
                                                  std::array{kMergeSize, side.kind});
  };
  cellStats_ = statsPipeline(cells_);
  cellStatsMerge_ = mergePipeline(cells_);
  // Sides that are stored alike share their pipelines.
  const bool alike = cells_.dtype == reference_.dtype && cells_.kind == reference_.kind;
  referenceStats_ = !ownReferenceRows_ || alike ? cellStats_ : statsPipeline(reference_);
  referenceStatsMerge_ = !ownReferenceRows_ || alike ? cellStatsMerge_ : mergePipeline(reference_);
  const std::vector<uint32_t> none(4, 0);
  allowed_ = gpu::makeFilledBuffer(
      context, std::as_bytes(std::span(plan.allowedBits.empty() ? none : plan.allowedBits)), "allowed entries");
  for (size_t channel = 0; channel < plan.metrics.size(); channel += kMaxChannels) addGroup(context, channel);
  const size_t channels = std::min<size_t>(plan.metrics.size(), kMaxChannels);
  statsPartials_ =
      gpu::Buffer(context, maxRows * parts_ * sizeof(StatsPartial), gpu::Memory::Device, "row statistics' parts");
  stats_ = gpu::Buffer(context, maxRows * sizeof(RowStats), gpu::Memory::Device, "row statistics");
  sumPartials_ =
      gpu::Buffer(context, maxPairs * channels * parts_ * sizeof(SumPartial), gpu::Memory::Device, "pairs' parts");
}

void PairsPass::addGroup(const gpu::Context& context, size_t firstChannel) {
  Group group;
  group.firstChannel = firstChannel;
  group.channels = std::min<size_t>(plan_.metrics.size() - firstChannel, kMaxChannels);
  std::array<uint32_t, 11> constants{lanes_,
                                     cells_.dtype,
                                     cells_.kind,
                                     reference_.dtype,
                                     reference_.kind,
                                     kNoMetric,
                                     kNoMetric,
                                     kNoMetric,
                                     kNoMetric,
                                     plan_.allowedBits.empty() ? 0u : 1u,
                                     quantises(plan_) ? 1u : 0u};
  for (size_t i = 0; i < group.channels; ++i) constants[5 + i] = uint32_t(plan_.metrics[firstChannel + i].metric->id);
  group.sums = std::make_unique<gpu::ComputePipeline>(context, "pairs.comp", 7, uint32_t(sizeof(PairsPush)), constants);
  for (size_t i = 0; i < group.channels; ++i) {
    const Metric& metric = *plan_.metrics[firstChannel + i].metric;
    const std::array<uint32_t, 6> finish{
        kMergeSize,       uint32_t(metric.id),   uint32_t(i),
        reference_.dtype, uint32_t(metric.unit), metric.needs == Needs::Nothing ? 0u : 1u};
    group.finish.push_back(
        std::make_unique<gpu::ComputePipeline>(context, "pairs_merge.comp", 5, uint32_t(sizeof(PairsPush)), finish));
  }
  groups_.push_back(std::move(group));
}

uint32_t PairsPass::descriptorSets() const { return uint32_t(4 + groups_.size() + plan_.metrics.size()); }

void PairsPass::recordStats(VkCommandBuffer commands, Slot& slot, bool cells, gpu::BufferRange rows, size_t count,
                            size_t firstRow) const {
  const SideFormat& side = cells ? cells_ : reference_;
  const RowsPush push{.rows = uint32_t(count),
                      .firstRow = uint32_t(firstRow),
                      .rowVectors = side.rowVectors,
                      .width = uint32_t(plan_.vocab),
                      .inverseTemperature = float(1.0 / plan_.temperature),
                      .parts = parts_};
  gpu::DescriptorPool& pool = slot.submission.descriptors();
  const gpu::BufferRange first[] = {rows, {&statsPartials_}, {&allowed_}};
  (cells ? cellStats_ : referenceStats_)->dispatch(commands, pool, first, bytesOf(push), push.rows);
  gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
  const gpu::BufferRange second[] = {{&statsPartials_}, {&stats_}};
  (cells ? cellStatsMerge_ : referenceStatsMerge_)
      ->dispatch(commands, pool, second, bytesOf(push), (push.rows + kMergeSize - 1) / kMergeSize);
  gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
}

PairsPush PairsPass::pairsPush(const Group& group, size_t pairs, uint64_t channelStride) const {
  PairsPush push{.pairs = uint32_t(pairs),
                 .width = uint32_t(plan_.vocab),
                 .cellVectors = cells_.rowVectors,
                 .referenceVectors = reference_.rowVectors,
                 .inverseTemperature = float(1.0 / plan_.temperature),
                 .unitScale = float(1.0 / plan_.logBase),
                 .parameters = {},
                 .firstReferenceStats = 0,
                 .channelStride = uint32_t(channelStride),
                 .parts = parts_,
                 .channels = uint32_t(group.channels),
                 .allowed = uint32_t(plan_.allowed)};
  for (size_t i = 0; i < group.channels; ++i) push.parameters[i] = plan_.metrics[group.firstChannel + i].parameter;
  return push;
}

void PairsPass::record(VkCommandBuffer commands, Slot& slot, uint64_t referenceOffset, const gpu::Buffer& values,
                       uint64_t channelStride) const {
  const size_t cellRows = slot.tile.cellRows.size();
  const size_t referenceRows = slot.tile.referenceRows.size();
  const size_t pairs = slot.tile.entries.size();
  // The scratch buffers are shared with the tile before.
  gpu::barrier(commands, gpu::kComputeReadWrite, gpu::kComputeReadWrite);
  if (slot.device) {
    const VkBufferCopy region{.size = slot.rowBytes};
    vkCmdCopyBuffer(commands, slot.upload.handle(), slot.device.handle(), 1, &region);
    gpu::barrier(commands, gpu::kTransferWrite, gpu::kComputeRead);
  }
  const gpu::BufferRange cells{&slot.rows(), 0, cellRows * cells_.rowVectors * 16};
  const bool own = ownReferenceRows_ && referenceRows > 0;
  const gpu::BufferRange reference =
      own ? gpu::BufferRange{&slot.rows(), referenceOffset, referenceRows * reference_.rowVectors * 16} : cells;
  recordStats(commands, slot, true, cells, cellRows, 0);
  if (own) recordStats(commands, slot, false, reference, referenceRows, cellRows);
  const gpu::BufferRange cellStats{&stats_, 0, cellRows * sizeof(RowStats)};
  // Storage buffer offsets have an alignment of their own, so the reference's statistics are reached by number, not by
  // offset.
  const gpu::BufferRange allStats{&stats_};
  gpu::DescriptorPool& pool = slot.submission.descriptors();
  for (const Group& group : groups_) {
    PairsPush push = pairsPush(group, pairs, channelStride);
    push.firstReferenceStats = own ? uint32_t(cellRows) : 0;
    const gpu::BufferRange sums[] = {cells,           reference,       cellStats,  allStats,
                                     {&slot.entries}, {&sumPartials_}, {&allowed_}};
    group.sums->dispatch(commands, pool, sums, bytesOf(push), uint32_t(pairs));
    gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
    for (const auto& finish : group.finish) {
      const gpu::BufferRange merge[] = {{&sumPartials_}, {&slot.entries}, cellStats, allStats, {&values}};
      finish->dispatch(commands, pool, merge, bytesOf(push), uint32_t((pairs + kMergeSize - 1) / kMergeSize));
    }
    gpu::barrier(commands, gpu::kComputeReadWrite, gpu::kComputeReadWrite);
  }
}

}  // namespace divlens
