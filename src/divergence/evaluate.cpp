#include "divergence/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "divergence/mean_reference.h"
#include "divergence/rows_run.h"
#include "divergence/scalars.h"
#include "divergence/stages.h"
#include "divergence/topk_run.h"
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
