#pragma once
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "dump/tensor.h"

namespace divlens {

/// Half precision widened to float, exactly: subnormals, infinities and NaN too.
inline float halfToFloat(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1Fu;
  const uint32_t mantissa = half & 0x3FFu;
  if (exponent == 0x1F) return std::bit_cast<float>(sign | 0x7F800000u | mantissa << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
  return sign != 0 ? -magnitude : magnitude;
}

/// Double rounded to the nearest float; what lies half a step beyond the largest becomes infinite.
inline float narrowed(double value) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  constexpr double kBeyond = 0x1.ffffffp127;
  if (std::abs(value) <= kLargest || !std::isfinite(value)) return static_cast<float>(value);
  if (std::abs(value) < kBeyond) return std::copysign(std::numeric_limits<float>::max(), value < 0 ? -1.0F : 1.0F);
  return std::copysign(std::numeric_limits<float>::infinity(), static_cast<float>(std::copysign(1.0, value)));
}

/// The value of one stored element; the address need not be aligned.
template <typename T>
T loaded(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// One element of any readable type as a float; the type must not be Unsupported.
inline float toFloat(DType dtype, const std::byte* bytes) {
  switch (dtype) {
    case DType::F64:
      return narrowed(loaded<double>(bytes));
    case DType::F32:
      return loaded<float>(bytes);
    case DType::F16:
      return halfToFloat(loaded<uint16_t>(bytes));
    case DType::BF16:
      return std::bit_cast<float>(static_cast<uint32_t>(loaded<uint16_t>(bytes)) << 16);
    case DType::I8:
      return static_cast<float>(loaded<int8_t>(bytes));
    case DType::U8:
      return static_cast<float>(loaded<uint8_t>(bytes));
    case DType::I16:
      return static_cast<float>(loaded<int16_t>(bytes));
    case DType::U16:
      return static_cast<float>(loaded<uint16_t>(bytes));
    case DType::I32:
      return static_cast<float>(loaded<int32_t>(bytes));
    case DType::U32:
      return static_cast<float>(loaded<uint32_t>(bytes));
    case DType::I64:
      return static_cast<float>(loaded<int64_t>(bytes));
    case DType::U64:
      return static_cast<float>(loaded<uint64_t>(bytes));
    case DType::Bool:
      return loaded<uint8_t>(bytes) != 0 ? 1.0f : 0.0f;
    case DType::Unsupported:
      break;
  }
  return std::numeric_limits<float>::quiet_NaN();
}

}  // namespace divlens
