#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "divergence/checkpoint.h"
#include "divergence/panels.h"
#include "divergence/plan.h"

namespace divlens {

struct EvaluateOptions {
  uint64_t maxGpuMemory = 0;  ///< bytes for tiles and scratch; 0: a sensible share
  uint64_t maxRam = 0;
  uint64_t tileBytes = 0;    ///< 0: chosen by the device; tests make it small
  size_t readThreads = 0;    ///< 0: chosen by the device
  int64_t blockEntries = 0;  ///< entries held on the device at once; 0: chosen by the device; tests make it small
  /// Called from the computing thread with bytes read so far and in all.
  std::function<void(uint64_t, uint64_t)> progress;
  /// Set by a signal handler: the evaluation ends within a tile with Error(Interrupted).
  const std::atomic<int>* cancel = nullptr;
  Share share;
  Checkpoint* checkpoint = nullptr;  ///< for --resume: of this plan, device and share
  /// For a window: called every `previewEvery` or so, from the computing thread, once the grid holds what has been
  /// computed so far; cells of which nothing is known yet are masked. Intervals have no previews.
  std::function<void()> preview;
  std::chrono::milliseconds previewEvery{150};
};

struct Result : PanelGrids {
  std::vector<ResultPanel> panels;  ///< metric by metric, each with its groups
  uint64_t cells = 0;               ///< values before the reduction, masked ones not counted
  ValueCounts counts;
  std::vector<std::string> warnings;
  float largestRest = 0;  ///< kind topk: the most probability of a row that its list leaves open
};

/// The plan's result before the evaluation: its grids hold masked cells.
Result emptyResult(const gpu::Context& context, const Plan& plan);
/// Names how the values of a checkpoint are cut into blocks, which depends on the plan and the device.
std::string blocksText(const gpu::Context& context, const Plan& plan, const EvaluateOptions& options = {});
/// Values of a block on the device, all metrics together.
uint64_t blockValues(const gpu::Context& context, const Plan& plan, const EvaluateOptions& options = {});
/// Evaluates the plan into an empty result: streams rows to the device, computes every cell there, reduces, and leaves
/// the grid in device memory, of the first process where several share the work. The plan must outlive the result.
/// Errors: BadInput while reading, Budget, NoDevice, Interrupted.
void evaluateInto(Result& result, const gpu::Context& context, const Plan& plan, const EvaluateOptions& options = {});
/// The same with a result of its own.
Result evaluate(const gpu::Context& context, const Plan& plan, const EvaluateOptions& options = {});

}  // namespace divlens
