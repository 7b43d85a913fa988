#include "divergence/overlap_pass.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "divergence/topk_pass.h"
#include "gpu/barrier.h"

namespace divlens {
namespace {

using namespace kernels;

constexpr uint32_t kPairsSize = 64;
// On lavapipe eight rows share a vector, each an invocation; elsewhere a workgroup has one.
constexpr uint32_t kAloneSize = 8;
constexpr uint32_t kTogetherSize = 64;
constexpr uint32_t kElements = 8;   // of a step
constexpr uint32_t kProcessor = 8;  // lanes of a row on a processor, see lanesFor
constexpr int64_t kMostK = 1024;
/// Loops of lavapipe end after 65,535 trips, those of all rows of a vector together.
constexpr uint64_t kMostTrips = 64000;
constexpr uint32_t kGroupLoops = 6;  // over all groups in top_candidates.glsl

template <typename T>
std::span<const std::byte> bytesOf(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace

uint32_t allowedEntry(const Plan& plan, int64_t n) {
  if (n < 1) return kNoEntry;
  if (plan.allowedBits.empty()) return uint32_t(n - 1);
  uint32_t entry = 0;
  for (;; ++entry)
    if ((plan.allowedBits[entry / 32] >> (entry % 32) & 1u) != 0 && --n == 0) return entry;
}

/// Many groups cost a search over their largest elements, large ones reading those again that hold the k largest.
OverlapPass::Layout OverlapPass::layoutFor(uint32_t lanes, int64_t width, uint32_t k) {
  const uint64_t steps = uint64_t(width + kElements - 1) / kElements;
  const auto balanced = uint64_t(std::sqrt(0.3 * double(k) * double(steps)));
  const uint64_t wanted = std::clamp<uint64_t>(std::max<uint64_t>(2 * uint64_t(k), balanced), lanes, steps + lanes);
  Layout layout;
  layout.steps = uint32_t(std::max<uint64_t>(steps / (lanes * ((wanted + lanes - 1) / lanes)), 1));
  const uint64_t stretch = uint64_t(lanes) * layout.steps;
  layout.groups = uint32_t(lanes * ((steps + stretch - 1) / stretch));
  layout.listed = 2 * k + 64;
  // Each step is a trip, and so is leaving the loop over what it has found.
  const uint64_t around = uint64_t(kGroupLoops) * layout.groups;
  const uint64_t whole = around + 2 * steps + uint64_t(kAloneSize) * layout.listed;
  layout.trips = whole <= kMostTrips   ? UINT32_MAX
                 : around < kMostTrips ? uint32_t((kMostTrips - around) / (2 * kAloneSize))
                                       : 0;
  return layout;
}

bool OverlapPass::fits(int64_t width, uint32_t k) {
  if (k < 1 || k > kMostK || int64_t{k} * 2 * kElements > width) return false;
  const uint32_t lanes = std::max(kProcessor, uint32_t(width >> 17));
  const Layout layout = layoutFor(lanes, width, k);
  // A half more groups than k may hold elements that reach the bound.
  return layout.trips >= 3 * uint64_t(k) / 2 * layout.steps + 2 * uint64_t(k);
}

OverlapPass::Side::Side(const gpu::Context& context, const Plan& plan, SideFormat side, bool texels)
    : format(side),
      groups(context, texels ? "top_groups_texels.comp" : "top_groups.comp", 4, uint32_t(sizeof(TopRowsPush)),
             std::array{lanesFor(context, plan.vocab), side.dtype, side.kind, plan.allowedBits.empty() ? 0u : 1u},
             std::span<const uint32_t>{}, texels ? 1u : 0u),
      candidates(context, texels ? "top_candidates_texels.comp" : "top_candidates.comp", 6,
                 uint32_t(sizeof(TopRowsPush)),
                 std::array{context.isCpu() ? kAloneSize : kTogetherSize, context.isCpu() ? 1u : 0u, side.dtype,
                            side.kind, plan.allowedBits.empty() ? 0u : 1u, lanesFor(context, plan.vocab)},
                 std::span<const uint32_t>{}, texels ? 1u : 0u) {}

OverlapPass::OverlapPass(const gpu::Context& context, const Plan& plan, SideFormat cells, SideFormat reference,
                         bool ownReference, uint32_t k, size_t maxRows, bool texels)
    : plan_(plan),
      k_(k),
      shift_(TopKPass::shiftOf(reference)),
      alone_(context.isCpu()),
      layout_(layoutFor(lanesFor(context, plan.vocab), plan.vocab, k)),
      cells_(context, plan, cells, texels),
      reference_(ownReference ? std::make_unique<Side>(context, plan, reference, texels) : nullptr),
      select_(context, "top_select.comp", 2, uint32_t(sizeof(TopRowsPush)),
              std::array{alone_ ? kAloneSize : kTogetherSize, alone_ ? 1u : 0u}),
      overlap_(context, texels ? "overlap_texels.comp" : "overlap.comp", 7, uint32_t(sizeof(OverlapPush)),
               std::array{kPairsSize, reference.dtype}, std::span<const uint32_t>{}, texels ? 1u : 0u),
      maxima_(context, maxRows * layout_.groups * sizeof(uint32_t), gpu::Memory::Device, "largest of groups"),
      entries_(context, maxRows * layout_.listed * sizeof(TopEntry), gpu::Memory::Device, "large elements"),
      states_(context, maxRows * sizeof(TopState), gpu::Memory::Device, "largest elements") {}

void OverlapPass::recordRows(VkCommandBuffer commands, gpu::DescriptorPool& pool, const Side& side, const Rows& rows,
                             const gpu::Buffer& numbers, const gpu::Buffer& allowed) const {
  const TopRowsPush push{.rows = uint32_t(rows.count),
                         .firstRow = uint32_t(rows.first),
                         .rowVectors = side.format.rowVectors,
                         .width = uint32_t(plan_.vocab),
                         .groups = layout_.groups,
                         .steps = layout_.steps,
                         .k = k_,
                         .shift = TopKPass::shiftOf(side.format),
                         .listed = layout_.listed,
                         .trips = alone_ ? layout_.trips : UINT32_MAX};
  const uint32_t workgroups = alone_ ? (push.rows + kAloneSize - 1) / kAloneSize : push.rows;
  const gpu::BufferRange whole[] = {rows.rows, {&maxima_}, {&allowed}, {&numbers}};
  side.groups.dispatch(commands, pool, whole, bytesOf(push), push.rows);
  gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
  const gpu::BufferRange some[] = {rows.rows, {&maxima_}, {&allowed}, {&numbers}, {&entries_}, {&states_}};
  side.candidates.dispatch(commands, pool, some, bytesOf(push), workgroups);
  gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
  const gpu::BufferRange listed[] = {{&entries_}, {&states_}};
  select_.dispatch(commands, pool, listed, bytesOf(push), workgroups);
}

void OverlapPass::record(VkCommandBuffer commands, gpu::DescriptorPool& pool, const Slot& slot, const Rows& cells,
                         const Rows& reference, const gpu::Buffer& allowed, const gpu::Buffer& values,
                         Places places) const {
  if (cells.count > 0) recordRows(commands, pool, cells_, cells, slot.numbers, allowed);
  if (reference.count > 0) recordRows(commands, pool, *reference_, reference, slot.numbers, allowed);
  gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
  const OverlapPush push{.pairs = uint32_t(slot.tile.entries.size()),
                         .listed = layout_.listed,
                         .firstReference = uint32_t(reference.first),
                         .valueStart = places.value,
                         .redoStart = places.redo,
                         .shift = shift_,
                         .lastOfK = allowedEntry(plan_, k_),
                         .lastBeforeK = allowedEntry(plan_, int64_t{k_} - 1),
                         .k = float(k_)};
  const gpu::BufferRange buffers[] = {reference.rows, {&slot.entries},  {&entries_},    {&states_},
                                      {&values},      {&slot.verdicts}, {&slot.numbers}};
  overlap_.dispatch(commands, pool, buffers, bytesOf(push), (push.pairs + kPairsSize - 1) / kPairsSize);
  gpu::barrier(commands, gpu::kComputeReadWrite, gpu::kComputeReadWrite);
}

}  // namespace divlens
