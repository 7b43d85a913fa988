#include "figure/atomic_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "dump/escape.h"
#include "error.h"

namespace divlens {
namespace {

// Renaming over a symbolic link would replace the link: what it names is replaced instead.
std::string behindLinks(const std::string& path) {
  char resolved[PATH_MAX];
  return realpath(path.c_str(), resolved) ? std::string(resolved) : path;
}

// Permissions of the file that is replaced, or those that open() would give a new one.
mode_t permissions(const std::string& target) {
  struct stat old{};
  if (stat(target.c_str(), &old) == 0) return old.st_mode & 07777;
  const mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

}  // namespace

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)), target_(behindLinks(path_)) {
  if (path_.empty()) throw Error(Exit::Output, "output file name is empty");
  struct stat status{};
  const bool exists = stat(path_.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) {
    errno = EISDIR;
    fail("cannot write");
  }
  if (exists && !S_ISREG(status.st_mode)) {
    stream_ = std::fopen(path_.c_str(), "wbe");
    if (!stream_) fail("cannot open");
    return;
  }
  // Renaming needs no right to write the file itself; a file that was made read-only stays.
  if (exists && access(target_.c_str(), W_OK) != 0) fail("cannot replace");
  const size_t slash = target_.rfind('/');
  temporary_ = target_.substr(0, slash == std::string::npos ? 0 : slash + 1) + ".divlens-XXXXXX";
  const int descriptor = mkostemp(temporary_.data(), O_CLOEXEC);
  if (descriptor < 0) {
    temporary_.clear();
    fail("cannot create a file beside");
  }
  fchmod(descriptor, permissions(target_));
  stream_ = fdopen(descriptor, "wb");
  if (!stream_) {
    close(descriptor);
    fail("cannot open");
  }
}

AtomicFile::~AtomicFile() {
  if (stream_) std::fclose(stream_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), stream_) != bytes.size()) fail("cannot write");
}

void AtomicFile::commit() {
  if (std::fflush(stream_) != 0 || std::ferror(stream_)) fail("cannot write");
  // File systems without fsync say EINVAL or ENOTSUP; there is nothing to wait for then.
  if (!temporary_.empty() && fsync(fileno(stream_)) != 0 && errno != EINVAL && errno != ENOTSUP) fail("cannot write");
  std::FILE* stream = std::exchange(stream_, nullptr);
  if (std::fclose(stream) != 0) fail("cannot write");
  if (temporary_.empty()) return;
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) fail("cannot rename the finished file to");
  temporary_.clear();
}

// A constructor that throws runs no destructor, so that the temporary is removed here.
void AtomicFile::fail(const char* doing) {
  const int error = errno;
  if (stream_) std::fclose(std::exchange(stream_, nullptr));
  if (!temporary_.empty()) unlink(std::exchange(temporary_, {}).c_str());
  throw Error(Exit::Output, fmt::format("{} {}: {}", doing, escapedPath(path_), std::strerror(error)));
}

}  // namespace divlens
