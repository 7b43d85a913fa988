#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dump/bytes.h"

namespace divlens {

/// Pieces of a file that are mapped into memory side by side, to be read where they lie. What is cut from the file
/// while it is mapped reads as zero instead of ending the process (SIGBUS), and check() says so.
class Mapping {
 public:
  struct Piece {
    uint64_t offset = 0, bytes = 0;  ///< in the file
  };
  /// Null where `source` is no file of its own, its file system does not map, or a piece is not in it.
  static std::unique_ptr<Mapping> open(const ByteSource& source, std::span<const Piece> pieces);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  /// Whole pages around each of the pieces, one piece after the other.
  std::span<const std::byte> pages() const { return {address_, length_}; }
  /// Where a piece starts in pages().
  uint64_t start(size_t piece) const { return starts_[piece]; }
  /// Error(BadInput) "changed while reading" once a piece of the file was missing.
  void check() const;

 private:
  Mapping(const ByteSource& source, const std::byte* address, uint64_t length, std::vector<uint64_t> starts);
  const ByteSource& source_;
  const std::byte* address_;
  uint64_t length_;
  std::vector<uint64_t> starts_;
  size_t guard_;  ///< which of the handler's places it has
};

}  // namespace divlens
