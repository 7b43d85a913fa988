#pragma once
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>

namespace divlens {

/// A file that appears whole or not at all: written beside `path` and renamed by commit(); removed when it is not
/// committed. Pipes and devices (/dev/stdout) are written directly. Every failure is Error(Output) with the path and
/// errno's text.
class AtomicFile {
 public:
  explicit AtomicFile(std::string path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  std::FILE* stream() { return stream_; }
  const std::string& path() const { return path_; }
  void write(std::span<const std::byte> bytes);
  /// Flushes, syncs, renames. Nothing may be written afterwards.
  void commit();

 private:
  [[noreturn]] void fail(const char* doing);
  std::string path_;       ///< as given
  std::string target_;     ///< behind symbolic links
  std::string temporary_;  ///< empty: written directly
  std::FILE* stream_ = nullptr;
};

}  // namespace divlens
