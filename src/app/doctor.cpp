#include "app/doctor.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/bench_data.h"
#include "app/pipeline_files.h"
#include "app/ranks.h"
#include "app/self_check.h"
#include "app/session.h"
#include "divergence/verify.h"
#include "dump/escape.h"
#include "dump/temporary.h"
#include "figure/text.h"
#include "gpu/compiler.h"
#include "gpu/context.h"
#include "gpu/window.h"

namespace divlens {
namespace {

enum class Health { Ok, Note, Broken };  ///< Note: one can do without it

/// One line of the report.
struct Finding {
  const char* name;
  Health health = Health::Ok;
  std::string found;
  std::string advice;  ///< what to do; empty where nothing is needed
  Exit exit = Exit::Done;
};

constexpr const char* kWrongValues =
    "the device computes wrong values; update its driver, or choose another one with --device";

std::string gibibytes(uint64_t bytes) { return fmt::format("{:.1f} GiB", double(bytes) / double(uint64_t{1} << 30)); }

struct GpuNode {
  const char* name;  ///< in /dev
  const char* advice;
};
constexpr GpuNode kGpuNodes[] = {
    {"nvidiactl",
     "an NVIDIA GPU is here, but its Vulkan driver is not: in a container set "
     "NVIDIA_DRIVER_CAPABILITIES=compute,graphics,utility (or all); else install what holds nvidia_icd.json (Debian: "
     "nvidia-vulkan-icd, Ubuntu: libnvidia-gl of the driver's version)"},
    {"kfd",
     "an AMD GPU is here, but its Vulkan driver is not, or may not open it: install mesa-vulkan-drivers, and "
     "join the groups render and video"},
    {"dri/renderD128",
     "a GPU is here, but no Vulkan driver shows it: install mesa-vulkan-drivers, and join the groups "
     "render and video"}};

}  // namespace

std::optional<std::string> hiddenGpu(const std::string& devices) {
  for (const GpuNode& node : kGpuNodes) {
    std::error_code failed;
    if (std::filesystem::exists(std::filesystem::path(devices) / node.name, failed)) return node.advice;
  }
  return std::nullopt;
}

namespace {

Finding findDevice(const Settings& settings, std::unique_ptr<gpu::Context>& context) {
  try {
    context = std::make_unique<gpu::Context>(contextOptions(settings));
  } catch (const Error& error) {
    return {"device", Health::Broken, "none", error.what(), error.code()};
  }
  const gpu::DeviceInfo& info = context->info();
  const uint64_t free = context->freeMemory();
  Finding finding{"device", Health::Ok,
                  fmt::format("{} ({}, Vulkan {}, {}), {}{}", info.name, info.type, info.api, info.driver,
                              gibibytes(info.memory), free ? fmt::format(", {} free", gibibytes(free)) : ""),
                  "", Exit::Done};
  if (context->isCpu()) {
    finding.health = Health::Note;
    finding.advice = hiddenGpu("/dev").value_or(
        "this is the processor; where there is a GPU, install its Vulkan driver and see divlens "
        "devices (in a container, the driver's ICD file and libraries must be visible)");
  }
  return finding;
}

/// Computes a small grid on the device and in double precision.
Finding findValues(const gpu::Context& context) {
  const BenchShape shape{.dtype = DType::F16, .layers = 4, .tokens = 3, .vocab = 4099};
  const Dump dump = benchDump(shape, memoryBytes("rows of the doctor", benchRows(shape)));
  const Plan plan = makePlan(dump, "", {.metrics = {"jsd", "kl", "l2"}, .reference = "layer=-1"});
  const Result result = evaluate(context, plan);
  std::vector<std::vector<float>> cells;
  for (int64_t panel = 0; panel < result.grid.panels(); ++panel) cells.push_back(result.grid.read(context, panel));
  const Verification verification = verify(plan, result.panels, cells, 12);
  if (verification.passed()) return {"values", Health::Ok, verification.text(), "", Exit::Done};
  return {"values", Health::Broken, verification.text(), kWrongValues, Exit::Failure};
}

Finding findLimits(const gpu::Context& context) {
  VkPhysicalDeviceSubgroupProperties subgroups{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES};
  VkPhysicalDeviceProperties2 properties{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &subgroups};
  vkGetPhysicalDeviceProperties2(context.physical(), &properties);
  const VkPhysicalDeviceLimits& limits = context.limits();
  return {
      "limits", Health::Ok,
      fmt::format("buffers to {:.1f} GiB, workgroups to {}, subgroups of {}, {} KiB shared, {} queue for transfers{}",
                  double(limits.maxStorageBufferRange) / double(uint64_t{1} << 30),
                  limits.maxComputeWorkGroupInvocations, subgroups.subgroupSize,
                  limits.maxComputeSharedMemorySize >> 10, context.families().size() > 1 ? "a" : "no",
                  context.unifiedMemory() ? ", memory shared with the processor" : ""),
      "", Exit::Done};
}

/// The kernels one by one, where they are not those of a processor, which the tests know.
void findKernels(const gpu::Context& context, std::vector<Finding>& findings) {
  if (context.isCpu()) return;
  try {
    for (const SelfCheck& check : checkKernels(context)) {
      const bool right = check.values.passed();
      findings.push_back({"kernels", right ? Health::Ok : Health::Broken, check.name + ": " + check.values.text(),
                          right ? "" : kWrongValues, right ? Exit::Done : Exit::Failure});
    }
    if (!context.validationMessages().empty())
      findings.push_back(
          {"kernels", Health::Broken, "validation", context.validationMessages().front(), Exit::Failure});
  } catch (const Error& error) {
    findings.push_back({"kernels", Health::Broken, "they cannot be run", error.what(), error.code()});
  }
}

Finding findCompiler() {
  if (gpu::canCompile())
    return {"compiler", Health::Ok, "shaderc: metrics of your own can be compiled", "", Exit::Done};
  return {"compiler", Health::Note, "none",
          "for --metric 'f: …' and @FILE.glsl build divlens where libshaderc-dev is installed", Exit::Done};
}

Finding findProcesses() {
  if (Ranks::available())
    return {"processes", Health::Ok, "built with MPI: mpirun and srun share a run", "", Exit::Done};
  return {"processes", Health::Note, "built without MPI",
          "for mpirun and srun build divlens where libopenmpi-dev is installed", Exit::Done};
}

Finding findDisplay() {
  const std::string why = gpu::whyNoDisplay();
  if (why.empty()) return {"display", Health::Ok, "divlens view can open a window", "", Exit::Done};
  return {"display", Health::Note, "none: " + why, "divlens render needs none; for view set DISPLAY (ssh -X)",
          Exit::Done};
}

Finding findFonts() {
  struct Script {
    const char* name;
    const char* sample;
  };
  static constexpr Script kScripts[] = {{"Chinese", "水"}, {"Japanese", "の"}, {"Korean", "한"}, {"Arabic", "س"},
                                        {"Hebrew", "ש"},   {"Hindi", "क"},     {"Thai", "ก"},    {"emoji", "😀"}};
  std::string missing;
  for (const Script& script : kScripts) {
    TextShaper shaper;
    shaper.rasterise(script.sample, 20);
    if (!shaper.missingCharacters().empty()) missing += fmt::format("{}{}", missing.empty() ? "" : ", ", script.name);
  }
  if (missing.empty()) return {"fonts", Health::Ok, "tokens of the usual scripts can be drawn", "", Exit::Done};
  return {"fonts", Health::Note, "no font for " + missing,
          "Debian, Ubuntu: apt-get install fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji", Exit::Done};
}

Finding findCache() {
  const std::string folder = cacheFolder();
  if (folder.empty())
    return {"cache", Health::Note, "none: neither HOME nor XDG_CACHE_HOME names a folder",
            "set one of them, and drivers need not compile at each start", Exit::Done};
  // The nearest folder that exists is the one in which the others would be made.
  std::filesystem::path there = folder;
  std::error_code failed;
  while (!std::filesystem::exists(there, failed) && there.has_relative_path()) there = there.parent_path();
  if (access(there.c_str(), W_OK) == 0) return {"cache", Health::Ok, escapedPath(folder), "", Exit::Done};
  return {"cache", Health::Note, escapedPath(folder) + " cannot be written",
          "set XDG_CACHE_HOME to a folder that can, and drivers need not compile at each start", Exit::Done};
}

Finding findMachine() {
  rlimit limit{};
  const bool limited = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  const uint64_t memory = uint64_t(sysconf(_SC_PHYS_PAGES)) * uint64_t(sysconf(_SC_PAGESIZE));
  return {
      "machine", Health::Ok,
      fmt::format("{} processors, {} of memory{}, {} free in {}", std::thread::hardware_concurrency(),
                  gibibytes(memory), limited ? fmt::format(" ({} addresses allowed)", gibibytes(limit.rlim_cur)) : "",
                  gibibytes(temporaryRoom()), escapedPath(temporaryFolder())),
      "", Exit::Done};
}

const char* word(Health health) { return health == Health::Ok ? "ok" : health == Health::Note ? "note" : "broken"; }

}  // namespace

Diagnosis runDoctor(const Settings& settings) {
  std::unique_ptr<gpu::Context> context;
  std::vector<Finding> findings{findDevice(settings, context)};
  if (context) {
    findings.push_back(findLimits(*context));
    findings.push_back(findValues(*context));
    findKernels(*context, findings);
  }
  for (const auto find : {findMachine, findDisplay, findFonts, findCompiler, findProcesses, findCache})
    findings.push_back(find());
  Diagnosis diagnosis;
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Finding& f : findings) {
    if (diagnosis.exit == Exit::Done) diagnosis.exit = f.exit;
    diagnosis.text += fmt::format("  {:<7} {:<10} {}\n", word(f.health), f.name, f.found);
    if (!f.advice.empty()) diagnosis.text += fmt::format("{:21}{}\n", "", f.advice);
    list.push_back({{"name", f.name},
                    {"status", word(f.health)},
                    {"found", f.found},
                    {"advice", f.advice.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(f.advice)}});
  }
  if (settings.json)
    diagnosis.text = nlohmann::ordered_json{{"version", DIVLENS_VERSION}, {"findings", list}}.dump(1) + "\n";
  return diagnosis;
}

}  // namespace divlens
