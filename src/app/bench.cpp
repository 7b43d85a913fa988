#include "app/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/bench_data.h"
#include "app/bench_viewer.h"
#include "app/session.h"
#include "divergence/read_limit.h"
#include "divergence/rows_run.h"
#include "divergence/stages.h"
#include "dump/temporary.h"
#include "error.h"

namespace divlens {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr int kRepeats = 9;
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

/// Error(Failure) where the device's values are not those of double precision.
void checkValues(const gpu::Context& context, const Plan& plan, const Case& what) {
  const Result result = evaluate(context, plan);
  std::vector<std::vector<float>> cells;
  for (int64_t panel = 0; panel < result.grid.panels(); ++panel) cells.push_back(result.grid.read(context, panel));
  const Verification verification = verify(plan, result.panels, cells, kVerified, &interruptFlag());
  if (!verification.passed())
    throw Error(Exit::Failure, fmt::format("{} is wrong on {}: {}; nothing was timed", what.name, context.info().name,
                                           verification.text()));
}

Rates measure(const gpu::Context& context, const Case& what, uint64_t bytes) {
  const BenchShape shape = shapeOf(what, bytes);
  const Dump dump = benchDump(shape, memoryBytes("rows of the benchmark", benchRows(shape)));
  const Plan plan = planOf(dump, what.metrics);
  checkValues(context, plan, what);
  const EvaluateOptions options{.tileBytes = shape.bytes() + shape.pairs() * 16};
  RowsRun run(context, plan, options);
  const int64_t rows = int64_t(plan.rows.positions.size()), columns = int64_t(plan.columns.positions.size());
  const Slot& slot = run.holdTile({0, rows, 0, columns}, entryLayout(plan));
  const gpu::Buffer values(context, shape.pairs() * what.metrics.size() * 4, gpu::Memory::Device, "values");
  const gpu::Stopwatch stopwatch(context);
  ReadLimit limit(context, slot, slot.rowBytes(), slot.rowBytes() / slot.tile.cellRows.size(), what.vocab);
  std::vector<double> limits, times;
  for (int i = -2; i < kRepeats; ++i) {
    const double reading = limit.seconds(stopwatch);
    const double computing = run.computeHeld(stopwatch, values, shape.pairs());
    if (i < 0) continue;
    limits.push_back(reading);
    times.push_back(computing);
  }
  Rates rates;
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

template <typename Work>
double bestOf(int repeats, Work work) {
  double best = 1e30;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

/// Bytes a second that the processor copies within its memory, all cores (16 at most) at work.
double copyRate(uint64_t bytes) {
  const std::vector<std::byte> from(bytes, std::byte{1});
  std::vector<std::byte> to(bytes);
  const size_t threads = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, 16);
  const uint64_t part = bytes / threads;
  return double(part * threads) / bestOf(5, [&] {
           std::vector<std::jthread> workers;
           for (size_t i = 0; i < threads; ++i)
             workers.emplace_back([&, i] { std::memcpy(to.data() + i * part, from.data() + i * part, part); });
         });
}

/// Bytes a second from mapped host memory to the device; 0 where they are the same memory.
double linkRate(const gpu::Context& context, uint64_t bytes) {
  if (context.unifiedMemory()) return 0;
  const gpu::Buffer from(context, bytes, gpu::Memory::Upload, "host rows");
  const gpu::Buffer to(context, bytes, gpu::Memory::Device, "device rows");
  const gpu::Stopwatch stopwatch(context);
  gpu::Commands commands(context);
  double best = 1e30;
  for (int i = 0; i < 5; ++i)
    best = std::min(best, stopwatch.run(commands, [&](VkCommandBuffer buffer) {
      const VkBufferCopy region{.size = bytes};
      vkCmdCopyBuffer(buffer, from.handle(), to.handle(), 1, &region);
    }));
  return double(bytes) / best;
}

/// Bytes a second of a file in the page cache that become a grid, KL.
double fileRate(const gpu::Context& context, uint64_t bytes) {
  const Case what{"kl", kKl, DType::F16, 50304};
  const BenchShape shape = shapeOf(what, bytes);
  const auto file = std::make_shared<TemporaryFile>(shape.bytes());
  file->write(0, benchRows(shape));
  const Dump dump = benchDump(shape, file);
  const Plan plan = planOf(dump, what.metrics);
  return double(shape.bytes()) / bestOf(4, [&] { evaluate(context, plan); });
}

/// The same of a checkpoint: rms of whole tensors of BF16.
double weightRate(const gpu::Context& context, uint64_t bytes) {
  const BenchShape shape = shapeOf({"rms", {"rms"}, DType::BF16, int64_t{1} << 20}, bytes);
  const auto file = std::make_shared<TemporaryFile>(shape.bytes());
  file->write(0, benchRows(shape));
  Dump dump = benchDump(shape, file);
  dump.tensors.front().kind = Kind::Hidden;  // of rows as they are stored
  const Plan plan = makePlan(dump, "", {.metrics = {"rms"}});
  return double(shape.bytes()) / bestOf(3, [&] { evaluate(context, plan); });
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
          {"pairsKept", r.kept}};
}

std::string line(const Case& what, const Rates& r) {
  return fmt::format("{:24}{:>6}{:>9}{:>12.2f}{:>14.3f}{:>12.2f}{:>8.2f}\n", what.name, info(what.dtype).name,
                     what.vocab, double(r.bytes) / r.seconds * 1e-9, double(r.elements) / r.seconds * 1e-9,
                     double(r.bytes) / r.limit * 1e-9, r.ratio);
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

}  // namespace

std::string runBench(const Settings& settings) {
  catchInterrupts();
  const gpu::Context context(contextOptions(settings));
  if (settings.benchViewer) return viewerBench(context, settings);
  const uint64_t bytes = (context.isCpu() ? 96 : 768) * kMiB;
  Json list = Json::array();
  double brainLimit = 0;  // of the last case with BF16
  std::string text = fmt::format("{}\n\n{:24}{:>6}{:>9}{:>12}{:>14}{:>12}{:>8}\n", context.info().name, "metric",
                                 "dtype", "vocab", "GB/s", "G elements/s", "limit GB/s", "ratio");
  for (const Case& what : cases()) {
    if (interruptFlag() != 0) throw Error(Exit::Interrupted, "interrupted");
    say(settings, fmt::format("{} {} {}", what.name, info(what.dtype).name, what.vocab));
    const Rates rates = measure(context, what, bytes);
    list.push_back(caseJson(what, rates));
    if (what.dtype == DType::BF16) brainLimit = double(rates.bytes) / rates.limit;
    text += line(what, rates);
  }
  const double copy = copyRate(4 * bytes), link = linkRate(context, bytes), file = fileRate(context, 4 * bytes);
  const double weights = weightRate(context, 4 * bytes);
  const double slower = link > 0 ? std::min(copy, link) : copy;
  checkValidation(context);
  if (settings.json)
    return Json{{"device", context.info().name},
                {"driver", context.info().driver},
                {"cases", list},
                {"copyBytesPerSecond", copy},
                {"linkBytesPerSecond", link > 0 ? Json(link) : Json(nullptr)},
                {"fileToGridBytesPerSecond", file},
                {"weightsBytesPerSecond", weights},
                {"weightsLimitBytesPerSecond", brainLimit}}
               .dump(1) +
           "\n";
  text += fmt::format(
      "\nmemory to memory {:.1f} GB/s{}; page cache to grid (KL, F16) {:.2f} GB/s, {:.2f} of the slower\n", copy * 1e-9,
      link > 0 ? fmt::format(", to the device {:.1f} GB/s", link * 1e-9) : "", file * 1e-9, file / slower);
  text += fmt::format(
      "statistics of a checkpoint (rms, BF16): page cache to grid {:.2f} GB/s, {:.2f} of the limit of {:.2f} GB/s at "
      "which such rows are read\n",
      weights * 1e-9, weights / brainLimit, brainLimit * 1e-9);
  return text +
         "\nratio: to the rate at which the same rows are read and nothing else; medians of pairs in turn.\n"
         "Before it is timed, each case is compared with double precision.\n";
}

}  // namespace divlens
