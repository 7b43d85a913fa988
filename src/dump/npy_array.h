#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "dump/dump.h"
#include "dump/npy_header.h"

namespace divlens {

/// The longest header of an array, with what stands before it.
inline constexpr uint64_t kNpyBeginning = 12 + 10'000;

/// What the beginning of a .npy file says.
struct NpyArray {
  NpyHeader header;
  uint64_t dataOffset = 0;
  DType dtype = DType::Unsupported;
  std::string refusal;  ///< why elements of this type are not read; empty: they are
};

/// Reads the header at the beginning of `source`; Error(BadInput).
NpyArray readNpyArray(const ByteSource& source, const OpenOptions& options);
/// Bytes of all elements; Error(BadInput) that names `file` where they are more than 64 bits count.
uint64_t dataBytes(const NpyArray& array, const std::string& file);
/// The array as a tensor of `source`.
Tensor tensorOf(const NpyArray& array, std::string name, std::shared_ptr<const ByteSource> source);

}  // namespace divlens
