#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "dump/bytes.h"

namespace divlens {

/// A part of a file that is mapped into memory, to be read where it lies. What is cut from the file while it is mapped
/// reads as zero instead of ending the process (SIGBUS), and changed() says so.
class Mapping {
 public:
  /// Null where `source` is no file of its own, or its file system does not map.
  static std::unique_ptr<Mapping> open(const ByteSource& source, uint64_t offset, uint64_t bytes);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  /// Whole pages around the part that was asked for.
  std::span<const std::byte> pages() const { return {address_, length_}; }
  /// Where the part starts in pages().
  uint64_t start() const { return start_; }
  /// Gives back the memory of a piece of the part; it is read from the file again when it is needed again.
  void release(uint64_t offset, uint64_t bytes) const;
  /// Error(BadInput) "changed while reading" once a piece of the file was missing.
  void check() const;

 private:
  Mapping(const ByteSource& source, const std::byte* address, uint64_t length, uint64_t start);
  const ByteSource& source_;
  const std::byte* address_;
  uint64_t length_;
  uint64_t start_;
  size_t guard_;  ///< which of the handler's places it has
};

}  // namespace divlens
