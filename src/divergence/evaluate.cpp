#include "divergence/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>

#include "divergence/mean_reference.h"
#include "divergence/pairs_pass.h"
#include "divergence/row_check.h"
#include "divergence/row_stream.h"
#include "divergence/scalars.h"
#include "divergence/shared_pass.h"
#include "divergence/stages.h"
#include "divergence/topk_run.h"
#include "error.h"
#include "gpu/barrier.h"

namespace divlens {
namespace {

constexpr size_t kSlots = 3;
constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr int64_t kBlockEntries = int64_t{1} << 22;

uint64_t alignUp(uint64_t value, uint64_t alignment) { return (value + alignment - 1) / alignment * alignment; }

/// Metrics of the rows as they are stored cannot have their doubles shifted.
bool asStored(const Plan& plan) {
  return std::any_of(plan.metrics.begin(), plan.metrics.end(),
                     [](const MetricUse& use) { return use.metric->ofStoredRows(); });
}

/// Says when the next preview is due.
class PreviewClock {
 public:
  explicit PreviewClock(const EvaluateOptions& options) : options_(options), last_(Clock::now()) {}
  bool due() const { return options_.preview && Clock::now() - last_ >= options_.previewEvery; }
  void done() {
    options_.preview();
    last_ = Clock::now();
  }

 private:
  using Clock = std::chrono::steady_clock;
  const EvaluateOptions& options_;
  Clock::time_point last_;
};

void throwIfCancelled(const EvaluateOptions& options) {
  const int signal = options.cancel ? options.cancel->load() : 0;
  if (signal == 0) return;
  throw Error(signal == 15 ? Exit::Terminated : Exit::Interrupted, "interrupted; nothing was written");
}

void fillMasked(const gpu::Context& context, const gpu::Buffer& values) {
  context.runOnce([&](VkCommandBuffer commands) {
    gpu::barrier(commands, gpu::kComputeReadWrite, gpu::kTransferWrite);
    vkCmdFillBuffer(commands, values.handle(), 0, values.bytes(), kernels::kMaskedBits);
    gpu::barrier(commands, gpu::kTransferWrite, gpu::kComputeReadWrite);
  });
}

/// How rows of both sides lie in a slot, and how many fit.
struct SlotLayout {
  TileLimits limits;
  uint64_t referenceOffset = 0;
  uint64_t bytes = 0;
};

/// Everything that a run over rows of distributions needs, made once for all blocks.
class RowsRun {
 public:
  RowsRun(const gpu::Context& context, const Plan& plan, const EvaluateOptions& options)
      : context_(context), plan_(plan), options_(options), cells_(plan.cells, width(plan.cells), asStored(plan)) {
    const ReferenceKind kind = plan.reference.kind;
    const bool stored = kind == ReferenceKind::Rows || kind == ReferenceKind::Shifted;
    shared_ = stored && sameTensor(plan.cells, plan.reference.tensor) && plan.reference.rowKind == plan.kind;
    if (stored && !shared_) reference_.emplace(plan.reference.tensor, width(plan.reference.tensor), asStored(plan));
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
    const std::vector<size_t> fast = SharedPass::channelsOf(plan, cellSide, referenceSide);
    std::vector<size_t> others;
    for (size_t i = 0; i < plan.metrics.size(); ++i)
      if (!std::binary_search(fast.begin(), fast.end(), i)) others.push_back(i);
    if (!fast.empty())
      sharedPass_.emplace(context, plan, fast, cellSide, referenceSide, shared_, layout_.limits.entries, maxRows());
    if (!others.empty()) pairsPass_ = makePairsPass(others);
    const uint32_t sets =
        (sharedPass_ ? SharedPass::kDescriptorSets : 0u) + (pairsPass_ ? pairsPass_->descriptorSets() : 0u);
    for (size_t i = 0; i < kSlots; ++i)
      slots_.push_back(std::make_unique<Slot>(context,
                                              Slot::Size{.bytes = layout_.bytes,
                                                         .referenceOffset = layout_.referenceOffset,
                                                         .entries = layout_.limits.entries,
                                                         .sharedChannels = fast.size(),
                                                         .texels = SharedPass::readsTexels(context)},
                                              sets));
  }

  /// Values of all channels of one block: values[channel · channelStride + cell · entries + entry].
  void compute(const Block& block, const EntryLayout& entries, const gpu::Buffer& values, uint64_t channelStride,
               uint64_t totalBytes, std::vector<std::string>& warnings, const std::function<void()>& afterTile) {
    RowStream stream(slots_, TileWalk(plan_, block, entries, layout_.limits, shared_, targets_), cells_,
                     reference_ ? &*reference_ : nullptr, layout_.referenceOffset);
    std::deque<Slot*> running;
    const auto finishFirst = [&] {
      Slot* slot = running.front();
      running.pop_front();
      computeGivenBack(*slot, values, channelStride);
      stream.recycle(slot);
    };
    while (Slot* slot = stream.next()) {
      throwIfCancelled(options_);
      if (!checked_) warnOfRows(plan_, cells_, slot->upload.mapped(), slot->tile.cellRows.size(), warnings);
      checked_ = true;
      submit(*slot, values, channelStride);
      running.push_back(slot);
      done_ += slot->rowBytes;
      if (options_.progress) options_.progress(std::min(done_, totalBytes), totalBytes);
      // One slot stays for the rows that are being read.
      if (running.size() == kSlots - 1) finishFirst();
      afterTile();
    }
    while (!running.empty()) finishFirst();
  }

 private:
  size_t maxRows() const { return 2 * layout_.limits.entries; }
  std::unique_ptr<PairsPass> makePairsPass(const std::vector<size_t>& channels) const {
    return std::make_unique<PairsPass>(context_, plan_, channels, cellSide_, referenceSide_, shared_,
                                       layout_.limits.entries, maxRows());
  }

  void submit(Slot& slot, const gpu::Buffer& values, uint64_t channelStride) {
    VkCommandBuffer commands = slot.submission.begin();
    slot.recordUpload(commands);
    if (sharedPass_) sharedPass_->record(commands, slot, layout_.referenceOffset, values, channelStride);
    if (pairsPass_) pairsPass_->record(commands, slot, layout_.referenceOffset, values, channelStride);
    slot.submission.submit();
  }

  /// Waits for the slot's commands, then computes what the fast way gave back while its rows are still there.
  void computeGivenBack(Slot& slot, const gpu::Buffer& values, uint64_t channelStride) {
    slot.submission.wait();
    if (!sharedPass_) return;
    for (const size_t channel : sharedPass_->channels()) {
      const std::vector<kernels::PairEntry> entries = sharedPass_->givenBack(slot, channel);
      if (entries.empty()) continue;
      givenBack_ += entries.size();
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

  int64_t width(const Tensor& tensor) const { return plan_.vocab > 0 ? plan_.vocab : tensor.shape.back(); }

  void chooseLayout() {
    const uint64_t cellBytes = cells_.rowBytes();
    const uint64_t referenceBytes = reference_ ? reference_->rowBytes() : shared_ ? cellBytes : 0;
    uint64_t bytes = options_.tileBytes;
    if (bytes == 0) bytes = context_.isCpu() ? 8 * kMiB : 64 * kMiB;
    for (uint64_t budget : {options_.maxGpuMemory, options_.maxRam})
      if (budget) bytes = std::min(bytes, budget / (2 * kSlots));
    const uint64_t smallest = cellBytes + referenceBytes;
    const uint64_t largest = context_.maxBufferBytes() - 4096;
    if (smallest > largest || (options_.maxGpuMemory && smallest * kSlots > options_.maxGpuMemory))
      throw Error(Exit::Budget,
                  fmt::format("one pair of rows takes {:.1f} MiB, more than {}; compare fewer entries with --vocab{}",
                              double(smallest) / double(kMiB),
                              smallest > largest ? fmt::format("a buffer of {} holds", context_.info().name)
                                                 : "--max-gpu-mem allows",
                              smallest > largest ? "" : ", or raise the budget"));
    bytes = std::clamp(bytes, smallest, largest);
    layout_.limits = {bytes, cellBytes, referenceBytes, context_.isCpu() ? size_t{16384} : size_t{65536}};
    // Both sides are packed into one slot: cells from the front, the reference behind the most that they can take.
    layout_.referenceOffset = alignUp(bytes, 256);
    layout_.bytes =
        reference_ ? std::min(2 * layout_.referenceOffset, context_.maxBufferBytes()) : layout_.referenceOffset;
    if (reference_ && layout_.bytes < 2 * layout_.referenceOffset) {
      layout_.limits.bytes = layout_.bytes / 2 / 256 * 256;
      layout_.referenceOffset = layout_.limits.bytes;
    }
  }

  const gpu::Context& context_;
  const Plan& plan_;
  const EvaluateOptions& options_;
  RowReader cells_;
  std::optional<RowReader> reference_;
  std::vector<int64_t> targets_;
  bool shared_ = false;
  SlotLayout layout_;
  SideFormat cellSide_, referenceSide_;
  std::optional<SharedPass> sharedPass_;
  std::unique_ptr<PairsPass> pairsPass_;                      ///< metrics that have no fast way
  std::map<size_t, std::unique_ptr<PairsPass>> exactPasses_;  ///< of channels that gave pairs back
  uint64_t givenBack_ = 0;
  std::vector<std::unique_ptr<Slot>> slots_;
  uint64_t done_ = 0;
  bool checked_ = false;
};

}  // namespace

Result emptyResult(const gpu::Context& context, const Plan& plan) {
  const int64_t rows = int64_t(plan.rows.positions.size());
  const int64_t columns = int64_t(plan.columns.positions.size());
  std::vector<ResultPanel> panels = resultPanels(plan);
  const auto grid = [&] { return Grid(context, int64_t(panels.size()), rows, columns); };
  Result result{{.grid = grid(), .lower = {}, .upper = {}}, panels, 0, {}, {}};
  if (plan.confidence > 0) {
    result.lower = grid();
    result.upper = grid();
  }
  return result;
}

void evaluateInto(Result& result, const gpu::Context& context, const Plan& plan, const EvaluateOptions& options) {
  const size_t channels = std::max<size_t>(plan.metrics.size(), 1);
  const EntryLayout entries = entryLayout(plan);
  const int64_t most = int64_t(context.maxBufferBytes() / 4 / channels);
  const std::vector<Block> blocks =
      cutIntoBlocks(plan, std::min(options.blockEntries ? options.blockEntries : kBlockEntries, most));
  const uint64_t channelStride = uint64_t(blocks.front().cells() * entries.entries);
  const gpu::Buffer values(context, channelStride * channels * 4, gpu::Memory::Device, "values");
  std::optional<Plan> averaged;  // the run refers to it
  if (plan.reference.kind == ReferenceKind::Mean) averaged = withMeanReference(context, plan);
  std::optional<RowsRun> run;
  std::optional<TopKRun> lists;
  if (plan.kind == Kind::TopK)
    lists.emplace(context, plan);
  else if (plan.kind != Kind::Scalar)
    run.emplace(context, averaged ? *averaged : plan, options);
  const uint64_t totalBytes = bytesToRead(plan);
  PanelReducer reducer(context, plan);
  PreviewClock preview(options);
  uint64_t listBytes = 0;
  const bool previews = options.preview && plan.confidence == 0;
  for (const Block& block : blocks) {
    throwIfCancelled(options);
    if (previews) fillMasked(context, values);
    const auto afterTile = [&] {
      if (!previews || !preview.due()) return;
      reducer.reduce(block, values, channelStride, result.panels, result);
      preview.done();
    };
    if (run)
      run->compute(block, entries, values, channelStride, totalBytes, result.warnings, afterTile);
    else if (lists)
      lists->compute(block, entries, values, channelStride, [&](uint64_t bytes) {
        throwIfCancelled(options);
        listBytes += bytes;
        if (options.progress) options.progress(std::min(listBytes, totalBytes), totalBytes);
        afterTile();
      });
    else
      uploadScalars(context, plan, block, entries, values);
    reducer.reduce(block, values, channelStride, result.panels, result);
    const uint64_t count = uint64_t(block.cells() * entries.entries);
    for (size_t channel = 0; channel < channels; ++channel)
      reducer.reducer().count(values, channel * channelStride, count, result.counts);
    result.cells += count * channels;
  }
  result.cells -= result.counts.masked;
  if (lists) result.largestRest = lists->largestRest();
}

Result evaluate(const gpu::Context& context, const Plan& plan, const EvaluateOptions& options) {
  Result result = emptyResult(context, plan);
  evaluateInto(result, context, plan, options);
  return result;
}

}  // namespace divlens
