#include "dump/formats.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>

#include "dump/escape.h"
#include "dump/fault.h"
#include "dump/folder.h"
#include "dump/json.h"
#include "dump/metadata.h"
#include "dump/presets.h"

namespace divlens {
namespace {

constexpr std::chrono::seconds kFollowPatience{60};
constexpr std::chrono::milliseconds kFollowStep{100};

constexpr std::array<std::string_view, 1> kNpy = {".npy"};
constexpr std::array<std::string_view, 1> kSafetensors = {".safetensors"};
constexpr std::array<std::string_view, 1> kNpz = {".npz"};
constexpr std::array<std::string_view, 6> kPickle = {".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt"};
constexpr std::array<std::string_view, 1> kGguf = {".gguf"};
constexpr std::array<std::string_view, 1> kKld = {".kld"};
constexpr std::array<std::string_view, 1> kShards = {".index.json"};
constexpr std::array<std::string_view, 3> kJsonLines = {".jsonl", ".ndjson", ".json"};  // after .index.json
constexpr std::array<std::string_view, 2> kTable = {".csv", ".tsv"};

// THE list of formats, in the order in which they are tried: first all by content, then all by suffix.
constexpr std::array<Format, 11> kFormats = {{
    {"npy", kNpy, detectsNpy, openNpy, true, nullptr},
    {"lfs", {}, detectsLfsPointer, refuseLfsPointer, false, nullptr},
    {"npz", kNpz, detectsZip, openNpz, true, nullptr},
    {"pickle", kPickle, detectsPickle, refusePickle, false, nullptr},
    {"gguf", kGguf, detectsGguf, openGguf, false, "gguf"},
    {"safetensors", kSafetensors, detectsSafetensors, openSafetensors, false, nullptr},
    {"kld", kKld, detectsKld, openKld, true, nullptr},
    {"shards", kShards, nullptr, openShards, false, nullptr},
    {"csv", std::span(kTable).first<1>(), nullptr, openTable, false, nullptr},
    {"tsv", std::span(kTable).last<1>(), nullptr, openTable, false, nullptr},
    {"jsonl", kJsonLines, nullptr, openJsonLines, false, nullptr},
}};

const Format* bySuffix(std::string_view path) {
  for (const Format& format : kFormats) {
    const auto fits = [path](std::string_view suffix) { return hasSuffix(path, suffix); };
    if (std::any_of(format.suffixes.begin(), format.suffixes.end(), fits)) return &format;
  }
  return nullptr;
}

const Format* byContent(std::string_view head) {
  for (const Format& format : kFormats) {
    if (format.detects && format.detects(head)) return &format;
  }
  return nullptr;
}

void applySidecar(Dump& dump) {
  const std::string path = dump.path + ".divlens.json";
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0 && (errno == ENOENT || errno == ENAMETOOLONG)) return;
  applyMetadata(dump, readDocument(*openFile(path)), path, dump.tensors.size() == 1);
}

// After the metadata, which describes the array as it was meant to be.
void dropMissingRows(Tensor& tensor) {
  if (tensor.availableRows < 0) return;
  const auto rows = static_cast<size_t>(tensor.availableRows);
  tensor.shape[0] = tensor.availableRows;
  if (tensor.axes.empty()) return;
  Axis& axis = tensor.axes[0];
  axis.length = tensor.availableRows;
  if (!axis.labels.empty()) axis.labels.resize(rows);
  if (!axis.coordinates.empty()) axis.coordinates.resize(rows);
  if (!axis.groups.empty()) axis.groups.resize(rows);
}

}  // namespace

std::span<const Format> formats() { return kFormats; }

bool hasSuffix(std::string_view path, std::string_view suffix) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b; };
  return path.size() >= suffix.size() &&
         std::equal(suffix.rbegin(), suffix.rend(), path.rbegin(), [&](char b, char a) { return same(a, b); });
}

std::string stem(std::string_view path) {
  const std::string_view file = path.substr(path.find_last_of('/') + 1);
  const size_t dot = file.find_last_of('.');
  return std::string(dot == std::string_view::npos || dot == 0 ? file : file.substr(0, dot));
}

Dump openDumpFile(const std::string& path, const OpenOptions& options) {
  if (options.dtype && *options.dtype != "bf16" && *options.dtype != "BF16") {
    throw Error(Exit::Usage, fmt::format("--dtype {}: only bf16 is known", escaped(*options.dtype)));
  }
  const auto source = openFile(path);
  std::string head(std::min<uint64_t>(source->size(), kHeadBytes), '\0');
  source->read(0, std::as_writable_bytes(std::span(head)));
  const Format* named = bySuffix(path);
  const Format* found = byContent(head);
  const Format* format = found ? found : named;
  if (!format) {
    badInput(path,
             fmt::format("starts with '{}', which no known format does; .safetensors, .npy, .npz, .gguf, .kld, .csv, "
                         ".tsv and .jsonl are read",
                         escaped(head, 8)));
  }
  Dump dump = format->open(source, options);
  dump.path = path;
  dump.format = format->name;
  if (dump.bytes == 0) dump.bytes = source->size();
  if (found && found != named) {
    dump.notes.push_back(
        fmt::format("{}: is a {} file by its content, and is read as one", escapedPath(path), format->name));
  }
  if (format->sidecar) applySidecar(dump);
  for (Tensor& tensor : dump.tensors) dropMissingRows(tensor);
  if (format->preset && options.patterns.empty() && !patternsFor(*presetNamed(format->preset), dump.tensors).empty()) {
    OpenOptions own = options;
    own.patterns = {format->preset};
    applyPatterns(dump, own);
  }
  return dump;
}

namespace {

Dump openOnce(const std::string& path, const OpenOptions& options) {
  struct stat status{};
  const bool folder = ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
  if (!folder && !options.stack.empty()) {
    throw Error(Exit::Usage, fmt::format("--stack puts the files of a folder side by side, and {} is no folder; "
                                         "--pattern does so with tensors of one file",
                                         escapedPath(path)));
  }
  Dump dump = folder ? openFolder(path, options) : openDumpFile(path, options);
  if (folder) dump.path = path;
  if (!options.patterns.empty() && options.stack.empty()) applyPatterns(dump, options);
  return dump;
}

/// Bytes of a file, or of all files right in a folder.
uint64_t bytesAt(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) return std::filesystem::file_size(path, ignored);
  uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path, ignored))
    if (entry.is_regular_file(ignored)) bytes += entry.file_size(ignored);
  return bytes;
}

/// Waits until there are more than `bytes`; false where nothing has come for a minute, or a signal has.
bool grows(const std::string& path, uint64_t bytes, const std::atomic<int>* cancel) {
  const auto end = std::chrono::steady_clock::now() + kFollowPatience;
  while (std::chrono::steady_clock::now() < end && !(cancel && cancel->load())) {
    if (bytesAt(path) != bytes) return true;
    std::this_thread::sleep_for(kFollowStep);
  }
  return false;
}

}  // namespace

Dump openDump(const std::string& path, const OpenOptions& options) {
  for (;;) {
    const uint64_t bytes = options.follow ? bytesAt(path) : 0;
    try {
      return openOnce(path, options);
    } catch (const Error& error) {
      if (!options.follow || error.cause() != Error::Cause::Incomplete) throw;
      if (!grows(path, bytes, options.cancel))
        throw Error(error.code(),
                    fmt::format("{} (--follow waits for a file while it grows; it did not for {} s)", error.what(),
                                std::chrono::duration_cast<std::chrono::seconds>(kFollowPatience).count()));
    }
  }
}

}  // namespace divlens
