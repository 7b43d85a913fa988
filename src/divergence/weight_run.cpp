#include "divergence/weight_run.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <deque>
#include <future>

#include "divergence/weight_merges.h"
#include "gpu/barrier.h"
#include "shaders/kernels.h"

namespace divlens {
namespace {

using kernels::WeightBlock;
using kernels::WeightMerge;

// Elements whose moments are merged before they join others of their tensor: fixed, so that the bits are too.
constexpr int64_t kPiece = int64_t{1} << 20;
constexpr uint64_t kSideBytes = uint64_t(kPiece) * 4;
// Each is filled by a thread of its own: a processor has the kernels to run as well.
constexpr size_t kSlots = 3, kGpuSlots = 12;
constexpr uint32_t kMostBlocks = 4096;   // of a tile
constexpr uint32_t kMostPieces = 16384;  // of a batch
// Of a batch, so that values appear, and are kept by --resume, while a checkpoint is read; singular values take longer.
constexpr uint64_t kBatchBytes = uint64_t{256} << 20;
constexpr uint64_t kSpectraBytes = uint64_t{4} << 20;
constexpr size_t kMostHistograms = 512;  // of a batch
constexpr uint32_t kInvocations = 64;    // local size of the merging and finishing kernels
constexpr uint64_t kAlignment = 32;      // of a segment: one step of F32

uint32_t typeOf(DType dtype) {
  return dtype == DType::F16 ? kernels::kF16 : dtype == DType::BF16 ? kernels::kBf16 : kernels::kF32;
}

uint64_t padded(uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

uint32_t groups(size_t count) { return uint32_t((count + kInvocations - 1) / kInvocations); }

}  // namespace

struct WeightRun::Segment {
  int64_t cell, reference, first, count;
  uint32_t piece;  ///< index of its moments
  uint32_t item;   ///< of the batch
};

/// Segments of the same element types that are read together.
struct WeightRun::Tile {
  std::vector<Segment> segments;
  uint32_t cellType = 0, referenceType = kernels::kUniform;
  uint64_t cellBytes = 0, referenceBytes = 0;
  uint32_t blocks = 0;
};

struct WeightRun::Slot {
  gpu::Buffer upload, device, blocks, merges;
  gpu::Submission submission;
  std::vector<uint32_t> levels;
  const gpu::Buffer& rows() const { return device ? device : upload; }
  Slot(const gpu::Context& context, uint64_t bytes, uint64_t mergeCount)
      : upload(context, bytes, context.unifiedMemory() ? gpu::Memory::Device : gpu::Memory::Upload, "tensors"),
        blocks(context, kMostBlocks * sizeof(WeightBlock), gpu::Memory::Upload, "tensor blocks"),
        merges(context, mergeCount * sizeof(WeightMerge), gpu::Memory::Upload, "merges"),
        submission(context, 17, 3) {
    if (!upload.mapped()) upload = gpu::Buffer(context, bytes, gpu::Memory::Upload, "tensors");
    if (!context.unifiedMemory()) device = gpu::Buffer(context, bytes, gpu::Memory::Device, "device tensors");
  }
};

WeightRun::WeightRun(const gpu::Context& context, const Plan& plan, uint64_t memory)
    : context_(context),
      plan_(plan),
      cells_(plan.cells),
      spectra_(context, plan, cells_, memory),
      lanes_(context.isCpu() ? 8 : 64),
      merge_(context, "weights_merge.comp", 2, uint32_t(sizeof(kernels::WeightMergePush)), {}),
      finish_(context, "weights_finish.comp", 5, uint32_t(sizeof(kernels::WeightFinishPush)), {}),
      last_(context, 32, 5) {
  if (plan.reference.kind == ReferenceKind::Rows || plan.reference.kind == ReferenceKind::Shifted)
    references_.emplace(plan.reference.tensor);
  const uint64_t scratch = uint64_t(kMostBlocks) * lanes_ * 2;
  buffer_ =
      gpu::Buffer(context, (kMostPieces + scratch) * sizeof(kernels::WeightMoments), gpu::Memory::Device, "moments");
  const uint64_t bytes = kSideBytes * (references_ ? 2 : 1);
  const size_t slots = context.isCpu() ? kSlots : kGpuSlots;
  for (size_t i = 0; i < slots; ++i) slots_.push_back(std::make_unique<Slot>(context, bytes, kMostBlocks * 4));
  std::fill(std::begin(push_.thresholds), std::end(push_.thresholds), -1.0f);
  const auto isHistogram = [](const MetricUse& use) { return use.metric->stem().starts_with("histogram-"); };
  wantsHistograms_ = std::any_of(plan.metrics.begin(), plan.metrics.end(), isHistogram);
  histograms_ = gpu::Buffer(context, (wantsHistograms_ ? kMostHistograms : 1) * 2 * kernels::kHistogramBins * 4,
                            gpu::Memory::Device, "histograms");
  size_t used = 0;
  for (const MetricUse& use : plan.metrics)
    if (use.metric->parameter() == "ε") push_.thresholds[used++] = float(use.parameter);
}

WeightRun::~WeightRun() = default;

const gpu::ComputePipeline& WeightRun::pipelineFor(Pipelines& known, const char* shader, uint32_t cellType,
                                                   uint32_t referenceType) const {
  const uint32_t key = cellType * 16 + referenceType;
  for (const auto& [types, pipeline] : known)
    if (types == key) return *pipeline;
  known.emplace_back(key,
                     std::make_unique<gpu::ComputePipeline>(context_, shader, 3, uint32_t(sizeof(kernels::WeightPush)),
                                                            std::array{lanes_, cellType, referenceType}));
  return *known.back().second;
}

std::vector<WeightRun::Tile> WeightRun::tilesOf(const std::vector<WeightItem>& items,
                                                std::vector<uint32_t>& firstPiece) const {
  std::vector<Tile> tiles;
  uint32_t pieces = 0;
  const int64_t blockElements = int64_t(lanes_) * kernels::kWeightStep * kernels::kWeightSteps;
  for (const WeightItem& item : items) {
    const auto number = uint32_t(firstPiece.size());
    firstPiece.push_back(pieces);
    if (item.missing != 0) continue;
    const uint32_t cellType = typeOf(cells_.deviceDType(item.cell));
    const uint32_t referenceType =
        references_ ? typeOf(references_->deviceDType(item.reference)) : uint32_t(kernels::kUniform);
    const int64_t elements = cells_.elements(item.cell);
    for (int64_t first = 0; first < elements; first += kPiece, ++pieces) {
      const Segment segment{item.cell, item.reference, first, std::min(kPiece, elements - first), pieces, number};
      const uint64_t cellBytes = padded(uint64_t(segment.count) * (cellType == kernels::kF32 ? 4 : 2));
      const uint64_t referenceBytes =
          references_ ? padded(uint64_t(segment.count) * (referenceType == kernels::kF32 ? 4 : 2)) : 0;
      const auto blocks = uint32_t((segment.count + blockElements - 1) / blockElements);
      const bool fits =
          !tiles.empty() && tiles.back().cellType == cellType && tiles.back().referenceType == referenceType &&
          tiles.back().cellBytes + cellBytes <= kSideBytes &&
          tiles.back().referenceBytes + referenceBytes <= kSideBytes && tiles.back().blocks + blocks <= kMostBlocks;
      if (!fits) tiles.push_back({{}, cellType, referenceType, 0, 0, 0});
      Tile& tile = tiles.back();
      tile.segments.push_back(segment);
      tile.cellBytes += cellBytes;
      tile.referenceBytes += referenceBytes;
      tile.blocks += blocks;
    }
  }
  firstPiece.push_back(pieces);
  return tiles;
}

uint64_t WeightRun::fill(Slot& slot, const Tile& tile) const {
  slot.submission.wait();
  const uint32_t blockElements = lanes_ * kernels::kWeightStep * kernels::kWeightSteps;
  uint64_t cellAt = 0, referenceAt = kSideBytes, read = 0;
  std::vector<WeightBlock> blocks;
  WeightMerges merges{{}, kMostPieces + tile.blocks * lanes_};
  for (const Segment& s : tile.segments) {
    cells_.read(s.cell, s.first, s.count, slot.upload.mapped() + cellAt);
    const uint64_t cellSize = tile.cellType == kernels::kF32 ? 4 : 2;
    const uint64_t referenceSize = tile.referenceType == kernels::kF32 ? 4 : 2;
    read += uint64_t(s.count) * cellSize;
    if (references_) {
      references_->read(s.reference, s.first, s.count, slot.upload.mapped() + referenceAt);
      read += uint64_t(s.count) * referenceSize;
    }
    const auto firstMoments = kMostPieces + uint32_t(blocks.size()) * lanes_;
    uint32_t lanes = 0;
    for (int64_t first = 0; first < s.count; first += blockElements, lanes += lanes_)
      blocks.push_back({uint32_t((cellAt + uint64_t(first) * cellSize) / 16),
                        uint32_t((referenceAt + uint64_t(first) * referenceSize) / 16),
                        uint32_t(std::min<int64_t>(blockElements, s.count - first)),
                        kMostPieces + uint32_t(blocks.size()) * lanes_, s.item});
    merges.add(firstMoments, lanes, s.piece);
    cellAt += padded(uint64_t(s.count) * cellSize);
    if (references_) referenceAt += padded(uint64_t(s.count) * referenceSize);
  }
  const std::vector<WeightMerge> all = merges.all();
  std::memcpy(slot.blocks.mapped(), blocks.data(), blocks.size() * sizeof(WeightBlock));
  std::memcpy(slot.merges.mapped(), all.data(), all.size() * sizeof(WeightMerge));
  slot.levels = merges.sizes();
  return read;
}

void WeightRun::recordMerges(VkCommandBuffer commands, gpu::DescriptorPool& pool, const gpu::Buffer& list,
                             const std::vector<uint32_t>& levels) const {
  uint32_t first = 0;
  for (const uint32_t count : levels) {
    const kernels::WeightMergePush push{.merges = count, .firstMerge = first};
    const gpu::BufferRange buffers[] = {{&list}, {&buffer_}};
    if (count > 0) merge_.dispatch(commands, pool, buffers, std::as_bytes(std::span(&push, 1)), groups(count));
    gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
    first += count;
  }
}

void WeightRun::record(Slot& slot, const Tile& tile) {
  const VkCommandBuffer commands = slot.submission.begin();
  // The scratch is shared with the tile before.
  gpu::barrier(commands, gpu::kComputeReadWrite, gpu::kComputeReadWrite);
  if (slot.device) {
    const VkBufferCopy region{.size = slot.upload.bytes()};
    vkCmdCopyBuffer(commands, slot.upload.handle(), slot.device.handle(), 1, &region);
    gpu::barrier(commands, gpu::kTransferWrite, gpu::kComputeRead);
  }
  kernels::WeightPush push = push_;
  push.blocks = tile.blocks;
  const gpu::BufferRange buffers[] = {{&slot.rows()}, {&slot.blocks}, {&buffer_}};
  const auto run = [&](Pipelines& known, const char* shader, std::span<const gpu::BufferRange> bound) {
    pipelineFor(known, shader, tile.cellType, tile.referenceType)
        .dispatch(commands, slot.submission.descriptors(), bound, std::as_bytes(std::span(&push, 1)), tile.blocks);
  };
  run(moments_, "weights.comp", buffers);
  const gpu::BufferRange counted[] = {{&slot.rows()}, {&slot.blocks}, {&histograms_}};
  if (wantsHistograms_) run(counts_, "weights_histogram.comp", counted);
  gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
  recordMerges(commands, slot.submission.descriptors(), slot.merges, slot.levels);
  slot.submission.submit();
}

void WeightRun::stream(std::vector<Tile> tiles, const std::function<void(uint64_t)>& afterTile) {
  std::deque<std::future<uint64_t>> filling;
  size_t started = 0;
  for (size_t done = 0; done < tiles.size(); ++done) {
    // A slot is filled again only once its commands were submitted: `done` of them have been.
    for (; started < tiles.size() && started < done + slots_.size(); ++started)
      filling.push_back(std::async(std::launch::async, [this, &tiles, started] {
        return fill(*slots_[started % slots_.size()], tiles[started]);
      }));
    const uint64_t read = filling.front().get();
    filling.pop_front();
    record(*slots_[done % slots_.size()], tiles[done]);
    afterTile(uint64_t(double(read) * readingShare()));
  }
}

std::vector<kernels::WeightSpectrumValues> WeightRun::spectraOf(const std::vector<WeightItem>& items,
                                                                const std::vector<uint32_t>& firstPiece,
                                                                const std::function<void(uint64_t)>& afterTile) {
  std::vector<kernels::WeightSpectrumValues> out(items.size());
  if (!spectra_.wanted()) return out;
  std::vector<kernels::WeightMoments> moments(firstPiece.back());
  if (!moments.empty()) gpu::download(context_, buffer_, 0, std::as_writable_bytes(std::span(moments)));
  for (size_t i = 0; i < items.size(); ++i) {
    if (firstPiece[i] == firstPiece[i + 1]) continue;
    const double bytes = double(cells_.bytes(items[i].cell)) * (1 - readingShare());
    double said = 0;
    out[i] = spectra_.of(items[i].cell, moments[firstPiece[i]], [&](double share) {
      const auto more = uint64_t(std::max(0.0, bytes * share - said));
      said += double(more);
      afterTile(more);
    });
  }
  return out;
}

std::vector<std::string> WeightRun::notes(const Share& share) const { return spectra_.notes(share); }

void WeightRun::finish(const std::vector<WeightItem>& items, const std::vector<uint32_t>& firstPiece,
                       const gpu::Buffer& values, uint64_t channelStride,
                       const std::function<void(uint64_t)>& afterTile) {
  std::vector<kernels::WeightCell> cells;
  WeightMerges merges{{}, kMostPieces};
  for (size_t i = 0; i < items.size(); ++i) {
    const uint32_t pieces = firstPiece[i + 1] - firstPiece[i];
    if (pieces > 1) merges.add(firstPiece[i], pieces, firstPiece[i]);
    // A tensor without elements has no statistics.
    const uint32_t missing = items[i].missing == 0 && pieces == 0 ? 1 : items[i].missing;
    cells.push_back({firstPiece[i], items[i].slot, missing, 0});
  }
  const std::vector<WeightMerge> all = merges.all();
  const gpu::Buffer cellBuffer = gpu::makeFilledBuffer(context_, std::as_bytes(std::span(cells)), "finished cells");
  const WeightMerge none{};
  const gpu::Buffer mergeBuffer = gpu::makeFilledBuffer(
      context_, all.empty() ? std::as_bytes(std::span(&none, 1)) : std::as_bytes(std::span(all)), "last merges");
  VkCommandBuffer commands = last_.begin();
  gpu::barrier(commands, gpu::kComputeReadWrite, gpu::kComputeReadWrite);
  recordMerges(commands, last_.descriptors(), mergeBuffer, merges.sizes());
  last_.submit();
  last_.wait();
  const std::vector<kernels::WeightSpectrumValues> spectra = spectraOf(items, firstPiece, afterTile);
  const gpu::Buffer spectraBuffer = gpu::makeFilledBuffer(context_, std::as_bytes(std::span(spectra)), "spectra");
  commands = last_.begin();
  gpu::barrier(commands, gpu::kComputeReadWrite, gpu::kComputeReadWrite);
  uint32_t threshold = 0;
  for (size_t channel = 0; channel < plan_.metrics.size(); ++channel) {
    const Metric& metric = *plan_.metrics[channel].metric;
    const kernels::WeightFinishPush push{.cells = uint32_t(cells.size()),
                                         .metric = uint32_t(metric.id),
                                         .channelOffset = uint32_t(channel * channelStride),
                                         .threshold = metric.parameter() == "ε" ? threshold++ : 0};
    const gpu::BufferRange buffers[] = {{&cellBuffer}, {&buffer_}, {&values}, {&histograms_}, {&spectraBuffer}};
    finish_.dispatch(commands, last_.descriptors(), buffers, std::as_bytes(std::span(&push, 1)), groups(cells.size()));
  }
  gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
  last_.submit();
  last_.wait();
}

void WeightRun::clearHistograms() {
  context_.runOnce([&](VkCommandBuffer commands) {
    gpu::barrier(commands, gpu::kComputeReadWrite, gpu::kTransferWrite);
    vkCmdFillBuffer(commands, histograms_.handle(), 0, histograms_.bytes(), 0);
    gpu::barrier(commands, gpu::kTransferWrite, gpu::kComputeReadWrite);
  });
}

void WeightRun::compute(const Block& block, const EntryLayout& entries, const gpu::Buffer& values,
                        uint64_t channelStride, const WalkPart& part, const std::function<void(uint64_t)>& afterTile) {
  std::vector<WeightItem> items = weightItems(plan_, block, entries);
  // Neighbours stay together: a layer's tensors lie side by side in the file.
  const size_t end = items.size() * (part.part + 1) / part.parts, begin = items.size() * part.part / part.parts;
  items = {items.begin() + ptrdiff_t(begin), items.begin() + ptrdiff_t(end)};
  done_ = part.done;
  const size_t most = wantsHistograms_ ? kMostHistograms : kMostPieces;
  const uint64_t mostBytes = spectra_.wanted() ? kSpectraBytes : kBatchBytes;
  for (size_t first = done_; first < items.size();) {
    std::vector<WeightItem> batch;
    uint64_t bytes = 0;
    int64_t pieces = 0;
    for (; first < items.size(); ++first) {
      const WeightItem& item = items[first];
      const int64_t own = item.missing != 0 ? 0 : (cells_.elements(item.cell) + kPiece - 1) / kPiece;
      if (!batch.empty() && (pieces + own > kMostPieces || bytes > mostBytes || batch.size() >= most)) break;
      batch.push_back(item);
      pieces += own;
      if (item.missing == 0) bytes += cells_.bytes(item.cell);
    }
    if (wantsHistograms_) clearHistograms();
    std::vector<uint32_t> firstPiece;
    stream(tilesOf(batch, firstPiece), afterTile);
    finish(batch, firstPiece, values, channelStride, afterTile);
    done_ = first;
    afterTile(0);
  }
}

}  // namespace divlens
