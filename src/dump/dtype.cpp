#include <array>
#include <cstddef>

#include "dump/tensor.h"

namespace divlens {
namespace {

// In the order of the enumeration.
constexpr std::array<DTypeInfo, 14> kDTypes = {{
    {DType::F64, "F64", 8, true},
    {DType::F32, "F32", 4, true},
    {DType::F16, "F16", 2, true},
    {DType::BF16, "BF16", 2, true},
    {DType::I8, "I8", 1, false},
    {DType::U8, "U8", 1, false},
    {DType::I16, "I16", 2, false},
    {DType::U16, "U16", 2, false},
    {DType::I32, "I32", 4, false},
    {DType::U32, "U32", 4, false},
    {DType::I64, "I64", 8, false},
    {DType::U64, "U64", 8, false},
    {DType::Bool, "BOOL", 1, false},
    {DType::Unsupported, "unsupported", 0, false},
}};

constexpr bool inOrder() {
  for (size_t i = 0; i < kDTypes.size(); ++i) {
    if (kDTypes[i].dtype != static_cast<DType>(i)) return false;
  }
  return true;
}
static_assert(inOrder());

}  // namespace

const DTypeInfo& info(DType dtype) { return kDTypes[static_cast<size_t>(dtype)]; }

DType dtypeFromName(std::string_view text) {
  for (const DTypeInfo& row : kDTypes) {
    if (text == row.name) return row.dtype;
  }
  return DType::Unsupported;
}

}  // namespace divlens
