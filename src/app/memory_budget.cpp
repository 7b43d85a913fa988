#include "app/memory_budget.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "error.h"
#include "gpu/context.h"

namespace divlens {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
// What Mesa's compiler takes for the kernels of one run on a processor.
constexpr uint64_t kCompilerBytes = 32 * kMiB;
// Address space that Mesa's compiler, its threads and ours reserve once a run goes on; it crashes where it gets none.
constexpr uint64_t kAddressSpace = 384 * kMiB;
// Address space that drivers take while they are loaded, each that is installed; Mesa's crash where one gets none.
constexpr uint64_t kDriverSpace = 256 * kMiB;
constexpr uint64_t kLargestTile = 8 * kMiB;  // to begin with, where memory has run short
constexpr uint64_t kSmallestTile = 64 << 10;

uint64_t left(uint64_t budget, uint64_t taken, const char* option) {
  if (budget == 0 || taken < budget) return budget == 0 ? 0 : budget - taken;
  throw Error(Exit::Budget,
              fmt::format("{} allows {:.1f} MiB, but {:.1f} MiB are needed before the first row is read; raise it, or "
                          "--select fewer cells",
                          option, double(budget) / double(kMiB), double(taken) / double(kMiB)));
}

struct ProcessSize {
  uint64_t addressSpace = 0, resident = 0;  // bytes
};

ProcessSize processSize() {
  std::ifstream file("/proc/self/statm");
  ProcessSize pages;
  file >> pages.addressSpace >> pages.resident;
  const auto pageBytes = uint64_t(sysconf(_SC_PAGESIZE));
  return {pages.addressSpace * pageBytes, pages.resident * pageBytes};
}

/// What writing the result takes, measured: a cell is read back, and some formats hold it as text or as a JSON value.
uint64_t writingBytes(const Plan& plan, const Settings& settings) {
  uint64_t perCell = 0;
  for (const Output& output : settings.outputs) {
    const Writer writer = output.format->writer;
    const bool table = writer == Writer::Csv || writer == Writer::Tsv;
    perCell = std::max<uint64_t>(perCell, writer == Writer::Json ? 56 : table ? 24 : 12);
  }
  const uint64_t panels = std::max<size_t>(plan.panels.size(), 1) * std::max<size_t>(plan.metrics.size(), 1);
  return perCell * panels * plan.rows.positions.size() * plan.columns.positions.size();
}

void checkSpace(uint64_t enough) {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  const uint64_t taken = processSize().addressSpace;
  if (limit.rlim_cur >= taken + enough) return;
  const uint64_t needed = taken + kAddressSpace;
  throw Error(Exit::Budget, fmt::format("this process may use {:.0f} MiB of addresses (ulimit -v), computing on the "
                                        "processor takes about {:.0f}; raise the limit",
                                        double(limit.rlim_cur) / double(kMiB), double(needed) / double(kMiB)));
}

}  // namespace

void checkAddressSpace() { checkSpace(kAddressSpace); }
void checkDriverSpace() { checkSpace(kDriverSpace); }

void applyBudgets(EvaluateOptions& options, const gpu::Context& context, const Plan& plan, const Settings& settings) {
  if (context.isCpu()) checkAddressSpace();
  const uint64_t values = 4 * blockValues(context, plan, options);
  const uint64_t onProcessor = context.isCpu() ? values + kCompilerBytes : 0;
  options.maxGpuMemory = left(settings.maxGpuMemory, values, "--max-gpu-mem");
  // A device that others use as well: tiles fit what they leave, so that no allocation fails first.
  if (const uint64_t free = context.unifiedMemory() ? 0 : context.freeMemory();
      options.maxGpuMemory == 0 && free > values)
    options.maxGpuMemory = free - values;
  options.maxRam =
      left(settings.maxRam, settings.maxRam ? processSize().resident + onProcessor + writingBytes(plan, settings) : 0,
           "--max-ram");
}

void evaluateInMemory(Result& result, const gpu::Context& context, const Plan& plan, EvaluateOptions options) {
  for (;;) {
    try {
      return evaluateInto(result, context, plan, options);
    } catch (const Error& error) {
      if (error.cause() != Error::Cause::OutOfMemory || options.share.ranks > 1) throw;
      options.tileBytes = options.tileBytes ? options.tileBytes / 4 : kLargestTile / 4;
      if (options.tileBytes < kSmallestTile) throw;
      result.cells = 0;
      result.counts = {};
      result.warnings.clear();
    }
  }
}

}  // namespace divlens
