// What a window takes and survives: frame times, memory, an end while it computes, displays and devices that go away.
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>

#include "app/bench_viewer.h"
#include "catch.h"
#include "display.h"
#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;

TEST_CASE("frames of a large grid are timed", "[viewer][gpu]") {
  const ViewerTimes times = timeViewer(context(), 16, 20000, 5);
  CHECK(times.median > 0);
  CHECK(times.slowest >= times.median);
  CHECK(has(viewerText(times), context().info().name));
  CHECK(has(viewerText(times), "16 × 20000 cells at 1280 × 720"));
}

// By hand: it takes 700 MB.
TEST_CASE("frame times of 128 x 1,000,000 cells", "[.][frames]") {
  const gpu::Context device{gpu::ContextOptions{}};
  const ViewerTimes times = timeViewer(device);
  WARN(viewerText(times));
  CHECK(times.median > 0);
}

namespace {

long residentKiB(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(file, line);)
    if (line.rfind("VmRSS:", 0) == 0) return std::atol(line.c_str() + 6);
  return 0;
}

/// Goes from metric to metric, so many times after forty for a start; returns by how many KiB the window grew.
long growthOver(int changes) {
  const Display display;
  const Folder folder;
  Window window(display, {"view", example("lens.safetensors"), "-v"}, {"XDG_STATE_HOME=" + (folder / "state")});
  window.wait("complete");
  window.wait("laid out");
  const auto change = [&](int times) {
    for (int i = 0; i < times; ++i) {
      display.act({"key", i % 40 < 20 ? "m" : "shift+m"});
      window.wait("complete");
    }
  };
  change(40);  // every metric has been seen
  const long before = residentKiB(window.pid());
  change(changes);
  const long after = residentKiB(window.pid());
  display.act({"key", "ctrl+q"});
  CHECK(window.finish().code == 0);
  WARN(changes << " changes of the plan: " << before << " KiB before, " << after << " KiB after");
  return after - before;
}

}  // namespace

TEST_CASE("many changes of the plan leave memory as it is", "[viewer]") { CHECK(growthOver(60) < 8 * 1024); }

// By hand: it takes minutes.
TEST_CASE("a thousand changes of the plan leave memory as it is", "[.][thousand]") {
  CHECK(growthOver(1000) < 8 * 1024);
}

TEST_CASE("a window closes while it computes", "[viewer]") {
  const Display display;
  const Folder folder;
  // Some seconds of work: 24 x 256 x 16,384 in f32.
  std::vector<float> values(size_t(24) * 256 * 16384);
  for (size_t i = 0; i < values.size(); ++i) values[i] = float((i * 2654435761u) >> 20 & 1023) / 128;
  folder.write("big.npy", npyOf({24, 256, 16384}, values));
  Window window(display, {"view", folder / "big.npy", "-v"}, {"XDG_STATE_HOME=" + (folder / "state")});
  window.wait("partial: 24 x 256 cells");
  display.act({"key", "ctrl+q"});
  const Ran ran = window.finish();
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK_FALSE(has(ran.err, "complete"));
}

TEST_CASE("no display is one sentence that names render; one that goes away is an error", "[viewer]") {
  const Ran ran = run({"view", example("lens.safetensors")}, {.environment = {"DISPLAY", "WAYLAND_DISPLAY"}});
  CHECK(ran.code == 4);
  CHECK(has(ran.err, "divlens render"));
  CHECK(std::count(ran.err.begin(), ran.err.end(), '\n') == 1);
  Display display;
  const Folder folder;
  Window window(display, {"view", example("lens.safetensors"), "-v"}, {"XDG_STATE_HOME=" + (folder / "state")});
  window.wait("complete");
  display.end();
  const Ran cut = window.finish();
  CHECK(cut.code == 4);
  CHECK(has(cut.err, "the display went away"));
}

TEST_CASE("a device that is lost for good ends the window with a sentence", "[viewer][lost]") {
  const Display display;
  const Folder folder;
  Window window(display, {"view", example("lens.safetensors"), "-v"},
                {"XDG_STATE_HOME=" + (folder / "state"), "LD_PRELOAD=" DIVLENS_VULKAN_FAULTS, "FAIL_WAIT=20:100000"});
  window.wait("complete");
  for (int i = 0; i < 12; ++i) display.act({"mousemove", std::to_string(200 + 20 * i), "300", "sleep", "0.05"});
  const Ran ran = window.finish();
  INFO(ran.err);
  CHECK(ran.code == 4);
  CHECK(has(ran.err, "the device was lost"));
}
