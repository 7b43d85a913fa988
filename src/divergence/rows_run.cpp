#include "divergence/rows_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <deque>

#include "divergence/row_check.h"
#include "error.h"
#include "gpu/barrier.h"

namespace divlens {
namespace {

constexpr size_t kSlots = 3;
constexpr uint64_t kMiB = uint64_t{1} << 20;

uint64_t alignUp(uint64_t value, uint64_t alignment) { return (value + alignment - 1) / alignment * alignment; }

/// Metrics of the rows as they are stored cannot have their doubles shifted.
bool asStored(const Plan& plan) {
  return std::any_of(plan.metrics.begin(), plan.metrics.end(),
                     [](const MetricUse& use) { return use.metric->ofStoredRows(); });
}

}  // namespace

void throwIfCancelled(const EvaluateOptions& options) {
  const int signal = options.cancel ? options.cancel->load() : 0;
  if (signal == 0) return;
  throw Error(signal == 15 ? Exit::Terminated : Exit::Interrupted, "interrupted; nothing was written");
}

RowsRun::RowsRun(const gpu::Context& context, const Plan& plan, const EvaluateOptions& options)
    : context_(context),
      plan_(plan),
      options_(options),
      cells_(plan.cells, plan.storedEntries(plan.cells), asStored(plan)),
      // A processor's threads have the kernels to run.
      team_(options.readThreads ? options.readThreads
            : context.isCpu()   ? 1
                                : ReadTeam::usual()) {
  const ReferenceKind kind = plan.reference.kind;
  const bool stored = kind == ReferenceKind::Rows || kind == ReferenceKind::Shifted;
  shared_ = stored && sameTensor(plan.cells, plan.reference.tensor) && plan.reference.rowKind == plan.kind;
  if (stored && !shared_)
    reference_.emplace(plan.reference.tensor, plan.storedEntries(plan.reference.tensor), asStored(plan));
  if (kind == ReferenceKind::Target) targets_ = readIntegers(plan.reference.tensor);
  chooseLayout();
  const SideFormat cellSide = formatOf(cells_, plan.kind, plan.temperature);
  SideFormat referenceSide = cellSide;
  if (reference_)
    referenceSide = formatOf(*reference_, plan.reference.rowKind, plan.reference.tempered ? 1 : plan.temperature);
  if (!stored)
    referenceSide = {kind == ReferenceKind::Target ? kernels::kOneHot : kernels::kUniform, kernels::kLogits, 0};
  cellSide_ = cellSide;
  referenceSide_ = referenceSide;
  if (lensCells() || lensReference()) makeLens();
  choosePasses();
}

void RowsRun::choosePasses() {
  const std::vector<size_t> fast = SharedPass::channelsOf(plan_, cellSide_, referenceSide_);
  std::vector<size_t> others;
  for (size_t i = 0; i < plan_.metrics.size(); ++i)
    if (!std::binary_search(fast.begin(), fast.end(), i)) others.push_back(i);
  if (!fast.empty())
    sharedPass_.emplace(context_, plan_, fast, cellSide_, referenceSide_, shared_, layout_.limits.entries, maxRows());
  if (!others.empty()) pairsPass_ = makePairsPass(others);
  if (sharedPass_ && !pairsPass_ && !lens_) mapRows();
  const uint32_t sets =
      (sharedPass_ ? sharedPass_->descriptorSets() : 0u) + (pairsPass_ ? pairsPass_->descriptorSets() : 0u);
  for (size_t i = 0; i < kSlots; ++i)
    slots_.push_back(std::make_unique<Slot>(context_,
                                            Slot::Size{.bytes = layout_.bytes,
                                                       .referenceOffset = layout_.referenceOffset,
                                                       .cellVectors = cellSide_.rowVectors,
                                                       .referenceVectors = referenceSide_.rowVectors,
                                                       .entries = layout_.limits.entries,
                                                       .sharedChannels = fast.size(),
                                                       .readBytes = layout_.readBytes,
                                                       .readReference = layout_.readReference,
                                                       .lensCells = lensCells(),
                                                       .lensReference = lensReference(),
                                                       .texels = SharedPass::readsTexels(context_)},
                                            sets));
}

void RowsRun::compute(const Block& block, const EntryLayout& entries, const gpu::Buffer& values, uint64_t channelStride,
                      uint64_t totalBytes, std::vector<std::string>& warnings, const WalkPart& part,
                      const std::function<void()>& afterTile) {
  pairs_ = part.done;
  RowStream stream(slots_, TileWalk(plan_, block, entries, layout_.limits, shared_, targets_, part), cells_,
                   reference_ ? &*reference_ : nullptr, team_, inPlace_ ? &*inPlace_ : nullptr);
  std::deque<Slot*> running;
  const auto finishFirst = [&] {
    Slot* slot = running.front();
    running.pop_front();
    slot->submission.wait();
    slot->checkRows();
    computeGivenBack(*slot, values, channelStride);
    slot->windows = {};
    pairs_ += slot->tile.entries.size();
    stream.recycle(slot);
  };
  while (Slot* slot = stream.next()) {
    throwIfCancelled(options_);
    if (!checked_) warnOfRows(plan_, slot->tile.cellRows, warnings);
    checked_ = true;
    submit(*slot, values, channelStride);
    running.push_back(slot);
    done_ += slot->rowBytes();
    if (options_.progress) options_.progress(std::min(done_, totalBytes), totalBytes);
    // One slot stays for the rows that are being read.
    if (running.size() == kSlots - 1) finishFirst();
    afterTile();
  }
  while (!running.empty()) finishFirst();
}

void RowsRun::mapRows() {
  SidesInPlace sides{RowsInPlace::open(context_, plan_.cells, cells_), nullptr};
  if (sides.cells && reference_) sides.reference = RowsInPlace::open(context_, plan_.reference.tensor, *reference_);
  if (sides.cells && (sides.reference || !reference_)) inPlace_ = std::move(sides);
}

Slot& RowsRun::holdTile(const Block& block, const EntryLayout& entries) {
  Slot& slot = *slots_.front();
  TileWalk walk(plan_, block, entries, layout_.limits, shared_, targets_);
  std::optional<Tile> tile = walk.next();
  if (tile) slot.fill(std::move(*tile), cells_, reference_ ? &*reference_ : nullptr, team_);
  slot.send();
  slot.submission.begin();
  slot.submit();
  slot.submission.wait();
  return slot;
}

double RowsRun::computeHeld(const gpu::Stopwatch& stopwatch, const gpu::Buffer& values, uint64_t channelStride) {
  Slot& slot = *slots_.front();
  return stopwatch.run(slot.submission.commands(), [&](VkCommandBuffer commands) {
    slot.submission.descriptors().reset();
    recordPasses(commands, slot, values, channelStride);
  });
}

std::unique_ptr<PairsPass> RowsRun::makePairsPass(const std::vector<size_t>& channels) const {
  return std::make_unique<PairsPass>(context_, plan_, channels, cellSide_, referenceSide_, shared_,
                                     layout_.limits.entries, maxRows());
}

void RowsRun::submit(Slot& slot, const gpu::Buffer& values, uint64_t channelStride) {
  if (lens_) {
    const HiddenRows cells{&plan_.cells, {&slot.upload}, lensCells() ? slot.tile.cellRows : std::span<const int64_t>()};
    const HiddenRows reference{&plan_.reference.tensor,
                               {&slot.upload, lensReference() ? slot.readReference : 0},
                               lensReference() ? slot.tile.referenceRows : std::span<const int64_t>()};
    lens_->run(cells, reference, slot.device, layout_.referenceOffset);
  }
  VkCommandBuffer commands = slot.submission.begin();
  // The scratch buffers are shared with the tile before.
  gpu::barrier(commands, gpu::kComputeReadWrite, gpu::kComputeReadWrite);
  recordPasses(commands, slot, values, channelStride);
  slot.submit();
}

void RowsRun::recordPasses(VkCommandBuffer commands, Slot& slot, const gpu::Buffer& values, uint64_t channelStride) {
  if (sharedPass_)
    sharedPass_->record(commands, slot, slot.tile.entries, layout_.referenceOffset, values, channelStride);
  if (pairsPass_) pairsPass_->record(commands, slot, layout_.referenceOffset, values, channelStride);
}

/// The pass has one channel, and so the verdicts of the channels behind `channel` stay.
void RowsRun::computeClose(Slot& slot, size_t channel, std::vector<kernels::PairEntry>& others,
                           const gpu::Buffer& values, uint64_t channelStride) {
  const std::vector<kernels::PairEntry> entries =
      sharedPass_->givenBack(slot, slot.tile.entries, channel, kernels::kTooClose);
  if (entries.empty()) return;
  std::unique_ptr<SharedPass>& pass = closePasses_[channel];
  if (!pass)
    pass = std::make_unique<SharedPass>(context_, plan_, std::vector{channel}, cellSide_, referenceSide_, shared_,
                                        layout_.limits.entries, maxRows(), true);
  std::memcpy(slot.entries.mapped(), entries.data(), entries.size() * sizeof entries.front());
  VkCommandBuffer commands = slot.submission.begin();
  gpu::barrier(commands, gpu::kComputeReadWrite, gpu::kComputeReadWrite);
  pass->record(commands, slot, entries, layout_.referenceOffset, values, channelStride);
  slot.submission.submit();
  slot.submission.wait();
  for (const kernels::PairEntry& entry : pass->givenBack(slot, entries, channel, kernels::kGivenBack))
    others.push_back(entry);
}

void RowsRun::computeGivenBack(Slot& slot, const gpu::Buffer& values, uint64_t channelStride) {
  if (!sharedPass_) return;
  for (const size_t channel : sharedPass_->channels()) {
    std::vector<kernels::PairEntry> entries =
        sharedPass_->givenBack(slot, slot.tile.entries, channel, kernels::kGivenBack);
    computeClose(slot, channel, entries, values, channelStride);
    if (entries.empty()) continue;
    givenBack_ += entries.size();
    // The other kernels know only rows that were read.
    if (slot.windows.cells) slot.fill(Tile(slot.tile), cells_, reference_ ? &*reference_ : nullptr, team_);
    std::memcpy(slot.entries.mapped(), entries.data(), entries.size() * sizeof entries.front());
    slot.pairs = entries.size();
    std::unique_ptr<PairsPass>& pass = exactPasses_[channel];
    if (!pass) pass = makePairsPass({channel});
    VkCommandBuffer commands = slot.submission.begin();
    gpu::barrier(commands, gpu::kComputeReadWrite, gpu::kComputeReadWrite);
    pass->record(commands, slot, layout_.referenceOffset, values, channelStride);
    slot.submission.submit();
    slot.submission.wait();
  }
}

uint64_t RowsRun::rowBytes(const RowReader& reader, bool lens) const {
  return lens ? LensPass::rowBytes(plan_, reader) : reader.rowBytes();
}

void RowsRun::layOutReading() {
  const uint64_t rows = std::max<uint64_t>(layout_.limits.bytes / layout_.limits.cellRowBytes, 1);
  layout_.readReference = alignUp(lensCells() ? rows * cells_.rowBytes() : layout_.limits.bytes, 256);
  const uint64_t references = std::max<uint64_t>(
      layout_.limits.referenceRowBytes > 0 ? layout_.limits.bytes / layout_.limits.referenceRowBytes : 0, 1);
  layout_.readBytes = layout_.readReference;
  if (reference_)
    layout_.readBytes += alignUp(lensReference() ? references * reference_->rowBytes() : layout_.limits.bytes, 256);
}

size_t RowsRun::maxRows() const {
  const TileLimits& limits = layout_.limits;
  const auto rows = [&](uint64_t bytes) { return bytes > 0 ? limits.bytes / bytes + 1 : 0; };
  return std::min<size_t>(2 * limits.entries, rows(limits.cellRowBytes) + rows(limits.referenceRowBytes));
}

void RowsRun::makeLens() {
  layOutReading();
  const SideFormat cells = cellSide_, reference = referenceSide_;
  if (lensCells()) cellSide_ = LensPass::logitsFormat(plan_.vocab);
  if (lensReference()) referenceSide_ = LensPass::logitsFormat(plan_.vocab);
  if (shared_) referenceSide_ = cellSide_;
  const TileLimits& limits = layout_.limits;
  uint64_t smallest = lensCells() ? limits.cellRowBytes : limits.referenceRowBytes;
  if (lensReference()) smallest = std::min<uint64_t>(smallest, limits.referenceRowBytes);
  const uint64_t rows = std::min<uint64_t>(limits.bytes / smallest + 2, 2 * limits.entries);
  lens_ = std::make_unique<LensPass>(context_, plan_, lensCells() ? std::optional(cells) : std::nullopt,
                                     lensReference() ? std::optional(reference) : std::nullopt, rows,
                                     options_.maxGpuMemory);
}

void RowsRun::chooseLayout() {
  const uint64_t cellBytes = rowBytes(cells_, lensCells());
  const uint64_t referenceBytes = reference_ ? rowBytes(*reference_, lensReference()) : shared_ ? cellBytes : 0;
  // Of a lens: the more rows a tile has, the more rarely the unembedding is read. Else a link is kept busy by less, and
  // host memory that it can reach takes a driver long to make.
  const bool lens = lensCells() || lensReference();
  const uint64_t usual = context_.isCpu() ? 16 * kMiB : lens ? 64 * kMiB : 32 * kMiB;
  uint64_t bytes = options_.tileBytes ? options_.tileBytes : usual;
  for (uint64_t budget : {options_.maxGpuMemory, options_.maxRam})
    if (budget) bytes = std::min(bytes, budget / (2 * kSlots));
  const uint64_t smallest = cellBytes + referenceBytes;
  const uint64_t largest = context_.maxBufferBytes() - 4096;
  const uint64_t needed = smallest > largest ? smallest : smallest * kSlots;
  const bool large = needed >= kMiB;
  if (smallest > largest || (options_.maxGpuMemory && needed > options_.maxGpuMemory))
    throw Error(Exit::Budget,
                fmt::format("{} of rows take{} {:.1f} {}, more than {}; compare fewer entries with --vocab{}",
                            smallest > largest ? "one pair" : "three pairs", smallest > largest ? "s" : "",
                            double(needed) / double(large ? kMiB : 1024), large ? "MiB" : "KiB",
                            smallest > largest ? fmt::format("a buffer of {} holds", context_.info().name)
                                               : "--max-gpu-mem allows",
                            smallest > largest ? "" : ", or raise the budget"));
  bytes = std::clamp(bytes, smallest, largest);
  // Sums of pairs take memory too: a small tile has few of them.
  const uint64_t pairs = context_.isCpu() ? 16384 : 65536;
  layout_.limits = {bytes, cellBytes, referenceBytes, size_t(std::clamp<uint64_t>(pairs * bytes / usual, 64, pairs))};
  // Both sides are packed into one slot: cells from the front, the reference behind the most that they can take.
  layout_.referenceOffset = alignUp(bytes, 256);
  layout_.bytes =
      reference_ ? std::min(2 * layout_.referenceOffset, context_.maxBufferBytes()) : layout_.referenceOffset;
  if (reference_ && layout_.bytes < 2 * layout_.referenceOffset) {
    layout_.limits.bytes = layout_.bytes / 2 / 256 * 256;
    layout_.referenceOffset = layout_.limits.bytes;
  }
}

}  // namespace divlens
