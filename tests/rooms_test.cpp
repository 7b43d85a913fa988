// The house rules that a compiler does not check: which room may include which, and how long a file may grow.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "catch.h"

namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestFile = 500;

/// The rooms that each room may include beside itself.
const std::map<std::string, std::set<std::string>> kBelow = {
    {"dump", {}},
    {"gpu", {}},
    {"divergence", {"gpu", "dump"}},
    {"figure", {"divergence", "gpu", "dump"}},
    {"app", {"figure", "divergence", "gpu", "dump"}},
};

/// Why a file of `room` must not include `header`; empty when it may.
std::string objection(const std::string& room, const std::string& header) {
  if (room == "dump" && (header.starts_with("vulkan/") || header.starts_with("GLFW/"))) return "dump knows no Vulkan";
  const std::string other = header.substr(0, header.find('/'));
  if (header.find("..") != std::string::npos) return "headers are named from src/";
  if (!kBelow.contains(room) || !kBelow.contains(other) || other == room) return "";
  return kBelow.at(room).contains(other) ? "" : room + " must not include " + other;
}

std::vector<std::string> linesOf(const fs::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::vector<fs::path> sources() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(DIVLENS_SOURCE_DIR) / "src"))
    if (entry.is_regular_file()) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

TEST_CASE("rooms include downwards only", "[rooms]") {
  const std::regex include(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
  size_t includes = 0;
  for (const fs::path& path : sources()) {
    const std::string room = path.parent_path().filename().string();
    size_t number = 0;
    for (const std::string& line : linesOf(path)) {
      ++number;
      std::smatch match;
      if (!std::regex_search(line, match, include)) continue;
      ++includes;
      INFO(path.string() << ":" << number << ": " << line);
      CHECK(objection(room, match[1]) == "");
    }
  }
  CHECK(includes > 0);
}

TEST_CASE("the rooms check objects to what it should", "[rooms]") {
  const auto [room, header, allowed] = GENERATE(table<std::string, std::string, bool>({
      {"divergence", "gpu/buffer.h", true},
      {"divergence", "dump/dump.h", true},
      {"dump", "error.h", true},
      {"gpu", "vulkan/vulkan.h", true},
      {"figure", "figure/options.h", true},
      {"gpu", "dump/dump.h", false},
      {"dump", "gpu/buffer.h", false},
      {"dump", "vulkan/vulkan.h", false},
      {"divergence", "figure/options.h", false},
      {"figure", "app/options.h", false},
      {"figure", "../app/options.h", false},
  }));
  INFO(room << " includes " << header);
  CHECK(objection(room, header).empty() == allowed);
}

TEST_CASE("files stay readable in one sitting", "[rooms]") {
  for (const fs::path& path : sources()) {
    INFO(path.string());
    CHECK(linesOf(path).size() <= kLongestFile);
  }
}
