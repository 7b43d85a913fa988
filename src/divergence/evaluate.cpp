#include "divergence/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "divergence/mean_reference.h"
#include "divergence/means_run.h"
#include "divergence/rows_run.h"
#include "divergence/scalars.h"
#include "divergence/share_lines.h"
#include "divergence/stages.h"
#include "divergence/topk_run.h"
#include "divergence/weight_mean.h"
#include "divergence/weight_run.h"
#include "error.h"
#include "gpu/barrier.h"

namespace divlens {
namespace {

constexpr int64_t kBlockEntries = int64_t{1} << 22;

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

void fillMasked(const gpu::Context& context, const gpu::Buffer& values) {
  context.runOnce([&](VkCommandBuffer commands) {
    gpu::barrier(commands, gpu::kComputeReadWrite, gpu::kTransferWrite);
    vkCmdFillBuffer(commands, values.handle(), 0, values.bytes(), kernels::kMaskedBits);
    gpu::barrier(commands, gpu::kTransferWrite, gpu::kComputeReadWrite);
  });
}

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

namespace {

size_t channelsOf(const Plan& plan) { return std::max<size_t>(plan.metrics.size(), 1); }

std::vector<Block> blocksOf(const gpu::Context& context, const Plan& plan, const EvaluateOptions& options) {
  const int64_t most = int64_t(context.maxBufferBytes() / 4 / channelsOf(plan));
  return cutIntoBlocks(plan, std::min(options.blockEntries ? options.blockEntries : kBlockEntries, most));
}

}  // namespace

std::string blocksText(const gpu::Context& context, const Plan& plan, const EvaluateOptions& options) {
  const std::vector<Block> blocks = blocksOf(context, plan, options);
  return fmt::format("{} x {} x {} x {}", blocks.size(), blocks.front().cells(), entryLayout(plan).entries,
                     channelsOf(plan));
}

uint64_t blockValues(const gpu::Context& context, const Plan& plan, const EvaluateOptions& options) {
  const Block first = blocksOf(context, plan, options).front();
  return uint64_t(first.cells() * entryLayout(plan).entries) * channelsOf(plan);
}

void evaluateInto(Result& result, const gpu::Context& context, const Plan& plan, const EvaluateOptions& options) {
  if (plan.meansFirst) return evaluateMeans(result, context, plan, options);
  const size_t channels = channelsOf(plan);
  const EntryLayout entries = entryLayout(plan);
  const std::vector<Block> blocks = blocksOf(context, plan, options);
  const uint64_t channelStride = uint64_t(blocks.front().cells() * entries.entries);
  const gpu::Buffer values(context, channelStride * channels * 4, gpu::Memory::Device, "values");
  std::optional<Plan> averaged;  // the run refers to it
  if (plan.reference.kind == ReferenceKind::Mean)
    averaged = usesStatistics(plan) ? withMeanCells(plan) : withMeanReference(context, plan, result.warnings);
  std::optional<RowsRun> run;
  std::optional<TopKRun> lists;
  std::optional<WeightRun> statistics;
  if (usesStatistics(plan))
    statistics.emplace(context, averaged ? *averaged : plan, options.maxRam);
  else if (plan.kind == Kind::TopK)
    lists.emplace(context, plan);
  else if (plan.kind != Kind::Scalar)
    run.emplace(context, averaged ? *averaged : plan, options);
  const uint64_t totalBytes = bytesToRead(plan) / uint64_t(options.share.ranks);
  PanelReducer reducer(context, plan);
  PreviewClock preview(options);
  uint64_t partBytes = 0;
  const bool previews = options.preview && plan.confidence == 0;
  // Only rows and tensors are worth sharing and keeping; of everything else the first process takes all.
  const bool keeps = run || statistics;
  const bool shared = keeps && options.share.ranks > 1;
  if (!shared && options.share.rank > 0) return;
  BlockKeeper keeper(context, values, channelStride * channels, keeps ? options.share : Share{},
                     keeps ? options.checkpoint : nullptr);
  for (size_t i = 0; i < blocks.size(); ++i) {
    const Block& block = blocks[i];
    if (!keeps) throwIfCancelled(options);  // a run keeps first what there is
    if (previews) fillMasked(context, values);
    const auto afterTile = [&] {
      if (keeps) keeper.advance(i, run ? run->pairs() : statistics->done());
      if (!previews || !preview.due()) return;
      reducer.reduce(block, values, channelStride, result.panels, result);
      preview.done();
    };
    const auto afterPart = [&](uint64_t bytes) {
      throwIfCancelled(options);
      partBytes += bytes;
      if (options.progress) options.progress(std::min(partBytes, totalBytes), totalBytes);
      afterTile();
    };
    if (keeps) {
      const WalkPart part{uint64_t(options.share.rank), uint64_t(options.share.ranks), keeper.begin(i)};
      try {
        if (run)
          run->compute(block, entries, values, channelStride, totalBytes, result.warnings, part, afterTile);
        else
          statistics->compute(block, entries, values, channelStride, part, afterPart);
      } catch (...) {
        keeper.rescue(i, run ? run->pairs() : statistics->done());
        throw;
      }
      keeper.finish(i, run ? run->pairs() : statistics->done());
    } else if (lists) {
      lists->compute(block, entries, values, channelStride, afterPart);
    } else {
      uploadScalars(context, plan, block, entries, values);
    }
    if (options.share.rank > 0) continue;
    reducer.reduce(block, values, channelStride, result.panels, result);
    const uint64_t count = uint64_t(block.cells() * entries.entries);
    for (size_t channel = 0; channel < channels; ++channel)
      reducer.reducer().count(values, channel * channelStride, count, result.counts);
    result.cells += count * channels;
  }
  result.cells -= result.counts.masked;
  const Share& sharing = shared ? options.share : Share{};
  // Of rows all processes warn in the same words.
  for (std::string& warning : gathered(sharing, std::exchange(result.warnings, {})).first)
    if (std::find(result.warnings.begin(), result.warnings.end(), warning) == result.warnings.end())
      result.warnings.push_back(std::move(warning));
  if (statistics)
    for (std::string& note : statistics->notes(sharing)) result.warnings.push_back(std::move(note));
  if (lists) result.largestRest = lists->largestRest();
}

Result evaluate(const gpu::Context& context, const Plan& plan, const EvaluateOptions& options) {
  Result result = emptyResult(context, plan);
  evaluateInto(result, context, plan, options);
  return result;
}

}  // namespace divlens
