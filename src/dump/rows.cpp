#include "dump/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "dump/convert.h"
#include "dump/gather.h"

namespace divlens {
namespace {

constexpr size_t kAlignment = 16;
// From this size on a read of its own costs less than copying through a buffer.
constexpr size_t kDirect = size_t{64} << 10;

bool inLogs(Kind kind) { return kind == Kind::Logits || kind == Kind::LogProbs; }

template <typename T>
void fillPadding(std::byte* begin, const std::byte* end, T value) {
  for (; begin != end; begin += sizeof value) std::memcpy(begin, &value, sizeof value);
}

void pad(std::byte* begin, const std::byte* end, DType dtype, Kind kind) {
  if (!inLogs(kind)) {
    std::memset(begin, 0, static_cast<size_t>(end - begin));
  } else if (dtype == DType::F32) {
    fillPadding(begin, end, -std::numeric_limits<float>::infinity());
  } else {
    fillPadding(begin, end, dtype == DType::F16 ? uint16_t{0xFC00} : uint16_t{0xFF80});  // −∞
  }
}

template <typename T>
void scatter(const Piece& piece, std::byte* out) {
  if (piece.step == sizeof(T)) {
    std::memcpy(out, piece.bytes, static_cast<size_t>(piece.count) * sizeof(T));
    return;
  }
  const std::byte* from = piece.bytes;
  for (int64_t i = 0; i < piece.count; ++i, from += piece.step, out += sizeof(T)) std::memcpy(out, from, sizeof(T));
}

/// F64 rows of distributions as the sum of two floats: what a row's largest value leaves of the logits, or of the
/// probabilities' logarithms.
class DoubleRows {
 public:
  DoubleRows(const RowGather& gather, Kind kind, int64_t width, size_t rowBytes)
      : gather_(gather), kind_(kind), width_(width), rowBytes_(rowBytes) {}

  void read(std::span<const int64_t> rows, std::byte* out) const {
    std::vector<double> largest(rows.size(), -std::numeric_limits<double>::infinity());
    std::vector<int64_t> pending;      // rows that came in pieces: their largest value must be known before the first
    std::vector<size_t> pendingIndex;  // and their places in `rows`
    gather_.visit(rows, 0, width_, [&](const Piece& piece) {
      largest[piece.row] = std::max(largest[piece.row], largestOf(piece));
      if (piece.count == width_) return split(piece, largest[piece.row], out + piece.row * rowBytes_);
      if (piece.first != 0) return;
      pending.push_back(rows[piece.row]);
      pendingIndex.push_back(piece.row);
    });
    if (pending.empty()) return;
    gather_.visit(pending, 0, width_, [&](const Piece& piece) {
      const size_t row = pendingIndex[piece.row];
      split(piece, largest[row], out + row * rowBytes_);
    });
  }

 private:
  /// The largest finite element.
  static double largestOf(const Piece& piece) {
    double largest = -std::numeric_limits<double>::infinity();
    const std::byte* from = piece.bytes;
    for (int64_t i = 0; i < piece.count; ++i, from += piece.step) {
      const auto value = loaded<double>(from);
      if (std::isfinite(value) && value > largest) largest = value;
    }
    return largest;
  }

  double logit(double value) const { return kind_ == Kind::Probs ? std::log(value) : value; }

  void split(const Piece& piece, double largest, std::byte* row) const {
    constexpr float kLowest = std::numeric_limits<float>::lowest();
    const double top = logit(largest);
    const double subtracted = std::isfinite(top) ? top : 0.0;
    std::byte* to = row + static_cast<size_t>(piece.first) * sizeof(float);
    const std::byte* from = piece.bytes;
    for (int64_t i = 0; i < piece.count; ++i, from += piece.step, to += sizeof(float)) {
      const double shifted = logit(loaded<double>(from)) - subtracted;
      // A difference that float cannot hold makes sums infinite, as -inf does.
      const bool sinks = shifted < kLowest;
      const float high = sinks ? -std::numeric_limits<float>::infinity() : static_cast<float>(shifted);
      const float low = sinks || !std::isfinite(high) ? 0.0F : static_cast<float>(shifted - static_cast<double>(high));
      std::memcpy(to, &high, sizeof high);
      std::memcpy(to + rowBytes_ / 2, &low, sizeof low);
    }
  }

  const RowGather& gather_;
  Kind kind_;
  int64_t width_;
  size_t rowBytes_;
};

/// F64 rows that are taken as they are stored.
void narrowRows(const RowGather& gather, std::span<const int64_t> rows, int64_t width, size_t rowBytes,
                std::byte* out) {
  gather.visit(rows, 0, width, [&](const Piece& piece) {
    std::byte* to = out + piece.row * rowBytes + static_cast<size_t>(piece.first) * sizeof(float);
    const std::byte* from = piece.bytes;
    for (int64_t i = 0; i < piece.count; ++i, from += piece.step, to += sizeof(float)) {
      const float value = narrowed(loaded<double>(from));
      std::memcpy(to, &value, sizeof value);
    }
  });
}

/// Rows that go from the file to their place as they are; returns the places in `rows` of those that are too small to
/// be worth a read of their own.
std::vector<size_t> readLarge(const RowGather& gather, const ByteSource& source, std::span<const int64_t> rows,
                              size_t wanted, size_t fileBytes, size_t rowBytes, std::byte* out) {
  std::vector<size_t> small;
  const bool exact = wanted == fileBytes && wanted == rowBytes;
  for (size_t i = 0; i < rows.size();) {
    const uint64_t begin = gather.rowOffset(rows[i]);
    size_t last = i + 1;
    while (exact && last < rows.size() && gather.rowOffset(rows[last]) == begin + (last - i) * fileBytes) ++last;
    const size_t bytes = (last - i - 1) * rowBytes + wanted;
    if (bytes >= kDirect) {
      source.read(begin, {out + i * rowBytes, bytes});
    } else {
      for (size_t k = i; k < last; ++k) small.push_back(k);
    }
    i = last;
  }
  return small;
}

}  // namespace

RowReader::RowReader(const Tensor& tensor, int64_t width, bool asStored)
    : tensor_(tensor),
      width_(width),
      deviceDType_(tensor.dtype),
      split_(tensor.dtype == DType::F64 && !asStored && (inLogs(tensor.kind) || tensor.kind == Kind::Probs)) {
  const RowGather gather(tensor_);
  if (tensor_.shape.empty()) badTensor(tensor_, "a single number has no rows");
  if (!info(tensor_.dtype).floating) {
    badTensor(tensor_, fmt::format("{} holds whole numbers, rows of floats are needed", info(tensor_.dtype).name));
  }
  if (width < 1 || width > gather.rowLength()) {
    badTensor(tensor_, fmt::format("its rows have {} entries, {} are asked for", gather.rowLength(), width));
  }
  rows_ = gather.rows();
  if (tensor_.dtype == DType::F64) deviceDType_ = DType::F32;
  const size_t bytes = static_cast<size_t>(width) * info(deviceDType_).bytes;
  // The kernels take eight elements at a time, and must not take the second half of a split row for the end of the
  // first.
  const size_t alignment = split_ ? 2 * kAlignment : kAlignment;
  rowBytes_ = (bytes + alignment - 1) / alignment * alignment * (split_ ? 2 : 1);
}

bool RowReader::contiguous() const { return RowGather(tensor_).contiguous(); }

void RowReader::read(std::span<const int64_t> rows, std::byte* out) const {
  const RowGather gather(tensor_);
  const size_t elementBytes = info(deviceDType_).bytes;
  const size_t wanted = static_cast<size_t>(width_) * elementBytes;
  if (split_) {
    DoubleRows(gather, tensor_.kind, width_, rowBytes_).read(rows, out);
  } else if (tensor_.dtype == DType::F64) {
    narrowRows(gather, rows, width_, rowBytes_, out);
  } else {
    std::vector<size_t> places;
    std::vector<int64_t> rest(rows.begin(), rows.end());
    if (gather.contiguous()) {
      const size_t fileBytes = static_cast<size_t>(gather.rowLength()) * elementBytes;
      places = readLarge(gather, *tensor_.source, rows, wanted, fileBytes, rowBytes_, out);
      rest.clear();
      for (const size_t place : places) rest.push_back(rows[place]);
    }
    gather.visit(rest, 0, width_, [&](const Piece& piece) {
      const size_t row = places.empty() ? piece.row : places[piece.row];
      std::byte* to = out + row * rowBytes_ + static_cast<size_t>(piece.first) * elementBytes;
      elementBytes == 2 ? scatter<uint16_t>(piece, to) : scatter<uint32_t>(piece, to);
    });
  }
  const size_t half = split_ ? rowBytes_ / 2 : rowBytes_;
  for (size_t i = 0; wanted != half && i < rows.size(); ++i) {
    std::byte* row = out + i * rowBytes_;
    pad(row + wanted, row + half, deviceDType_, split_ ? Kind::Logits : tensor_.kind);
    if (split_) std::memset(row + half + wanted, 0, half - wanted);
  }
}

}  // namespace divlens
