#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace divlens {

/// FNV-1a (Fowler, Noll, Vo): a check sum against accidents, not against malice.
inline uint64_t fnv1a(std::span<const std::byte> data) {
  uint64_t sum = 0xcbf29ce484222325U;
  for (const std::byte byte : data) sum = (sum ^ uint64_t(byte)) * 0x100000001b3U;
  return sum;
}

}  // namespace divlens
