#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

namespace divlens {

/// a · b, or nothing where it does not fit 64 bits.
inline std::optional<uint64_t> checkedMultiply(uint64_t a, uint64_t b) {
  uint64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) return std::nullopt;
  return result;
}

/// a + b, or nothing where it does not fit 64 bits.
inline std::optional<uint64_t> checkedAdd(uint64_t a, uint64_t b) {
  uint64_t result = 0;
  if (__builtin_add_overflow(a, b, &result)) return std::nullopt;
  return result;
}

/// Product of the lengths of a shape, or nothing where it does not fit a signed 64-bit count.
inline std::optional<uint64_t> checkedElements(std::span<const int64_t> shape) {
  uint64_t product = 1;
  for (const int64_t length : shape) {
    const auto next = checkedMultiply(product, static_cast<uint64_t>(length));
    if (!next || *next > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
    product = *next;
  }
  return product;
}

}  // namespace divlens
