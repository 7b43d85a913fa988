#include "dump/temporary.h"

#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <limits>
#include <system_error>

#include "dump/escape.h"
#include "error.h"

namespace divlens {

std::string temporaryFolder() {
  const char* folder = std::getenv("TMPDIR");
  return folder && *folder ? folder : "/tmp";
}

uint64_t temporaryRoom() {
  struct statvfs status{};
  // A folder that does not tell is tried.
  if (::statvfs(temporaryFolder().c_str(), &status) != 0) return std::numeric_limits<uint64_t>::max();
  return uint64_t{status.f_bavail} * status.f_frsize;
}

TemporaryFile::TemporaryFile(uint64_t size) : size_(size) {
  name_ = temporaryFolder() + "/divlens-XXXXXX";
  descriptor_ = ::mkstemp(name_.data());
  if (descriptor_ < 0) fail("cannot be made");
  ::unlink(name_.c_str());
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) fail("cannot be made that large");
}

TemporaryFile::~TemporaryFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void TemporaryFile::fail(const char* doing) const {
  throw Error(Exit::Output, fmt::format("temporary file {} {}: {}; set TMPDIR to a folder with space",
                                        escapedPath(name_), doing, std::generic_category().message(errno)));
}

void TemporaryFile::read(uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t got = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail("cannot be read");
    out = out.subspan(static_cast<size_t>(got));
    offset += static_cast<uint64_t>(got);
  }
}

void TemporaryFile::write(uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) fail("cannot be written");
    bytes = bytes.subspan(static_cast<size_t>(put));
    offset += static_cast<uint64_t>(put);
  }
}

}  // namespace divlens
