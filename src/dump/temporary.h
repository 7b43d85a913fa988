#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "dump/bytes.h"

namespace divlens {

/// A sparse file without a name in TMPDIR (or /tmp) for what is computed once and read again; gone with the object.
class TemporaryFile final : public ByteSource {
 public:
  /// `size` bytes, all zero and taking no space; Error(Output) where no such file can be made.
  explicit TemporaryFile(uint64_t size);
  ~TemporaryFile() override;
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  uint64_t size() const override { return size_; }
  const std::string& name() const override { return name_; }
  int descriptor() const override { return descriptor_; }
  void read(uint64_t offset, std::span<std::byte> out) const override;
  /// Error(Output) when the disk is full.
  void write(uint64_t offset, std::span<const std::byte> bytes);

 private:
  [[noreturn]] void fail(const char* doing) const;
  std::string name_;
  int descriptor_ = -1;
  uint64_t size_;
};

/// The folder in which temporary files are made, and the bytes that still fit there.
std::string temporaryFolder();
uint64_t temporaryRoom();

}  // namespace divlens
