#include "embedded.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "catch.h"

using namespace divlens;

namespace {

/// Where the build took an asset or a text of GLSL from; shaders are compiled and have no such file.
std::filesystem::path assetFile(std::string_view name) {
  constexpr std::string_view kGlsl = "glsl/";
  const std::filesystem::path source = DIVLENS_SOURCE_DIR;
  return name.starts_with(kGlsl) ? source / "shaders" / name.substr(kGlsl.size()) : source / "assets" / name;
}

std::string textOf(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("a name that was not embedded is empty", "[embedded]") {
  CHECK(embedded("shaders/no-such.comp.spv").empty());
  CHECK(embedded("").empty());
  CHECK(embeddedNames("no-such/").empty());
}

TEST_CASE("names are sorted and filtered by prefix", "[embedded]") {
  const auto all = embeddedNames("");
  CHECK(std::is_sorted(all.begin(), all.end()));
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
  for (std::string_view name : embeddedNames("shaders/")) CHECK(name.starts_with("shaders/"));
}

TEST_CASE("every asset and shader is in the binary, aligned", "[embedded]") {
  const auto names = embeddedNames("");
  REQUIRE_FALSE(names.empty());
  for (std::string_view name : names) {
    INFO(name);
    const auto bytes = embedded(name);
    CHECK(reinterpret_cast<uintptr_t>(bytes.data()) % 16 == 0);
    if (name.ends_with(".spv")) {
      REQUIRE(bytes.size() > 20);
      CHECK(textOf(bytes.first(4)) == "\x03\x02\x23\x07");  // SPIR-V's magic number
    } else {
      std::ifstream file(assetFile(name), std::ios::binary);
      CHECK(textOf(bytes) == std::string(std::istreambuf_iterator<char>(file), {}));
    }
  }
}

TEST_CASE("no shader of the source tree is missing", "[embedded]") {
  size_t shaders = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(DIVLENS_SOURCE_DIR) / "shaders")) {
    const auto suffix = entry.path().extension();
    if (suffix != ".comp" && suffix != ".vert" && suffix != ".frag") continue;
    ++shaders;
    INFO(entry.path());
    CHECK_FALSE(embedded("shaders/" + entry.path().filename().string() + ".spv").empty());
  }
  CHECK(shaders == embeddedNames("shaders/").size());
}
