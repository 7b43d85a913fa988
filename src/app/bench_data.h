#pragma once
#include <cstdint>
#include <string>

#include "dump/dump.h"

namespace divlens {

/// What a benchmark compares: `layers` × `tokens` rows of `vocab` logits, normal with deviation 3, each layer its own.
struct BenchShape {
  DType dtype = DType::F16;
  int64_t layers = 16;
  int64_t tokens = 1;
  int64_t vocab = 32000;
  uint64_t bytes() const;
  uint64_t pairs() const { return uint64_t(layers * tokens); }
};

/// The same bytes at each call.
std::vector<std::byte> benchRows(const BenchShape& shape);
/// A dump of those bytes, which may lie in memory or in a file.
Dump benchDump(const BenchShape& shape, std::shared_ptr<const ByteSource> source);

}  // namespace divlens
