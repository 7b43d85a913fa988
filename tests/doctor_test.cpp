// divlens doctor: what it finds here, and what it says where something is missing.
#include "app/doctor.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "catch.h"
#include "program.h"

using divlens::test::Folder;
using divlens::test::has;
using divlens::test::Ran;
using divlens::test::run;
using Json = nlohmann::json;

namespace {

Json finding(const std::string& json, const std::string& name) {
  const Json findings = Json::parse(json).at("findings");
  const auto found =
      std::find_if(findings.begin(), findings.end(), [&](const Json& f) { return f.at("name") == name; });
  REQUIRE(found != findings.end());
  return *found;
}

}  // namespace

TEST_CASE("doctor computes, compares, and says what is here", "[cli][doctor]") {
  const Ran words = run({"doctor"}, {.environment = {"DISPLAY", "WAYLAND_DISPLAY"}});
  CHECK(words.code == 0);
  CHECK(words.err.empty());
  CHECK(has(words.out, "values in double precision"));
  const Ran ran = run({"doctor", "--json"}, {.environment = {"DISPLAY", "WAYLAND_DISPLAY"}});
  REQUIRE(ran.code == 0);
  CHECK(finding(ran.out, "values").at("status") == "ok");
  CHECK(finding(ran.out, "display").at("status") == "note");
  CHECK(has(finding(ran.out, "display").at("advice").get<std::string>(), "render"));
  CHECK(finding(ran.out, "fonts").at("status") == "ok");
}

TEST_CASE("doctor checks each of a GPU's kernels", "[cli][doctor][as-gpu]") {
  const Ran ran =
      run({"doctor", "--json"}, {.environment = {"DIVLENS_AS_GPU=1", "DIVLENS_VALIDATION=1"}, .seconds = 300});
  INFO(ran.out);
  CHECK(ran.code == 0);
  const Json findings = Json::parse(ran.out).at("findings");
  CHECK(std::count_if(findings.begin(), findings.end(),
                      [](const Json& f) { return f.at("name") == "kernels" && f.at("status") == "ok"; }) >= 10);
}

TEST_CASE("doctor knows a GPU that no driver shows by its file", "[doctor]") {
  const Folder folder;
  CHECK_FALSE(divlens::hiddenGpu(folder / "").has_value());
  std::filesystem::create_directory(folder / "dri");
  folder.write("dri/renderD128", "");
  CHECK(has(divlens::hiddenGpu(folder / "").value(), "mesa-vulkan-drivers"));
  folder.write("nvidiactl", "");
  CHECK(has(divlens::hiddenGpu(folder / "").value(), "NVIDIA_DRIVER_CAPABILITIES"));
}

TEST_CASE("doctor ends with 4 where nothing computes, and goes on to the rest", "[cli][doctor]") {
  const Folder folder;
  const std::string driver = folder.write("driver.json", "{}");
  const Ran ran =
      run({"doctor", "--json"},
          {.environment = {"VK_DRIVER_FILES=" + driver, "VK_ICD_FILENAMES=" + driver, "XDG_CACHE_HOME", "HOME"}});
  CHECK(ran.code == 4);
  CHECK(finding(ran.out, "device").at("status") == "broken");
  CHECK(has(finding(ran.out, "device").at("advice").get<std::string>(), "mesa-vulkan-drivers"));
  CHECK(finding(ran.out, "cache").at("status") == "note");
  CHECK(run({"doctor", "--device", "none such"}).code == 4);
}
