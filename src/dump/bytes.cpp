#include "dump/bytes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <system_error>
#include <utility>

#include "dump/escape.h"
#include "dump/fault.h"

namespace divlens {
namespace {

static_assert(std::endian::native == std::endian::little, "dumps are little-endian and are read as they lie");
static_assert(sizeof(off_t) == 8, "files over 2 GiB need 64-bit offsets");

std::string errnoText(int code) { return std::generic_category().message(code); }

class File final : public ByteSource {
 public:
  File(std::string path, int descriptor, uint64_t size)
      : path_(std::move(path)), descriptor_(descriptor), size_(size) {}
  ~File() override { ::close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  uint64_t size() const override { return size_; }
  const std::string& name() const override { return path_; }
  int descriptor() const override { return descriptor_; }

  void read(uint64_t offset, std::span<std::byte> out) const override {
    while (!out.empty()) {
      if (offset > static_cast<uint64_t>(std::numeric_limits<off_t>::max())) tooShort(offset);
      const ssize_t got = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) badInput(path_, fmt::format("reading at byte {} failed: {}", offset, errnoText(errno)));
      if (got == 0) tooShort(offset);
      out = out.subspan(static_cast<size_t>(got));
      offset += static_cast<uint64_t>(got);
    }
  }

 private:
  [[noreturn]] void tooShort(uint64_t offset) const {
    badInput(path_, fmt::format("changed while reading: ends at byte {} or before, had {} bytes when it was opened; "
                                "run again when it is no longer written to",
                                offset, size_));
  }

  std::string path_;
  int descriptor_;
  uint64_t size_;
};

class Memory final : public ByteSource {
 public:
  Memory(std::string name, std::vector<std::byte> bytes) : name_(std::move(name)), bytes_(std::move(bytes)) {}
  uint64_t size() const override { return bytes_.size(); }
  const std::string& name() const override { return name_; }

  void read(uint64_t offset, std::span<std::byte> out) const override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
      badInput(name_, fmt::format("ends at byte {}, before byte {} + {}", bytes_.size(), offset, out.size()));
    }
    if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset, out.size());
  }

 private:
  std::string name_;
  std::vector<std::byte> bytes_;
};

void requireRegular(const std::string& path, const struct stat& status) {
  struct Other {
    mode_t type;
    const char* text;
  };
  static constexpr Other kOthers[] = {{S_IFDIR, "is a directory: name a file in it"},
                                      {S_IFIFO, "is a FIFO: write the dump to a regular file first"},
                                      {S_IFSOCK, "is a socket, not a regular file"},
                                      {S_IFCHR, "is a device, not a regular file"},
                                      {S_IFBLK, "is a device, not a regular file"}};
  const mode_t type = status.st_mode & S_IFMT;
  for (const Other& other : kOthers) {
    if (type == other.type) badInput(path, other.text);
  }
  if (type != S_IFREG) badInput(path, "is not a regular file");
}

}  // namespace

std::shared_ptr<const ByteSource> openFile(const std::string& path) {
  if (path.find('\0') != std::string::npos) badInput(path, "a path cannot hold a NUL character");
  // The type is looked at before opening, since opening a device or a FIFO can have effects, and again after it.
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) badInput(path, fmt::format("cannot be opened: {}", errnoText(errno)));
  requireRegular(path, status);
  int descriptor = -1;
  do {
    descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) badInput(path, fmt::format("cannot be opened: {}", errnoText(errno)));
  const int failed = ::fstat(descriptor, &status) != 0 ? errno : 0;
  auto file = std::make_shared<File>(path, descriptor, static_cast<uint64_t>(status.st_size));
  if (failed != 0) badInput(path, fmt::format("cannot be opened: {}", errnoText(failed)));
  requireRegular(path, status);
  if (file->size() == 0) incompleteInput(path, "empty file: nothing was written to it");
  return file;
}

std::shared_ptr<const ByteSource> memoryBytes(std::string name, std::vector<std::byte> bytes) {
  return std::make_shared<Memory>(std::move(name), std::move(bytes));
}

}  // namespace divlens
