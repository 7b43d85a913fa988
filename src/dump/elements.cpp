#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <limits>
#include <numeric>

#include "dump/convert.h"
#include "dump/gather.h"
#include "dump/rows.h"

namespace divlens {
namespace {

// Rows that are gathered at once: bounds the list of their offsets.
constexpr int64_t kRowsAtOnce = 65536;

// Calls visit(position, bytes) for the elements [first, first + count) in C order: position counts from `first`.
template <typename Visit>
void eachElement(const Tensor& tensor, int64_t first, int64_t count, const Visit& visit) {
  const RowGather gather(tensor);
  const int64_t length = gather.rowLength();
  const int64_t end = first + count;
  assert(first >= 0 && end <= tensor.elements());
  std::vector<int64_t> rows;
  for (int64_t at = first; at < end;) {
    const int64_t begin = at % length;  // not 0: the rest of a row, which is gathered by itself
    const int64_t whole = (end - at) / length;
    const int64_t part = begin == 0 && whole > 0 ? length : std::min(length - begin, end - at);
    rows.resize(static_cast<size_t>(part == length ? std::min(whole, kRowsAtOnce) : 1));
    std::iota(rows.begin(), rows.end(), at / length);
    gather.visit(rows, begin, part, [&](const Piece& piece) {
      const int64_t position = at - first + static_cast<int64_t>(piece.row) * length + piece.first - begin;
      for (int64_t i = 0; i < piece.count; ++i) {
        visit(static_cast<size_t>(position + i), piece.bytes + static_cast<size_t>(i) * piece.step);
      }
    });
    at += part * static_cast<int64_t>(rows.size());
  }
}

/// Converts entries [0, width) of the listed rows into `out`, one row after the other.
template <typename T, typename Convert>
void eachEntry(const Tensor& tensor, std::span<const int64_t> rows, int64_t width, std::vector<T>& out,
               const Convert& convert) {
  out.resize(rows.size() * static_cast<size_t>(width));
  RowGather(tensor).visit(rows, 0, width, [&](const Piece& piece) {
    T* to = out.data() + piece.row * static_cast<size_t>(width) + static_cast<size_t>(piece.first);
    const std::byte* from = piece.bytes;
    for (int64_t i = 0; i < piece.count; ++i, from += piece.step) to[i] = convert(from);
  });
}

int64_t toInteger(const Tensor& tensor, const std::byte* bytes) {
  switch (tensor.dtype) {
    case DType::I8:
      return loaded<int8_t>(bytes);
    case DType::U8:
      return loaded<uint8_t>(bytes);
    case DType::I16:
      return loaded<int16_t>(bytes);
    case DType::U16:
      return loaded<uint16_t>(bytes);
    case DType::I32:
      return loaded<int32_t>(bytes);
    case DType::U32:
      return loaded<uint32_t>(bytes);
    case DType::I64:
      return loaded<int64_t>(bytes);
    case DType::Bool:
      return loaded<uint8_t>(bytes) != 0 ? 1 : 0;
    default:
      break;
  }
  const auto value = loaded<uint64_t>(bytes);
  // An id beyond every vocabulary stays one.
  return static_cast<int64_t>(std::min(value, static_cast<uint64_t>(std::numeric_limits<int64_t>::max())));
}

}  // namespace

void readElements(const Tensor& tensor, int64_t first, std::span<float> out) {
  const DType dtype = tensor.dtype;
  eachElement(tensor, first, static_cast<int64_t>(out.size()),
              [&](size_t position, const std::byte* bytes) { out[position] = toFloat(dtype, bytes); });
}

void readRow(const Tensor& tensor, int64_t row, int64_t width, std::vector<double>& out) {
  readRows(tensor, std::span(&row, 1), width, out);
}

void readRows(const Tensor& tensor, std::span<const int64_t> rows, int64_t width, std::vector<double>& out) {
  eachEntry(tensor, rows, width, out, [&](const std::byte* bytes) {
    return tensor.dtype == DType::F64 ? loaded<double>(bytes) : static_cast<double>(toFloat(tensor.dtype, bytes));
  });
}

void readIntegerRows(const Tensor& tensor, std::span<const int64_t> rows, int64_t width, std::vector<int64_t>& out) {
  eachEntry(tensor, rows, width, out, [&](const std::byte* bytes) { return toInteger(tensor, bytes); });
}

std::vector<int64_t> readIntegers(const Tensor& tensor) {
  if (tensor.dtype == DType::Unsupported || info(tensor.dtype).floating) {
    badTensor(tensor, fmt::format("whole numbers (I8 to U64, BOOL) are needed, it is {}", tensor.dtypeName));
  }
  std::vector<int64_t> values(static_cast<size_t>(tensor.elements()));
  eachElement(tensor, 0, tensor.elements(),
              [&](size_t position, const std::byte* bytes) { values[position] = toInteger(tensor, bytes); });
  return values;
}

}  // namespace divlens
