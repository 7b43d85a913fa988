#include "divergence/row_stats.h"

#include <algorithm>
#include <array>
#include <bit>

#include "gpu/barrier.h"

namespace divlens {
namespace {

using namespace kernels;

constexpr uint32_t kMergeSize = 64;

/// One row for each stored type that the kernels read.
struct StoredType {
  DType dtype;
  uint32_t code;
};
constexpr StoredType kStoredTypes[] = {{DType::F16, kF16}, {DType::BF16, kBf16}, {DType::F32, kF32}};

uint32_t kindOf(Kind kind, double temperature) {
  if (kind != Kind::Probs) return kLogits;
  return temperature == 1 ? kProbs : kLogOfProbs;
}

}  // namespace

SideFormat formatOf(const RowReader& reader, Kind kind, double temperature) {
  const auto type = std::find_if(std::begin(kStoredTypes), std::end(kStoredTypes),
                                 [&](const StoredType& t) { return t.dtype == reader.deviceDType(); });
  return {type->code, reader.split() ? kLogits : kindOf(kind, temperature), uint32_t(reader.rowBytes() / 16),
          reader.split()};
}

uint32_t lanesFor(const gpu::Context& context, int64_t width) {
  if (context.lanes() != 0) return context.lanes();
  // lavapipe ends an invocation's loops after 65,535 trips in all: two rounds over a row take a quarter to a half of
  // them.
  if (context.isCpu()) return std::clamp(std::bit_ceil(uint32_t(width >> 17)), 8u, 1024u);
  const VkPhysicalDeviceLimits& limits = context.limits();
  const uint32_t most = std::min(limits.maxComputeWorkGroupInvocations, limits.maxComputeWorkGroupSize[0]);
  return std::clamp(std::bit_ceil(uint32_t(width / 32 + 1)), 32u, std::min(256u, std::bit_floor(most)));
}

uint32_t RowStatsPass::partsFor(const gpu::Context& context, const Plan& plan) {
  return std::min(lanesFor(context, plan.vocab), 8u);
}

gpu::Buffer allowedBuffer(const gpu::Context& context, const Plan& plan) {
  const std::vector<uint32_t> none(4, 0);
  const std::vector<uint32_t>& bits = plan.allowedBits.empty() ? none : plan.allowedBits;
  return gpu::makeFilledBuffer(context, std::as_bytes(std::span(bits)), "allowed entries");
}

RowStatsPass::RowStatsPass(const gpu::Context& context, const Plan& plan, SideFormat format, Options options)
    : format_(format),
      parts_(partsFor(context, plan)),
      width_(uint32_t(plan.vocab)),
      inverseTemperature_(float(1.0 / plan.temperature)),
      first_(context, options.texels ? "row_stats_texels.comp" : "row_stats.comp", 5, uint32_t(sizeof(RowsPush)),
             std::array{lanesFor(context, plan.vocab), format.dtype, format.kind, plan.allowedBits.empty() ? 0u : 1u,
                        uint32_t(options.low), uint32_t(options.listed), uint32_t(options.top), uint32_t(options.heat)},
             std::span<const uint32_t>{}, options.texels ? 1u : 0u),
      merge_(context, "row_stats_merge.comp", 3, uint32_t(sizeof(RowsPush)),
             std::array{kMergeSize, format.kind, uint32_t(options.listed)}) {}

void RowStatsPass::record(VkCommandBuffer commands, gpu::DescriptorPool& pool, const Rows& rows,
                          const gpu::Buffer& partials, const gpu::Buffer& stats, const gpu::Buffer& allowed) const {
  const RowsPush push{.rows = uint32_t(rows.count),
                      .firstRow = uint32_t(rows.first),
                      .rowVectors = format_.rowVectors,
                      .width = width_,
                      .inverseTemperature = inverseTemperature_,
                      .parts = parts_};
  const auto bytes = std::as_bytes(std::span(&push, 1));
  const gpu::BufferRange list{rows.list ? rows.list : &allowed};
  const gpu::BufferRange first[] = {rows.rows, {&partials}, {&allowed}, list, {rows.numbers ? rows.numbers : &allowed}};
  first_.dispatch(commands, pool, first, bytes, push.rows);
  gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
  const gpu::BufferRange second[] = {{&partials}, {&stats}, list};
  merge_.dispatch(commands, pool, second, bytes, (push.rows + kMergeSize - 1) / kMergeSize);
  gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
}

}  // namespace divlens
