#include "divergence/scalars.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "dump/rows.h"
#include "gpu/barrier.h"

namespace divlens {
namespace {

constexpr int64_t kMaxGap = 4096;  // elements that are rather read than skipped
constexpr int64_t kMaxRun = int64_t{1} << 22;

struct Wanted {
  int64_t element;
  uint32_t slot;
};

void addAxis(std::vector<Wanted>& wanted, const PlanAxis& axis, size_t first, size_t count, int64_t slotStride) {
  std::vector<Wanted> next;
  next.reserve(wanted.size() * count);
  for (const Wanted& w : wanted)
    for (size_t i = 0; i < count; ++i)
      next.push_back(
          {w.element + axis.positions[first + i] * axis.cellStride, uint32_t(w.slot + int64_t(i) * slotStride)});
  wanted = std::move(next);
}

/// The block's elements in file order, so that neighbours are read together.
std::vector<Wanted> wantedElements(const Plan& plan, const Block& block, const EntryLayout& layout) {
  std::vector<Wanted> wanted{{0, 0}};
  addAxis(wanted, plan.rows, size_t(block.firstRow), size_t(block.rows), block.columns * layout.entries);
  addAxis(wanted, plan.columns, size_t(block.firstColumn), size_t(block.columns), layout.entries);
  for (size_t i = 0; i < plan.reduced.size(); ++i)
    addAxis(wanted, plan.reduced[i], 0, plan.reduced[i].positions.size(), layout.strides[i]);
  const auto before = [](const Wanted& a, const Wanted& b) { return a.element < b.element; };
  if (!std::is_sorted(wanted.begin(), wanted.end(), before)) std::sort(wanted.begin(), wanted.end(), before);
  return wanted;
}

}  // namespace

void uploadScalars(const gpu::Context& context, const Plan& plan, const Block& block, const EntryLayout& layout,
                   const gpu::Buffer& values) {
  const std::vector<Wanted> wanted = wantedElements(plan, block, layout);
  std::vector<float> cells(wanted.size());
  std::vector<float> run;
  for (size_t begin = 0; begin < wanted.size();) {
    size_t end = begin + 1;
    const int64_t first = wanted[begin].element;
    while (end < wanted.size() && wanted[end].element - wanted[end - 1].element <= kMaxGap &&
           wanted[end].element - first < kMaxRun)
      ++end;
    run.resize(size_t(wanted[end - 1].element - first + 1));
    readElements(plan.cells, first, run);
    for (; begin < end; ++begin) cells[wanted[begin].slot] = run[size_t(wanted[begin].element - first)];
  }
  const auto bytes = std::as_bytes(std::span(cells));
  const gpu::Buffer staging(context, bytes.size(), gpu::Memory::Upload, "scalars");
  std::memcpy(staging.mapped(), bytes.data(), bytes.size());
  context.runOnce([&](VkCommandBuffer commands) {
    const VkBufferCopy region{.size = bytes.size()};
    vkCmdCopyBuffer(commands, staging.handle(), values.handle(), 1, &region);
    gpu::barrier(commands, gpu::kTransferWrite, gpu::kComputeRead);
  });
}

}  // namespace divlens
