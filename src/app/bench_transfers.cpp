#include "app/bench_transfers.h"

#include <fmt/format.h>

#include <chrono>
#include <cstring>
#include <numeric>
#include <thread>

#include "app/bench_data.h"
#include "divergence/evaluate.h"
#include "dump/read_team.h"
#include "dump/temporary.h"
#include "gpu/buffer.h"
#include "gpu/stopwatch.h"

namespace divlens {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kFiles = 4;  // times the bytes of other measurements
constexpr size_t kRing = 3;     // parts of the memory that a run reads into, in turn

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

double copyRate(uint64_t bytes) {
  const std::vector<std::byte> from(bytes, std::byte{1});
  std::vector<std::byte> to(bytes);
  const size_t threads = ReadTeam::usual();
  const uint64_t part = bytes / threads;
  return double(part * threads) / bestOf(5, [&] {
           std::vector<std::jthread> workers;
           for (size_t i = 0; i < threads; ++i)
             workers.emplace_back([&, i] { std::memcpy(to.data() + i * part, from.data() + i * part, part); });
         });
}

double linkRate(const gpu::Context& context, uint64_t bytes, gpu::Memory from, gpu::Memory to) {
  if (context.unifiedMemory()) return 0;
  const gpu::Buffer source(context, bytes, from, "copied rows");
  const gpu::Buffer target(context, bytes, to, "copies of rows");
  const gpu::Stopwatch stopwatch(context);
  gpu::Commands commands(context);
  double best = 1e30;
  for (int i = 0; i < 5; ++i)
    best = std::min(best, stopwatch.run(commands, [&](VkCommandBuffer buffer) {
      const VkBufferCopy region{.size = bytes};
      vkCmdCopyBuffer(buffer, source.handle(), target.handle(), 1, &region);
    }));
  return double(bytes) / best;
}

/// A dump of `bytes` or a little less in the page cache.
Dump fileOf(DType dtype, int64_t vocab, uint64_t bytes) {
  BenchShape shape{.dtype = dtype, .vocab = vocab};
  shape.tokens = std::max<int64_t>(1, int64_t(bytes / shape.bytes()));
  const auto file = std::make_shared<TemporaryFile>(shape.bytes());
  file->write(0, benchRows(shape));
  return benchDump(shape, file);
}

double readRate(const gpu::Context& context, const Dump& dump, gpu::Memory memory) {
  const RowReader reader(dump.tensors.front(), dump.tensors.front().shape.back());
  const auto rowsAtOnce = int64_t(std::max<uint64_t>(1, (uint64_t{32} << 20) / reader.rowBytes()));
  const uint64_t part = uint64_t(rowsAtOnce) * reader.rowBytes();
  const gpu::Buffer ring(context, kRing * part, memory, "ring of rows");
  if (ring.mapped() == nullptr) return 0;
  ReadTeam team(ReadTeam::usual());
  const double seconds = bestOf(3, [&] {
    for (int64_t first = 0, turn = 0; first < reader.rows(); first += rowsAtOnce, ++turn) {
      std::vector<int64_t> rows(size_t(std::min(rowsAtOnce, reader.rows() - first)));
      std::iota(rows.begin(), rows.end(), first);
      team.read(reader, rows, ring.mapped() + uint64_t(turn) % kRing * part);
    }
  });
  return double(dump.bytes) / seconds;
}

/// Seconds of the best of a few evaluations.
double evaluation(const gpu::Context& context, const Dump& dump, const PlanOptions& options) {
  const Plan plan = makePlan(dump, "", options);
  return bestOf(4, [&] { evaluate(context, plan); });
}

void measureFiles(const gpu::Context& context, uint64_t bytes, Transfers& t) {
  const Dump large = fileOf(DType::F16, 50304, kFiles * bytes), small = fileOf(DType::F16, 50304, bytes);
  t.read = readRate(context, large, context.unifiedMemory() ? gpu::Memory::Device : gpu::Memory::Upload);
  if (!context.unifiedMemory()) t.cachedRead = readRate(context, large, gpu::Memory::Readback);
  const PlanOptions kl{.metrics = {"kl"}, .reference = "layer=-1"};
  const double whole = evaluation(context, large, kl), part = evaluation(context, small, kl);
  t.file = double(large.bytes) / whole;
  if (whole <= part) return;  // a machine that was disturbed
  t.steady = double(large.bytes - small.bytes) / (whole - part);
  t.begin = std::max(0.0, part - double(small.bytes) / t.steady);
}

double weightRate(const gpu::Context& context, uint64_t bytes) {
  Dump dump = fileOf(DType::BF16, int64_t{1} << 20, kFiles * bytes);
  dump.tensors.front().kind = Kind::Hidden;  // of rows as they are stored
  return double(dump.bytes) / evaluation(context, dump, {.metrics = {"rms"}});
}

Json numberOrNull(double value) { return value > 0 ? Json(value) : Json(nullptr); }

}  // namespace

Transfers measureTransfers(const gpu::Context& context, uint64_t bytes) {
  Transfers t;
  t.copy = copyRate(kFiles * bytes);
  t.link = linkRate(context, bytes, gpu::Memory::Upload, gpu::Memory::Device);
  t.cachedLink = linkRate(context, bytes, gpu::Memory::Readback, gpu::Memory::Device);
  t.download = linkRate(context, bytes, gpu::Memory::Device, gpu::Memory::Readback);
  t.submit = bestOf(20, [&] { context.runOnce([](VkCommandBuffer) {}); });
  measureFiles(context, bytes, t);
  t.weights = weightRate(context, bytes);
  return t;
}

std::string transfersText(const Transfers& t, double weightsLimit) {
  constexpr double kGiga = 1e-9;
  std::string text = fmt::format("\nmemory to memory {:.1f} GB/s; page cache to where rows are read {:.1f}",
                                 t.copy * kGiga, t.read * kGiga);
  if (t.link > 0)
    text += fmt::format(", from there to the device {:.1f} (by cached memory {:.1f}, {:.1f}), back {:.1f}",
                        t.link * kGiga, t.cachedRead * kGiga, t.cachedLink * kGiga, t.download * kGiga);
  text += fmt::format(
      "\npage cache to grid (KL, F16) {:.2f} GB/s, {:.2f} of the slower of memory and link; without the {:.0f} ms that "
      "a "
      "run takes to begin {:.2f}\n",
      t.file * kGiga, t.file / t.slower(), 1e3 * t.begin, t.steady / t.slower());
  return text + fmt::format(
                    "statistics of a checkpoint (rms, BF16): page cache to grid {:.2f} GB/s, {:.2f} of the limit of "
                    "{:.2f} GB/s at which such rows are read\na submission of nothing: {:.0f} µs\n",
                    t.weights * kGiga, t.weights / weightsLimit, weightsLimit * kGiga, 1e6 * t.submit);
}

void addTransfers(Json& report, const Transfers& t, double weightsLimit) {
  report["copyBytesPerSecond"] = t.copy;
  report["readBytesPerSecond"] = numberOrNull(t.read);
  report["linkBytesPerSecond"] = numberOrNull(t.link);
  report["cachedReadBytesPerSecond"] = numberOrNull(t.cachedRead);
  report["cachedLinkBytesPerSecond"] = numberOrNull(t.cachedLink);
  report["downloadBytesPerSecond"] = numberOrNull(t.download);
  report["fileToGridBytesPerSecond"] = t.file;
  report["fileToGridSteadyBytesPerSecond"] = numberOrNull(t.steady);
  report["fileToGridBeginSeconds"] = t.begin;
  report["submitSeconds"] = t.submit;
  report["weightsBytesPerSecond"] = t.weights;
  report["weightsLimitBytesPerSecond"] = weightsLimit;
}

}  // namespace divlens
