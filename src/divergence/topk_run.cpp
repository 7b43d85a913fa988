#include "divergence/topk_run.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "divergence/topk_lists.h"
#include "divergence/user_shader.h"
#include "dump/rows.h"
#include "gpu/barrier.h"
#include "shaders/topk.h"

namespace divlens {
namespace {

using namespace kernels;

constexpr uint32_t kLocalSize = 64;
constexpr uint64_t kTileBytes = uint64_t{8} << 20;
constexpr size_t kMaxPairs = 16384;

uint32_t groupsFor(size_t count) { return uint32_t((count + kLocalSize - 1) / kLocalSize); }

std::unique_ptr<gpu::ComputePipeline> pairsPipeline(const gpu::Context& context, const Plan& plan,
                                                    const MetricUse& use) {
  const Metric& metric = *use.metric;
  const std::array<uint32_t, 6> constants{kLocalSize,
                                          uint32_t(metric.id),
                                          boundOf(metric).value(),
                                          uint32_t(metric.unit),
                                          metric.needs == Needs::Nothing ? 0u : 1u,
                                          plan.reference.kind == ReferenceKind::Target ? 1u : 0u};
  return std::make_unique<gpu::ComputePipeline>(context, "topk_pairs.comp", 4, uint32_t(sizeof(ListPairsPush)),
                                                constants, userShader(std::span(&use, 1), "topk_pairs.comp"));
}

/// The list as the kernels take it, in `k` places from `to`.
void pack(const ListRow& row, size_t k, ListEntry* to) {
  std::fill(to, to + k, ListEntry{kNoId, 0, 0});
  for (size_t i = 0; i < row.ids.size(); ++i) {
    const auto high = float(row.logs[i]);
    to[i] = {uint32_t(row.ids[i]), high, std::isfinite(high) ? float(row.logs[i] - double(high)) : 0.0F};
  }
  // The kernels know a bad list by its first entry.
  if (row.bad) to[0] = {kNoId, std::bit_cast<float>(kNanBits), 0};
}

}  // namespace

TopKRun::TopKRun(const gpu::Context& context, const Plan& plan)
    : context_(context),
      plan_(plan),
      k_(size_t(plan.cells.shape.back())),
      referenceK_(0),
      rows_(context, "topk_rows.comp", 3, uint32_t(sizeof(ListRowsPush)), std::array{kLocalSize}),
      submission_(context, uint32_t(2 + plan.metrics.size()), 4) {
  const ReferenceKind kind = plan.reference.kind;
  const bool stored = kind == ReferenceKind::Rows || kind == ReferenceKind::Shifted;
  shared_ = stored && sameTensor(plan.cells, plan.reference.tensor);
  if (stored) referenceK_ = size_t(plan.reference.tensor.shape.back());
  if (kind == ReferenceKind::Target) targets_ = readIntegers(plan.reference.tensor);
  const size_t longest = std::max(k_, referenceK_);
  const size_t listBytes = longest * sizeof(ListEntry);
  limits_ = {std::max<uint64_t>(kTileBytes, 2 * listBytes), listBytes, stored ? listBytes : 0, kMaxPairs};
  for (const MetricUse& use : plan.metrics) pairs_.push_back(pairsPipeline(context, plan, use));
  const size_t mostRows = 2 * kMaxPairs;
  lists_ = gpu::Buffer(context, limits_.bytes + listBytes, gpu::Memory::Upload, "lists");
  stats_ = gpu::Buffer(context, mostRows * sizeof(ListStats), gpu::Memory::Device, "lists' statistics");
  entries_ = gpu::Buffer(context, kMaxPairs * sizeof(PairEntry), gpu::Memory::Upload, "pairs");
  const float none = 0;
  largest_ = gpu::makeFilledBuffer(context, std::as_bytes(std::span(&none, 1)), "largest rest");
}

float TopKRun::largestRest() const {
  float value = 0;
  gpu::download(context_, largest_, 0, std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

uint64_t TopKRun::upload(const Tensor& lists, const Tensor& ids, const std::vector<int64_t>& rows, size_t first) {
  const auto k = size_t(lists.shape.back());
  std::vector<ListEntry> packed(rows.size() * k);
  const std::vector<ListRow> found = readLists(lists, ids, rows);
  for (size_t i = 0; i < found.size(); ++i) pack(found[i], k, packed.data() + i * k);
  std::memcpy(lists_.mapped() + first * sizeof(ListEntry), packed.data(), packed.size() * sizeof(ListEntry));
  return rows.size() * k * (info(lists.dtype).bytes + info(ids.dtype).bytes);
}

void TopKRun::recordRows(VkCommandBuffer commands, const Tensor& lists, size_t rows, size_t first, size_t firstRow) {
  const ListRowsPush push{.rows = uint32_t(rows),
                          .first = uint32_t(first),
                          .k = uint32_t(lists.shape.back()),
                          .firstRow = uint32_t(firstRow),
                          .roundoff = float(roundoff(lists.dtype))};
  const gpu::BufferRange buffers[] = {{&lists_}, {&stats_}, {&largest_}};
  rows_.dispatch(commands, submission_.descriptors(), buffers, std::as_bytes(std::span(&push, 1)), groupsFor(rows));
}

void TopKRun::record(const Tile& tile, const gpu::Buffer& values, uint64_t channelStride) {
  const size_t cellRows = tile.cellRows.size(), referenceRows = tile.referenceRows.size();
  const VkCommandBuffer commands = submission_.begin();
  gpu::barrier(commands, gpu::kTransferWrite, gpu::kComputeReadWrite);
  gpu::barrier(commands, gpu::kComputeReadWrite, gpu::kComputeReadWrite);
  if (cellRows) recordRows(commands, plan_.cells, cellRows, 0, 0);
  if (referenceRows) recordRows(commands, plan_.reference.tensor, referenceRows, cellRows * k_, cellRows);
  gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
  for (size_t channel = 0; channel < pairs_.size(); ++channel) {
    const ListPairsPush push{.pairs = uint32_t(tile.entries.size()),
                             .k = uint32_t(k_),
                             .referenceFirst = uint32_t(shared_ ? 0 : cellRows * k_),
                             .referenceK = uint32_t(referenceK_),
                             .referenceFirstRow = uint32_t(shared_ ? 0 : cellRows),
                             .firstValue = uint32_t(channel * channelStride),
                             .unitScale = float(1 / plan_.logBase),
                             .parameter = float(plan_.metrics[channel].parameter),
                             .complement = float(1 - plan_.metrics[channel].parameter)};
    const gpu::BufferRange buffers[] = {{&lists_}, {&stats_}, {&entries_}, {&values}};
    pairs_[channel]->dispatch(commands, submission_.descriptors(), buffers, std::as_bytes(std::span(&push, 1)),
                              groupsFor(tile.entries.size()));
  }
  gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
  submission_.submit();
}

void TopKRun::compute(const Block& block, const EntryLayout& entries, const gpu::Buffer& values, uint64_t channelStride,
                      const std::function<void(uint64_t)>& afterTile) {
  TileWalk walk(plan_, block, entries, limits_, shared_, targets_);
  while (const std::optional<Tile> tile = walk.next()) {
    submission_.wait();
    uint64_t bytes = upload(plan_.cells, plan_.ids, tile->cellRows, 0);
    if (!tile->referenceRows.empty())
      bytes += upload(plan_.reference.tensor, plan_.reference.ids, tile->referenceRows, tile->cellRows.size() * k_);
    std::memcpy(entries_.mapped(), tile->entries.data(), tile->entries.size() * sizeof(PairEntry));
    record(*tile, values, channelStride);
    afterTile(bytes);
  }
  submission_.wait();
}

}  // namespace divlens
