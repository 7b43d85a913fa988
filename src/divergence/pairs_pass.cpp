#include "divergence/pairs_pass.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "divergence/overlap_pass.h"
#include "divergence/user_shader.h"
#include "gpu/barrier.h"

namespace divlens {
namespace {

using namespace kernels;

constexpr uint32_t kMergeSize = 64;

/// llama.cpp's log-probabilities span the row's own range.
bool quantises(const Plan& plan) {
  return std::any_of(plan.metrics.begin(), plan.metrics.end(), [](const MetricUse& use) {
    return use.metric->tool && std::string_view(use.metric->tool) == "llama.cpp";
  });
}

/// k of overlap:k, 0 for other metrics.
uint32_t topsWanted(const MetricUse& use) { return use.metric->stem() == "overlap" ? uint32_t(use.parameter) : 0; }

/// Whether a metric may have a kink where p and q are equal.
bool hasKink(const MetricUse& use) { return use.user != nullptr || use.metric->id == int(MetricId::Tv); }

template <typename T>
std::span<const std::byte> bytesOf(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace

PairsPass::PairsPass(const gpu::Context& context, const Plan& plan, const std::vector<size_t>& channels,
                     SideFormat cells, SideFormat reference, bool sharedTensor, size_t maxPairs, size_t maxRows)
    : plan_(plan),
      cells_(cells),
      reference_(reference),
      ownReferenceRows_(!sharedTensor && reference.dtype <= kF32),
      channels_(channels.size()),
      lanes_(lanesFor(context, plan.vocab)),
      parts_(lanes_ <= 8 ? lanes_ : 1),
      cellStats_(std::make_shared<RowStatsPass>(context, plan, cells, RowStatsPass::Options{.low = quantises(plan)})),
      referenceStats_(cellStats_),
      allowed_(allowedBuffer(context, plan)) {
  // Sides that are stored alike share their pipelines.
  const bool alike = cells_.dtype == reference_.dtype && cells_.kind == reference_.kind &&
                     cells_.split == reference_.split && cells_.rowVectors == reference_.rowVectors;
  if (ownReferenceRows_ && !alike)
    referenceStats_ =
        std::make_shared<RowStatsPass>(context, plan, reference, RowStatsPass::Options{.low = quantises(plan)});
  for (size_t i = 0; i < channels.size(); i += groups_.back().channels)
    addGroup(context, std::span(channels).subspan(i));
  tops_ = gpu::Buffer(context, topPasses() ? maxRows * sizeof(TopState) : 16, gpu::Memory::Device, "largest elements");
  const size_t most = std::min<size_t>(channels.size(), kMaxChannels);
  statsPartials_ = gpu::Buffer(context, maxRows * cellStats_->parts() * sizeof(StatsPartial), gpu::Memory::Device,
                               "row statistics' parts");
  stats_ = gpu::Buffer(context, maxRows * sizeof(RowStats), gpu::Memory::Device, "row statistics");
  sumPartials_ =
      gpu::Buffer(context, maxPairs * most * parts_ * sizeof(SumPartial), gpu::Memory::Device, "pairs' parts");
  const bool centred =
      std::any_of(groups_.begin(), groups_.end(), [](const Group& group) { return bool(group.centres); });
  centres_ =
      gpu::Buffer(context, centred ? maxPairs * parts_ * sizeof(SumPartial) : 16, gpu::Memory::Device, "centres");
}

void PairsPass::addGroup(const gpu::Context& context, std::span<const size_t> channels) {
  Group group;
  const size_t firstChannel = channels.front();
  group.firstChannel = firstChannel;
  // One group knows one k, and its channels are neighbours.
  uint32_t k = 0;
  for (; group.channels < std::min<size_t>(channels.size(), kMaxChannels); ++group.channels) {
    const size_t channel = channels[group.channels];
    if (channel != firstChannel + group.channels) break;
    const uint32_t wanted = topsWanted(plan_.metrics[channel]);
    if (wanted && k && wanted != k) break;
    // Whether a metric is centred must not depend on its company.
    if (hasKink(plan_.metrics[channel]) != hasKink(plan_.metrics[firstChannel])) break;
    k = std::max(k, wanted);
  }
  group.k = k;
  if (k) {
    group.cellTops = std::make_unique<TopKPass>(context, plan_, cells_, k);
    if (ownReferenceRows_) group.referenceTops = std::make_unique<TopKPass>(context, plan_, reference_, k);
  }
  std::array<uint32_t, 17> constants{lanes_,
                                     cells_.dtype,
                                     cells_.kind,
                                     reference_.dtype,
                                     reference_.kind,
                                     kNoMetric,
                                     kNoMetric,
                                     kNoMetric,
                                     kNoMetric,
                                     plan_.allowedBits.empty() ? 0u : 1u,
                                     quantises(plan_) ? 1u : 0u,
                                     k ? 1u : 0u,
                                     TopKPass::shiftOf(cells_),
                                     TopKPass::shiftOf(reference_),
                                     cells_.split ? 1u : 0u,
                                     reference_.split ? 1u : 0u,
                                     0u};
  if (hasKink(plan_.metrics[firstChannel])) {
    constants[5] = uint32_t(MetricId::Tv);
    group.centres =
        std::make_unique<gpu::ComputePipeline>(context, "pairs.comp", 9, uint32_t(sizeof(PairsPush)), constants);
    constants[16] = 1;
  }
  for (size_t i = 0; i < group.channels; ++i) constants[5 + i] = uint32_t(plan_.metrics[firstChannel + i].metric->id);
  const std::vector<uint32_t> code = userShader(std::span(plan_.metrics).subspan(firstChannel, group.channels));
  group.sums =
      std::make_unique<gpu::ComputePipeline>(context, "pairs.comp", 9, uint32_t(sizeof(PairsPush)), constants, code);
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

size_t PairsPass::topPasses() const {
  return size_t(std::count_if(groups_.begin(), groups_.end(), [](const Group& group) { return bool(group.cellTops); }));
}

uint32_t PairsPass::descriptorSets() const {
  return uint32_t(2 * RowStatsPass::kDescriptorSets + 2 * topPasses() * TopKPass::kDescriptorSets + 2 * groups_.size() +
                  channels_);
}

PairsPush PairsPass::pairsPush(const Group& group, size_t pairs, uint64_t channelStride) const {
  PairsPush push{.pairs = uint32_t(pairs),
                 .width = uint32_t(plan_.vocab),
                 .cellVectors = cells_.rowVectors,
                 .referenceVectors = reference_.rowVectors,
                 .inverseTemperature = float(1.0 / plan_.temperature),
                 .unitScale = float(1.0 / plan_.logBase),
                 .parameters = {},
                 .complements = {},
                 .firstReferenceStats = 0,
                 .channelStride = uint32_t(channelStride),
                 .parts = parts_,
                 .channels = uint32_t(group.channels),
                 .allowed = uint32_t(plan_.allowed),
                 .firstChannel = uint32_t(group.firstChannel),
                 .lastOfK = allowedEntry(plan_, std::min<int64_t>(group.k, plan_.allowed)),
                 .lastBeforeK = allowedEntry(plan_, std::min<int64_t>(group.k, plan_.allowed) - 1)};
  for (size_t i = 0; i < group.channels; ++i) {
    const double parameter = plan_.metrics[group.firstChannel + i].parameter;
    push.parameters[i] = float(parameter);
    push.complements[i] = float(1 - parameter);
  }
  return push;
}

void PairsPass::record(VkCommandBuffer commands, Slot& slot, uint64_t referenceOffset, const gpu::Buffer& values,
                       uint64_t channelStride) const {
  const size_t cellRows = slot.tile.cellRows.size();
  const size_t referenceRows = slot.tile.referenceRows.size();
  const size_t pairs = slot.pairs;
  const gpu::BufferRange cells{&slot.rows(), 0, cellRows * cells_.rowVectors * 16};
  const bool own = ownReferenceRows_ && referenceRows > 0;
  const gpu::BufferRange reference =
      own ? gpu::BufferRange{&slot.rows(), referenceOffset, referenceRows * reference_.rowVectors * 16} : cells;
  gpu::DescriptorPool& pool = slot.submission.descriptors();
  cellStats_->record(commands, pool, {cells, cellRows, 0}, statsPartials_, stats_, allowed_);
  if (own)
    referenceStats_->record(commands, pool, {reference, referenceRows, cellRows}, statsPartials_, stats_, allowed_);
  const gpu::BufferRange cellStats{&stats_, 0, cellRows * sizeof(RowStats)};
  // Storage buffer offsets have an alignment of their own, so the reference's statistics are reached by number, not by
  // offset.
  const gpu::BufferRange allStats{&stats_};
  for (const Group& group : groups_) {
    PairsPush push = pairsPush(group, pairs, channelStride);
    push.firstReferenceStats = own ? uint32_t(cellRows) : 0;
    if (group.cellTops) group.cellTops->record(commands, pool, cells, cellRows, 0, tops_, allowed_);
    if (group.referenceTops && own)
      group.referenceTops->record(commands, pool, reference, referenceRows, cellRows, tops_, allowed_);
    if (group.centres) {
      // sumPartials_ stands for the centres, which this kernel does not read.
      const gpu::BufferRange first[] = {cells,       reference,   cellStats, allStats,       {&slot.entries},
                                        {&centres_}, {&allowed_}, {&tops_},  {&sumPartials_}};
      PairsPush alone = push;
      alone.channels = 1;
      group.centres->dispatch(commands, pool, first, bytesOf(alone), uint32_t(pairs));
      gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
    }
    const gpu::BufferRange sums[] = {cells,           reference,   cellStats, allStats,   {&slot.entries},
                                     {&sumPartials_}, {&allowed_}, {&tops_},  {&centres_}};
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
