// The cache of compiled pipelines: kept between runs, never trusted, never in the way.
#include "app/pipeline_files.h"

#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <memory>

#include "catch.h"
#include "gpu/pipeline.h"
#include "gpu_fixture.h"
#include "program.h"

using namespace divlens;
using namespace divlens::test;

namespace {

Ran render(const Folder& cache, const std::vector<std::string>& environment, const std::string& output) {
  std::vector<std::string> all = {"XDG_CACHE_HOME=" + (cache / "cache")};
  if (!environment.empty()) all = environment;
  return run({"compute", example("lens.safetensors"), "--metric", "kl", "-o", output},
             {.environment = all, .directory = cache / ".", .standardOutput = {}, .seconds = 60});
}

/// The one file in the cache; empty where there is none.
std::string cacheFile(const Folder& folder) {
  std::string found;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "cache/divlens", none)) {
    CHECK(found.empty());
    found = entry.path().string();
  }
  return found;
}

}  // namespace

TEST_CASE("fault 55: a broken or foreign cache of pipelines is ignored and written anew", "[cache][faults]") {
  const Folder folder;
  REQUIRE(render(folder, {}, folder / "a.csv").code == 0);
  const std::string path = cacheFile(folder);
  REQUIRE_FALSE(path.empty());
  const std::string whole = readBytes(path), cells = readBytes(folder / "a.csv");
  CHECK(whole.starts_with("divlensP"));
  CHECK(whole.size() >= 40 + 32);
  std::vector<std::string> broken = {
      "", "x", whole.substr(0, 39), whole.substr(0, whole.size() - 1), whole + "x", std::string(5000, '\xff')};
  for (const size_t at : {size_t{0}, size_t{9}, size_t{24}, size_t{33}, size_t{44}, size_t{48}, whole.size() - 1}) {
    broken.push_back(whole);
    broken.back()[at] ^= 0x55;
  }
  for (const std::string& bytes : broken) {
    INFO("bytes: " << bytes.size());
    folder.write("cache/divlens/" + path.substr(path.rfind('/') + 1), bytes);
    const Ran ran = render(folder, {}, folder / "b.csv");
    CHECK(ran.code == 0);
    CHECK_FALSE(has(ran.err, "pipelines"));
    CHECK(readBytes(folder / "b.csv") == cells);
    CHECK(readBytes(cacheFile(folder)) == whole);
  }
  // Nothing else is left beside it, and an unchanged one is left alone.
  struct stat before{}, after{};
  REQUIRE(stat(path.c_str(), &before) == 0);
  REQUIRE(render(folder, {}, folder / "b.csv").code == 0);
  REQUIRE(stat(path.c_str(), &after) == 0);
  CHECK(before.st_ino == after.st_ino);
}

TEST_CASE("fault 63: processes that write the same cache and output at once leave whole files", "[cache][faults]") {
  const Folder folder;
  std::vector<std::unique_ptr<Running>> runs;
  for (int i = 0; i < 4; ++i)
    runs.push_back(std::make_unique<Running>(std::vector<std::string>{"compute", example("lens.safetensors"),
                                                                      "--metric", "kl", "-q", "-o", folder / "a.csv"},
                                             RunOptions{.environment = {"XDG_CACHE_HOME=" + (folder / "cache")}}));
  for (const auto& running : runs) CHECK(running->finish().code == 0);
  REQUIRE(render(folder, {}, folder / "b.csv").code == 0);
  CHECK(readBytes(folder / "a.csv") == readBytes(folder / "b.csv"));
  const std::string path = cacheFile(folder);
  CHECK_FALSE(loadPipelines(folder / "cache/divlens", path.substr(path.rfind('/') + 11)).empty());
}

TEST_CASE("fault 68: without a place for it the cache is off, with a note", "[cache][faults]") {
  const Folder folder;
  const Ran homeless = render(folder, {"HOME", "XDG_CACHE_HOME"}, folder / "a.csv");
  CHECK(homeless.code == 0);
  CHECK(has(homeless.err, "compiled pipelines are not kept: neither HOME nor XDG_CACHE_HOME"));
  const Ran readOnly = render(folder, {"XDG_CACHE_HOME=/proc/none"}, folder / "a.csv");
  CHECK(readOnly.code == 0);
  CHECK(has(readOnly.err, "compiled pipelines are not kept: /proc/none/divlens"));
  const std::string file = folder.write("cache", "a file where the folder should be");
  const Ran inTheWay = render(folder, {"XDG_CACHE_HOME=" + file}, folder / "a.csv");
  CHECK(inTheWay.code == 0);
  CHECK(has(inTheWay.err, "compiled pipelines are not kept"));
  // A relative XDG_CACHE_HOME is to be ignored: HOME counts.
  const Ran relative = render(folder, {"XDG_CACHE_HOME=here", "HOME=" + (folder / "home")}, folder / "a.csv");
  CHECK(relative.code == 0);
  CHECK(std::filesystem::exists(folder / "home/.cache/divlens"));
}

TEST_CASE_METHOD(GpuTest, "pipelines come out of a cache that this device wrote, and of no other", "[cache][gpu]") {
  const std::vector<std::byte> data = context().pipelineData();
  CHECK(data.size() >= 32);
  for (const size_t at : {size_t{0}, size_t{4}, size_t{8}, size_t{12}, size_t{20}, size_t{1000}}) {
    std::vector<std::byte> other = data;
    if (at < other.size()) other[at] ^= std::byte{0x55};
    std::string key;
    const gpu::Context device({.pipelines = [&](const std::string& asked) {
      key = asked;
      return other;
    }});
    CHECK(key == context().pipelineKey());
    CHECK(device.pipelineData().size() >= 32);
  }
}
