#include "figure/grid_percentiles.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "gpu/barrier.h"

namespace divlens {
namespace {

constexpr uint32_t kLocalSize = 64;
constexpr uint32_t kFirstShift = 32 - kDigitBits;
constexpr uint32_t kCountsPerBuffer = kMostPrefixes * kDigits;
constexpr std::array<uint32_t, 1> kConstants = {kLocalSize};

double valueOf(uint32_t key) { return std::bit_cast<float>((key & 0x80000000u) != 0 ? key & 0x7fffffffu : ~key); }

/// Between neighbours, as numpy's _lerp rounds.
double between(double a, double b, double t) { return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t); }

}  // namespace

GridPercentiles::GridPercentiles(const gpu::Context& context, const Grid& grid, std::vector<int64_t> panels,
                                 const CellRule& hidden)
    : context_(context), grid_(grid), panels_(std::move(panels)), hidden_(hidden) {}

void GridPercentiles::count(uint32_t shift, std::span<const uint32_t> prefixes) {
  if (!pipeline_)
    pipeline_ = std::make_unique<gpu::ComputePipeline>(context_, "percentiles.comp", 2,
                                                       uint32_t(sizeof(PercentilesPush)), kConstants);
  std::vector<const GridChunk*> chunks;
  for (const int64_t panel : panels_)
    for (const GridChunk& chunk : grid_.chunks(panel)) chunks.push_back(&chunk);
  std::vector<uint32_t> found(chunks.size() * kCountsPerBuffer);
  const gpu::Buffer counts(context_, found.size() * 4, gpu::Memory::Device, "digits");
  PercentilesPush push{.shift = shift,
                       .mask = shift == kFirstShift ? 0 : ~0u << (shift + kDigitBits),
                       .prefixes = uint32_t(prefixes.size()),
                       .hiddenOp = hidden_.op,
                       .hiddenValue = hidden_.value};
  std::copy(prefixes.begin(), prefixes.end(), push.prefix);
  gpu::Submission submission(context_, uint32_t(chunks.size()), 2);
  const VkCommandBuffer commands = submission.begin();
  vkCmdFillBuffer(commands, counts.handle(), 0, counts.bytes(), 0);
  gpu::barrier(commands, gpu::kAnyAccess, gpu::kComputeReadWrite);
  for (size_t i = 0; i < chunks.size(); ++i) {
    push.cells = uint32_t(chunks[i]->rows * grid_.columns());
    push.firstCount = uint32_t(i * kCountsPerBuffer);
    const gpu::BufferRange buffers[] = {{&chunks[i]->buffer}, {&counts}};
    pipeline_->dispatch(commands, submission.descriptors(), buffers, std::as_bytes(std::span(&push, 1)),
                        (push.cells + kCellsPerGroup - 1) / kCellsPerGroup);
  }
  gpu::barrier(commands, gpu::kComputeWrite, gpu::kTransferRead);
  submission.submit();
  submission.wait();
  gpu::download(context_, counts, 0, std::as_writable_bytes(std::span(found)));
  for (size_t i = 0; i < prefixes.size(); ++i) {
    Counts& sums = counted_[{shift, prefixes[i]}];
    for (size_t chunk = 0; chunk < chunks.size(); ++chunk)
      for (size_t digit = 0; digit < kDigits; ++digit)
        sums[digit] += found[chunk * kCountsPerBuffer + i * kDigits + digit];
  }
}

uint64_t GridPercentiles::cells() {
  if (counted_.empty()) count(kFirstShift, std::array<uint32_t, 1>{0});
  const Counts& counts = counted_.at({kFirstShift, 0});
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

void GridPercentiles::find(std::span<Wanted> wanted) {
  for (uint32_t shift = kFirstShift;; shift -= kDigitBits) {
    std::vector<uint32_t> missing;
    for (const Wanted& one : wanted)
      if (!counted_.contains({shift, one.key}) && std::find(missing.begin(), missing.end(), one.key) == missing.end())
        missing.push_back(one.key);
    for (size_t i = 0; i < missing.size(); i += kMostPrefixes)
      count(shift, std::span(missing).subspan(i, std::min<size_t>(kMostPrefixes, missing.size() - i)));
    for (Wanted& one : wanted) {
      const Counts& counts = counted_.at({shift, one.key});
      uint32_t digit = 0;
      for (; digit + 1 < kDigits && one.place >= counts[digit]; ++digit) one.place -= counts[digit];
      one.key |= digit << shift;
    }
    if (shift == 0) return;
  }
}

std::vector<double> GridPercentiles::at(std::span<const double> percents) {
  const uint64_t count = cells();
  std::vector<double> out(percents.size(), std::numeric_limits<double>::quiet_NaN());
  if (count == 0) return out;
  std::vector<Wanted> wanted;
  for (const double percent : percents) {
    const auto lower = uint64_t(percent / 100 * double(count - 1));
    wanted.push_back({lower, 0});
    wanted.push_back({std::min(lower + 1, count - 1), 0});
  }
  find(wanted);
  for (size_t i = 0; i < percents.size(); ++i) {
    const double place = percents[i] / 100 * double(count - 1);
    out[i] = between(valueOf(wanted[2 * i].key), valueOf(wanted[2 * i + 1].key), place - std::floor(place));
  }
  return out;
}

}  // namespace divlens
