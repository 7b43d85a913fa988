#include "divergence/reducer.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "error.h"
#include "gpu/barrier.h"

namespace divlens {
namespace {

using kernels::ReducePush;

constexpr uint32_t kLocalSize = 64;
constexpr uint64_t kMaxNodes = uint64_t{1} << 20;  // 28 MB of nodes at once, unless one cell has more
constexpr uint32_t kMaxDispatches = 512;           // a sort of 2^20 keys has 210 steps

/// One row for each statistic: how the tree's root becomes a value; quantiles are sorted instead.
struct How {
  Reduce how;
  uint32_t code;
  bool sorted;
};
constexpr How kHows[] = {{Reduce::Mean, kernels::kMean, false},        {Reduce::Median, kernels::kQuantile, true},
                         {Reduce::Quantile, kernels::kQuantile, true}, {Reduce::Min, kernels::kMin, false},
                         {Reduce::Max, kernels::kMax, false},          {Reduce::Std, kernels::kStd, false},
                         {Reduce::Sem, kernels::kSem, false},          {Reduce::Count, kernels::kCount, false}};

const How& find(Reduce how) {
  return *std::find_if(std::begin(kHows), std::end(kHows), [&](const How& h) { return h.how == how; });
}

}  // namespace

Reducer::Reducer(const gpu::Context& context) : context_(context), submission_(context, kMaxDispatches, 3) {}

const gpu::ComputePipeline& Reducer::pipeline(const char* shader, uint32_t bindings) {
  for (const auto& [name, made] : pipelines_)
    if (std::strcmp(name, shader) == 0) return *made;
  const uint32_t constants[] = {kLocalSize};
  pipelines_.emplace_back(shader, std::make_unique<gpu::ComputePipeline>(context_, shader, bindings,
                                                                         uint32_t(sizeof(ReducePush)), constants));
  return *pipelines_.back().second;
}

void Reducer::run(VkCommandBuffer commands, const char* shader, std::initializer_list<const gpu::Buffer*> buffers,
                  const ReducePush& push, uint64_t invocations) {
  std::vector<gpu::BufferRange> ranges;
  for (const gpu::Buffer* buffer : buffers) ranges.push_back({buffer});
  pipeline(shader, uint32_t(ranges.size()))
      .dispatch(commands, submission_.descriptors(), ranges, std::as_bytes(std::span(&push, 1)),
                uint32_t((invocations + kLocalSize - 1) / kLocalSize));
  gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
}

void Reducer::tree(VkCommandBuffer commands, const gpu::Buffer& values, const gpu::Buffer& chosen,
                   const gpu::Buffer& out, ReducePush push) {
  run(commands, "reduce_gather.comp", {&values, &chosen, &scratch_}, push, uint64_t(push.cells) * push.chosen);
  for (push.stride = 1; push.stride < push.chosen; push.stride *= 2)
    run(commands, "reduce_tree.comp", {&scratch_}, push,
        uint64_t(push.cells) * ((push.chosen + 2 * push.stride - 1) / (2 * push.stride)));
  run(commands, "reduce_finish.comp", {&scratch_, &out}, push, push.cells);
}

void Reducer::sort(VkCommandBuffer commands, const gpu::Buffer& values, const gpu::Buffer& chosen,
                   const gpu::Buffer& out, ReducePush push) {
  push.stride = std::bit_ceil(push.chosen);
  const uint64_t keys = uint64_t(push.cells) * push.stride;
  run(commands, "sort_gather.comp", {&values, &chosen, &scratch_}, push, keys);
  for (uint32_t runLength = 2; runLength <= push.stride; runLength *= 2)
    for (uint32_t distance = runLength / 2; distance > 0; distance /= 2) {
      ReducePush step = push;
      step.firstValue = distance;
      step.firstOut = runLength;
      run(commands, "sort_step.comp", {&scratch_}, step, keys);
    }
  run(commands, "sort_finish.comp", {&scratch_, &out}, push, push.cells);
}

void Reducer::reduce(const gpu::Buffer& values, uint64_t first, uint64_t cells, uint64_t entries,
                     const Reduction& reduction, const gpu::Buffer& out) {
  const How& how = find(reduction.how);
  const uint64_t perCell =
      how.sorted ? std::bit_ceil(reduction.chosen.size()) * 4 : reduction.chosen.size() * sizeof(kernels::ReduceNode);
  const uint64_t budget =
      std::max(perCell, std::min(kMaxNodes * sizeof(kernels::ReduceNode), context_.maxBufferBytes()));
  if (perCell > context_.maxBufferBytes())
    throw Error(
        Exit::Budget,
        fmt::format("a statistic over {} entries a cell needs a buffer of {} MiB, more than {} offers; keep fewer with "
                    "--select",
                    reduction.chosen.size(), perCell >> 20, context_.info().name));
  const uint64_t atOnce = std::min(cells, budget / perCell);
  if (scratch_.bytes() < atOnce * perCell)
    scratch_ = gpu::Buffer(context_, atOnce * perCell, gpu::Memory::Device, "reduction");
  const gpu::Buffer chosen =
      gpu::makeFilledBuffer(context_, std::as_bytes(std::span(reduction.chosen)), "chosen entries");
  for (uint64_t done = 0; done < cells; done += atOnce) {
    const ReducePush push{.cells = uint32_t(std::min(atOnce, cells - done)),
                          .entries = uint32_t(entries),
                          .chosen = uint32_t(reduction.chosen.size()),
                          .stride = 1,
                          .firstValue = uint32_t(first + done * entries),
                          .firstOut = uint32_t(done),
                          .how = how.code,
                          .quantile = float(reduction.how == Reduce::Median ? 0.5 : reduction.quantile)};
    const VkCommandBuffer commands = submission_.begin();
    gpu::barrier(commands, gpu::kTransferWrite, gpu::kComputeReadWrite);
    gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
    how.sorted ? sort(commands, values, chosen, out, push) : tree(commands, values, chosen, out, push);
    submission_.submit();
    submission_.wait();
  }
}

void Reducer::count(const gpu::Buffer& values, uint64_t first, uint64_t count, ValueCounts& counts) {
  uint32_t found[3] = {0, 0, 0};
  const gpu::Buffer buffer = gpu::makeFilledBuffer(context_, std::as_bytes(std::span(found)), "counts");
  const ReducePush push{.cells = uint32_t(count), .firstValue = uint32_t(first)};
  const VkCommandBuffer commands = submission_.begin();
  gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
  run(commands, "count_values.comp", {&values, &buffer}, push, count);
  submission_.submit();
  submission_.wait();
  gpu::download(context_, buffer, 0, std::as_writable_bytes(std::span(found)));
  counts.nans += found[0];
  counts.infinities += found[1];
  counts.masked += found[2];
}

}  // namespace divlens
