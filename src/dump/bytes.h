#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace divlens {

/// Random access to the bytes of one file or of a block in memory; safe to read from several threads.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual uint64_t size() const = 0;
  /// Name for messages: the path as the user gave it.
  virtual const std::string& name() const = 0;
  /// Fills `out` from `offset`; Error(BadInput) "changed while reading" when the file ends early, errno text otherwise.
  virtual void read(uint64_t offset, std::span<std::byte> out) const = 0;
  /// Of the file whose bytes these are, from its first to its last; -1 where they are no such file.
  virtual int descriptor() const { return -1; }
};

/// Opens a regular file for pread; refuses FIFOs, sockets, devices and directories; Error(BadInput) with errno text.
std::shared_ptr<const ByteSource> openFile(const std::string& path);
/// Bytes that already live in memory (parsed tables, inflated members).
std::shared_ptr<const ByteSource> memoryBytes(std::string name, std::vector<std::byte> bytes);

}  // namespace divlens
