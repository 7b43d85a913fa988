#include "app/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "app/bench_data.h"
#include "app/bench_transfers.h"
#include "app/bench_viewer.h"
#include "app/session.h"
#include "divergence/read_limit.h"
#include "divergence/rows_run.h"
#include "divergence/stages.h"
#include "error.h"

namespace divlens {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr size_t kRepeats = 9, kMostRepeats = 99;
constexpr double kSeconds = 0.3;  // that a case is measured at least: clocks take a while to rise
constexpr double kFallen = 1.15;  // pairs during which the limit was slower than its best by this are dropped
constexpr int64_t kVerified = 6;

struct Case {
  const char* name;
  std::vector<std::string> metrics;
  DType dtype;
  int64_t vocab;
};

const std::vector<std::string> kKl = {"kl"};
const std::vector<std::string> kJsd = {"jsd"};
const std::vector<std::string> kOneRead = {"kl", "kl-reverse", "jeffreys"};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const int64_t vocab : {32000, 50257, 50304, 128256, 262144})
    for (const auto& [name, metrics] : {std::pair{"kl", kKl}, {"jsd", kJsd}})
      all.push_back({name, metrics, DType::F16, vocab});
  all.push_back({"kl+kl-reverse+jeffreys", kOneRead, DType::F16, 50304});
  for (const DType dtype : {DType::BF16, DType::F32})
    for (const auto& [name, metrics] : {std::pair{"kl", kKl}, {"jsd", kJsd}})
      all.push_back({name, metrics, dtype, 50304});
  for (const char* metric : {"tv", "hellinger", "chi2", "renyi:0.5", "cross-entropy", "entropy"})
    all.push_back({metric, {metric}, DType::F16, 50304});
  return all;
}

/// Rates of one case: of the metric, and of the limit in the same run.
struct Rates {
  double seconds = 0;  ///< best of the metric
  double limit = 0;    ///< best of reading the same rows
  double ratio = 0;    ///< median of limit ÷ metric, pair by pair
  int kept = 0;        ///< pairs, less those during which the limit fell
  uint64_t bytes = 0;
  uint64_t elements = 0;
  Verification values;  ///< before anything was timed
};

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(values.size() / 2), values.end());
  return values[values.size() / 2];
}

BenchShape shapeOf(const Case& what, uint64_t bytes) {
  BenchShape shape{.dtype = what.dtype, .vocab = what.vocab};
  shape.tokens = std::max<int64_t>(1, int64_t(bytes / shape.bytes()));
  return shape;
}

Plan planOf(const Dump& dump, const std::vector<std::string>& metrics) {
  return makePlan(dump, "", {.metrics = metrics, .reference = "layer=-1"});
}

Verification checkValues(const gpu::Context& context, const Plan& plan) {
  const Result result = evaluate(context, plan);
  std::vector<std::vector<float>> cells;
  for (int64_t panel = 0; panel < result.grid.panels(); ++panel) cells.push_back(result.grid.read(context, panel));
  return verify(plan, result.panels, cells, kVerified, &interruptFlag());
}

Rates measure(const gpu::Context& context, const Case& what, uint64_t bytes) {
  const BenchShape shape = shapeOf(what, bytes);
  const Dump dump = benchDump(shape, memoryBytes("rows of the benchmark", benchRows(shape)));
  const Plan plan = planOf(dump, what.metrics);
  Rates rates;
  rates.values = checkValues(context, plan);
  const EvaluateOptions options{.tileBytes = shape.bytes() + shape.pairs() * 16};
  RowsRun run(context, plan, options);
  const int64_t rows = int64_t(plan.rows.positions.size()), columns = int64_t(plan.columns.positions.size());
  const Slot& slot = run.holdTile({0, rows, 0, columns}, entryLayout(plan));
  const gpu::Buffer values(context, shape.pairs() * what.metrics.size() * 4, gpu::Memory::Device, "values");
  const gpu::Stopwatch stopwatch(context);
  ReadLimit limit(context, slot, slot.rowBytes(), slot.rowBytes() / slot.tile.cellRows.size(), what.vocab);
  std::vector<double> limits, times;
  double spent = 0;
  for (size_t i = 0; times.size() < kRepeats || (spent < kSeconds && times.size() < kMostRepeats); ++i) {
    const double reading = limit.seconds(stopwatch);
    const double computing = run.computeHeld(stopwatch, values, shape.pairs());
    if (i < 2) continue;
    limits.push_back(reading);
    times.push_back(computing);
    spent += reading + computing;
  }
  rates.limit = *std::min_element(limits.begin(), limits.end());
  rates.seconds = *std::min_element(times.begin(), times.end());
  std::vector<double> ratios;
  for (size_t i = 0; i < times.size(); ++i)
    if (limits[i] <= kFallen * rates.limit) ratios.push_back(limits[i] / times[i]);
  rates.ratio = median(ratios);
  rates.kept = int(ratios.size());
  rates.bytes = slot.rowBytes();
  rates.elements = slot.tile.entries.size() * uint64_t(what.vocab);
  return rates;
}

/// Of rows in one case; a run has them six times, half of them on the device.
uint64_t bytesAtOnce(const gpu::Context& context) {
  if (context.isCpu()) return 96 * kMiB;
  const uint64_t free = context.freeMemory() ? context.freeMemory() : context.info().memory;
  return std::clamp(free / 16, 64 * kMiB, 768 * kMiB);
}

/// What a GPU ought to reach.
struct Gate {
  std::string name;
  double ratio = 0, least = 0;
};

void addGate(std::vector<Gate>& gates, const Case& what, double ratio) {
  if (what.dtype != DType::F16 || what.vocab != 50304 || what.metrics.size() > 1) return;
  if (what.metrics == kKl) gates.push_back({"KL, F16 / read limit", ratio, 0.80});
  if (what.metrics == kJsd) gates.push_back({"JSD, F16 / read limit", ratio, 0.50});
}

Json caseJson(const Case& what, const Rates& r) {
  return {{"metrics", what.name},
          {"dtype", info(what.dtype).name},
          {"vocab", what.vocab},
          {"bytes", r.bytes},
          {"seconds", r.seconds},
          {"bytesPerSecond", double(r.bytes) / r.seconds},
          {"elementsPerSecond", double(r.elements) / r.seconds},
          {"limitBytesPerSecond", double(r.bytes) / r.limit},
          {"ratioToLimit", r.ratio},
          {"pairsKept", r.kept},
          {"largestError", std::isfinite(r.values.largest) ? Json(r.values.largest) : Json(nullptr)},
          {"right", r.values.passed()}};
}

std::string line(const Case& what, const Rates& r) {
  return fmt::format("{:24}{:>6}{:>9}{:>12.2f}{:>14.3f}{:>12.2f}{:>8.2f}\n", what.name, info(what.dtype).name,
                     what.vocab, double(r.bytes) / r.seconds * 1e-9, double(r.elements) / r.seconds * 1e-9,
                     double(r.bytes) / r.limit * 1e-9, r.ratio) +
         (r.values.passed() ? "" : fmt::format("  WRONG: {}\n", r.values.text()));
}

std::string viewerBench(const gpu::Context& context, const Settings& settings) {
  const ViewerTimes times = timeViewer(context);
  if (!settings.json) return viewerText(times);
  return Json{{"device", times.device},
              {"rows", times.rows},
              {"columns", times.columns},
              {"width", times.width},
              {"height", times.height},
              {"frames", times.frames},
              {"medianMilliseconds", times.median},
              {"slowestMilliseconds", times.slowest},
              {"processorMilliseconds", times.processor},
              {"firstMilliseconds", times.first}}
             .dump(1) +
         "\n";
}

constexpr uint32_t kGpuLanes[] = {64, 128, 256, 512};
constexpr uint32_t kCpuLanes[] = {8, 16};
constexpr uint32_t kSharedCells[] = {1, 2, 4, 8};

/// KL and JSD for each choice that is made by the device otherwise.
BenchReport tuneBench(const Settings& settings) {
  Json list = Json::array();
  BenchReport report;
  for (const std::vector<std::string>& metrics : {kKl, kJsd}) {
    const gpu::Context any(contextOptions(settings));
    for (const uint32_t lanes : any.isCpu() ? std::span<const uint32_t>(kCpuLanes) : kGpuLanes) {
      if (lanes > any.limits().maxComputeWorkGroupInvocations) continue;
      for (const uint32_t shared : kSharedCells) {
        if (interruptFlag() != 0) throw Error(Exit::Interrupted, "interrupted");
        gpu::ContextOptions options = contextOptions(settings);
        options.lanes = lanes;
        options.sharedCells = shared;
        const gpu::Context context(options);
        const Case what{metrics.front().c_str(), metrics, DType::F16, 50304};
        const Rates rates = measure(context, what, bytesAtOnce(context));
        Json one = caseJson(what, rates);
        one["lanes"] = lanes;
        one["sharedCells"] = shared;
        list.push_back(one);
        if (!rates.values.passed()) report.exit = Exit::Failure;
        if (report.text.empty()) report.text = fmt::format("{}\n\nlanes  cells\n", context.info().name);
        report.text += fmt::format("{:5}{:7}  {}", lanes, shared, line(what, rates));
      }
    }
    if (settings.json) report.text = Json{{"device", any.info().name}, {"cases", list}}.dump(1) + "\n";
  }
  return report;
}

}  // namespace

BenchReport runBench(const Settings& settings) {
  catchInterrupts();
  if (settings.benchTune) return tuneBench(settings);
  const gpu::Context context(contextOptions(settings));
  if (settings.benchViewer) return {viewerBench(context, settings)};
  const uint64_t bytes = bytesAtOnce(context);
  Json list = Json::array();
  std::vector<Gate> gates;
  double brainLimit = 0;  // of the last case with BF16
  BenchReport report{fmt::format("{}\n\n{:24}{:>6}{:>9}{:>12}{:>14}{:>12}{:>8}\n", context.info().name, "metric",
                                 "dtype", "vocab", "GB/s", "G elements/s", "limit GB/s", "ratio")};
  for (const Case& what : cases()) {
    if (interruptFlag() != 0) throw Error(Exit::Interrupted, "interrupted");
    say(settings, fmt::format("{} {} {}", what.name, info(what.dtype).name, what.vocab));
    const Rates rates = measure(context, what, bytes);
    list.push_back(caseJson(what, rates));
    if (what.dtype == DType::BF16) brainLimit = double(rates.bytes) / rates.limit;
    if (!rates.values.passed()) report.exit = Exit::Failure;
    addGate(gates, what, rates.ratio);
    report.text += line(what, rates);
  }
  const Transfers transfers = measureTransfers(context, bytes);
  gates.push_back({"page cache to grid / slower of memory and link", transfers.file / transfers.slower(), 0.80});
  if (context.isCpu()) gates.clear();  // they are a GPU's
  checkValidation(context);
  if (settings.json) {
    Json all{{"device", context.info().name}, {"driver", context.info().driver}, {"cases", list}};
    addTransfers(all, transfers, brainLimit);
    all["gates"] = Json::array();
    for (const Gate& gate : gates)
      all["gates"].push_back(
          {{"name", gate.name}, {"ratio", gate.ratio}, {"gate", gate.least}, {"holds", gate.ratio >= gate.least}});
    report.text = all.dump(1) + "\n";
    return report;
  }
  report.text += transfersText(transfers, brainLimit);
  for (const Gate& gate : gates)
    report.text += fmt::format("{}: {:.2f}, wanted {:.2f}{}\n", gate.name, gate.ratio, gate.least,
                               gate.ratio >= gate.least ? "" : "  BELOW");
  report.text +=
      "\nratio: to the rate at which the same rows are read and nothing else; medians of pairs in turn.\n"
      "Before it is timed, each case is compared with double precision.\n";
  return report;
}

}  // namespace divlens
