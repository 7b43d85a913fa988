#include "app/pipeline_files.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>

#include "app/session.h"
#include "dump/escape.h"
#include "error.h"
#include "figure/atomic_file.h"
#include "fnv.h"

namespace divlens {
namespace {

constexpr char kMagic[8] = {'d', 'i', 'v', 'l', 'e', 'n', 's', 'P'};
constexpr uint64_t kLargest = uint64_t{256} << 20;

/// What stands before the driver's data, which trust their reader to give back what they wrote.
struct FileHeader {
  char magic[8];
  char version[16];
  uint64_t bytes;
  uint64_t sum;
};
static_assert(sizeof(FileHeader) == 40);

FileHeader headerOf(std::span<const std::byte> data) {
  FileHeader header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  std::strncpy(header.version, DIVLENS_VERSION, sizeof header.version - 1);
  header.bytes = data.size();
  header.sum = fnv1a(data);
  return header;
}

std::string pathOf(const std::string& folder, const std::string& key) {
  return fmt::format("{}/pipelines-{}", folder, key);
}

}  // namespace

std::string cacheFolder() {
  // The XDG base directory specification: a relative path is to be ignored.
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache && *cache == '/') return std::string(cache) + "/divlens";
  const char* home = std::getenv("HOME");
  if (home && *home == '/') return std::string(home) + "/.cache/divlens";
  return "";
}

std::vector<std::byte> loadPipelines(const std::string& folder, const std::string& key) {
  if (folder.empty()) return {};
  std::error_code failed;
  const std::string path = pathOf(folder, key);
  if (!std::filesystem::is_regular_file(path, failed)) return {};
  std::ifstream file(path, std::ios::binary);
  FileHeader header{};
  if (!file.read(reinterpret_cast<char*>(&header), sizeof header) || header.bytes > kLargest) return {};
  std::vector<std::byte> data(header.bytes);
  if (!file.read(reinterpret_cast<char*>(data.data()), std::streamsize(data.size())) ||
      file.peek() != std::ifstream::traits_type::eof())
    return {};
  const FileHeader expected = headerOf(data);
  if (std::memcmp(&header, &expected, sizeof header) != 0) return {};
  return data;
}

void savePipelines(const gpu::Context& context, const Settings& settings) {
  const std::string folder = cacheFolder();
  if (folder.empty())
    return say(settings, "compiled pipelines are not kept: neither HOME nor XDG_CACHE_HOME names a folder");
  const std::vector<std::byte> data = context.pipelineData();
  if (data.size() > kLargest || loadPipelines(folder, context.pipelineKey()) == data) return;
  try {
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (failed) throw Error(Exit::Output, fmt::format("{}: {}", escapedPath(folder), failed.message()));
    const FileHeader header = headerOf(data);
    AtomicFile file(pathOf(folder, context.pipelineKey()));
    file.write(std::as_bytes(std::span(&header, 1)));
    file.write(data);
    file.commit();
  } catch (const Error& error) {
    say(settings, fmt::format("compiled pipelines are not kept: {}", error.what()));
  }
}

}  // namespace divlens
