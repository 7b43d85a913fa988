#include "divergence/panels.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "divergence/stages.h"
#include "error.h"
#include "gpu/barrier.h"

namespace divlens {
namespace {

using kernels::ReducePush;

constexpr uint32_t kLocalSize = 64;
constexpr uint64_t kCellsAtOnce = 2048;  // 16 MB of resampled means

/// Copies a block's cells into the panel's chunks.
void storeCells(const gpu::Context& context, const gpu::Buffer& from, uint64_t first, const Grid& grid, int64_t panel,
                const Block& block) {
  context.runOnce([&](VkCommandBuffer commands) {
    gpu::barrier(commands, gpu::kAnyAccess, gpu::kAnyAccess);  // a window may be drawing the grid
    for (const GridChunk& chunk : grid.chunks(panel)) {
      const int64_t begin = std::max(chunk.firstRow, block.firstRow);
      const int64_t end = std::min(chunk.firstRow + chunk.rows, block.firstRow + block.rows);
      if (begin >= end) continue;
      const VkBufferCopy region{
          .srcOffset = (first + uint64_t((begin - block.firstRow) * block.columns)) * 4,
          .dstOffset = uint64_t((begin - chunk.firstRow) * grid.columns() + block.firstColumn) * 4,
          .size = uint64_t((end - begin) * block.columns) * 4};
      vkCmdCopyBuffer(commands, from.handle(), chunk.buffer.handle(), 1, &region);
    }
    gpu::barrier(commands, gpu::kTransferWrite, gpu::kAnyRead);
  });
}

/// Copies `count` floats to `to[at …]`.
void append(const gpu::Context& context, const gpu::Buffer& from, const gpu::Buffer& to, uint64_t at, uint64_t count) {
  context.runOnce([&](VkCommandBuffer commands) {
    gpu::barrier(commands, gpu::kComputeWrite, gpu::kTransferRead);
    const VkBufferCopy region{.dstOffset = at * 4, .size = count * 4};
    vkCmdCopyBuffer(commands, from.handle(), to.handle(), 1, &region);
    gpu::barrier(commands, gpu::kTransferWrite, gpu::kAnyRead);
  });
}

}  // namespace

std::vector<ResultPanel> resultPanels(const Plan& plan) {
  std::vector<ResultPanel> out;
  for (size_t channel = 0; channel < std::max<size_t>(plan.metrics.size(), 1); ++channel)
    for (size_t panel = 0; panel < plan.panels.size(); ++panel) {
      if (plan.minus && panel == *plan.minus) continue;
      ResultPanel result{.metric = plan.metrics.empty() ? nullptr : &plan.metrics[channel],
                         .group = plan.panels[panel].label,
                         .count = plan.entriesPerCell(plan.panels[panel]),
                         .channel = channel,
                         .panel = panel,
                         .minus = {}};
      if (plan.minus) {
        result.minus = plan.minus;
        result.group += " − " + plan.panels[*plan.minus].label;
      }
      out.push_back(std::move(result));
    }
  return out;
}

PanelReducer::PanelReducer(const gpu::Context& context, const Plan& plan)
    : context_(context), plan_(plan), reducer_(context) {}

void PanelReducer::dispatch(const char* shader, std::initializer_list<const gpu::Buffer*> buffers,
                            const ReducePush& push, uint64_t invocations) {
  const gpu::ComputePipeline& pipeline = reducer_.pipeline(shader, uint32_t(buffers.size()));
  std::vector<gpu::BufferRange> ranges;
  for (const gpu::Buffer* buffer : buffers) ranges.push_back({buffer});
  gpu::DescriptorPool pool(context_, 1, uint32_t(buffers.size()));
  context_.runOnce([&](VkCommandBuffer commands) {
    gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
    pipeline.dispatch(commands, pool, ranges, std::as_bytes(std::span(&push, 1)),
                      uint32_t((invocations + kLocalSize - 1) / kLocalSize));
    gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
  });
}

PanelReducer::Prepared PanelReducer::prepare(const Block& block, const gpu::Buffer& values, uint64_t first,
                                             const PlanPanel& panel) {
  Prepared out{.own = {}, .values = &values, .first = first, .entries = 1, .last = {}};
  const std::vector<Stage> stages = stagesOf(plan_, panel);
  for (size_t i = 0; i < stages.size(); ++i) {
    const Stage& stage = stages[i];
    if (i + 1 == stages.size()) {
      out.entries = uint64_t(stage.entries);
      out.last = stage.reduction;
      break;
    }
    const uint64_t cells = uint64_t(block.cells() * stage.outer);
    gpu::Buffer next(context_, cells * 4, gpu::Memory::Device, "reduced values");
    reducer_.reduce(out.values ? *out.values : out.own, out.first, cells, uint64_t(stage.entries), stage.reduction,
                    next);
    out.own = std::move(next);
    out.values = nullptr;
    out.first = 0;
  }
  return out;
}

gpu::Buffer PanelReducer::estimate(const Prepared& prepared, uint64_t cells) {
  const gpu::Buffer& values = prepared.values ? *prepared.values : prepared.own;
  gpu::Buffer out(context_, cells * 4, gpu::Memory::Device, "cells");
  if (prepared.last) {
    reducer_.reduce(values, prepared.first, cells, prepared.entries, *prepared.last, out);
    return out;
  }
  context_.runOnce([&](VkCommandBuffer commands) {
    gpu::barrier(commands, gpu::kComputeWrite, gpu::kTransferRead);
    const VkBufferCopy region{.srcOffset = prepared.first * 4, .size = cells * 4};
    vkCmdCopyBuffer(commands, values.handle(), out.handle(), 1, &region);
    gpu::barrier(commands, gpu::kTransferWrite, gpu::kAnyRead);
  });
  return out;
}

gpu::Buffer PanelReducer::resample(const Prepared& prepared, uint64_t firstCell, uint64_t cells) {
  const gpu::Buffer& values = prepared.values ? *prepared.values : prepared.own;
  const gpu::Buffer chosen =
      gpu::makeFilledBuffer(context_, std::as_bytes(std::span(prepared.last->chosen)), "chosen entries");
  gpu::Buffer out(context_, cells * kResamples * 4, gpu::Memory::Device, "resampled means");
  const ReducePush push{.cells = uint32_t(cells),
                        .entries = uint32_t(prepared.entries),
                        .chosen = uint32_t(prepared.last->chosen.size()),
                        .stride = kResamples,
                        .firstValue = uint32_t(prepared.first + firstCell * prepared.entries)};
  dispatch("bootstrap.comp", {&values, &chosen, &out}, push, cells * kResamples);
  return out;
}

void PanelReducer::subtract(const gpu::Buffer& from, const gpu::Buffer& what, uint64_t count) {
  dispatch("subtract.comp", {&from, &what}, {.cells = uint32_t(count)}, count);
}

std::vector<MeanError> PanelReducer::meanErrors(const Prepared& prepared, uint64_t cells) {
  std::vector<MeanError> out(cells);
  std::vector<float> found(cells);
  Prepared part{.own = {},
                .values = prepared.values ? prepared.values : &prepared.own,
                .first = prepared.first,
                .entries = prepared.entries,
                .last = prepared.last};
  const auto read = [&](Reduce how, double MeanError::* to) {
    part.last->how = how;
    const gpu::Buffer values = estimate(part, cells);
    gpu::download(context_, values, 0, std::as_writable_bytes(std::span(found)));
    for (uint64_t i = 0; i < cells; ++i) out[i].*to = double(found[i]);
  };
  read(Reduce::Count, &MeanError::count);
  read(Reduce::Mean, &MeanError::mean);
  read(Reduce::Sem, &MeanError::sem);
  return out;
}

void PanelReducer::studentInterval(const Block& block, const Prepared& a, const Prepared* b, PanelGrids& grids,
                                   int64_t panel) {
  const auto cells = uint64_t(block.cells());
  const std::vector<MeanError> own = meanErrors(a, cells);
  const std::vector<MeanError> less = b ? meanErrors(*b, cells) : std::vector<MeanError>();
  std::vector<float> lower(cells), upper(cells);
  for (uint64_t i = 0; i < cells; ++i) {
    const IntervalEnds ends =
        b ? welchInterval(own[i], less[i], plan_.confidence) : divlens::studentInterval(own[i], plan_.confidence);
    lower[i] = float(ends.lower);
    upper[i] = float(ends.upper);
  }
  storeCells(context_, gpu::makeFilledBuffer(context_, std::as_bytes(std::span(lower)), "lower ends"), 0, *grids.lower,
             panel, block);
  storeCells(context_, gpu::makeFilledBuffer(context_, std::as_bytes(std::span(upper)), "upper ends"), 0, *grids.upper,
             panel, block);
}

void PanelReducer::noInterval(const Block& block, PanelGrids& grids, int64_t panel) {
  const std::vector<float> nan(size_t(block.cells()), std::nanf(""));
  const gpu::Buffer ends = gpu::makeFilledBuffer(context_, std::as_bytes(std::span(nan)), "no interval");
  for (Grid* grid : {&*grids.lower, &*grids.upper}) storeCells(context_, ends, 0, *grid, panel, block);
}

void PanelReducer::interval(const Block& block, const Prepared& a, const Prepared* b, PanelGrids& grids,
                            int64_t panel) {
  if (plan_.studentT) return studentInterval(block, a, b, grids, panel);
  const uint64_t cells = uint64_t(block.cells());
  const gpu::Buffer lower(context_, cells * 4, gpu::Memory::Device, "lower ends"),
      upper(context_, cells * 4, gpu::Memory::Device, "upper ends");
  for (uint64_t done = 0; done < cells; done += kCellsAtOnce) {
    const uint64_t count = std::min(kCellsAtOnce, cells - done);
    const gpu::Buffer means = resample(a, done, count);
    if (b) subtract(means, resample(*b, done, count), count * kResamples);
    // Resample r of cell c lies at r · count + c.
    Reduction quantile{
        .chosen = std::vector<uint32_t>(kResamples), .how = Reduce::Quantile, .quantile = (1 - plan_.confidence) / 2};
    for (uint32_t r = 0; r < kResamples; ++r) quantile.chosen[r] = r * uint32_t(count);
    const gpu::Buffer part(context_, count * 4, gpu::Memory::Device, "quantiles");
    for (const gpu::Buffer* end : {&lower, &upper}) {
      reducer_.reduce(means, 0, count, 1, quantile, part);
      append(context_, part, *end, done, count);
      quantile.quantile = 1 - quantile.quantile;
    }
  }
  storeCells(context_, lower, 0, *grids.lower, panel, block);
  storeCells(context_, upper, 0, *grids.upper, panel, block);
}

void PanelReducer::reduce(const Block& block, const gpu::Buffer& values, uint64_t channelStride,
                          const std::vector<ResultPanel>& panels, PanelGrids& grids) {
  const uint64_t cells = uint64_t(block.cells());
  for (size_t i = 0; i < panels.size(); ++i) {
    const ResultPanel& panel = panels[i];
    const uint64_t first = panel.channel * channelStride;
    const Prepared a = prepare(block, values, first, plan_.panels[panel.panel]);
    std::optional<Prepared> b;
    if (panel.minus) b = prepare(block, values, first, plan_.panels[*panel.minus]);
    const gpu::Buffer mean = estimate(a, cells);
    if (b) subtract(mean, estimate(*b, cells), cells);
    storeCells(context_, mean, 0, grids.grid, int64_t(i), block);
    if (plan_.confidence == 0) continue;
    const bool few = lastReduced(plan_, plan_.panels[panel.panel]) < 2 ||
                     (panel.minus && lastReduced(plan_, plan_.panels[*panel.minus]) < 2);
    few ? noInterval(block, grids, int64_t(i)) : interval(block, a, b ? &*b : nullptr, grids, int64_t(i));
  }
}

}  // namespace divlens
