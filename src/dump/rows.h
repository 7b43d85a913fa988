#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dump/tensor.h"

namespace divlens {

/// Reads rows of a tensor (its last axis; one row for each combination of the leading entries, numbered in C order
/// whatever the file's order) in the form that the device takes: F16, BF16 or F32 as stored, each row padded to a
/// multiple of 16 bytes. F64 distributions are split: all rows become logits (probabilities their logarithms) less the
/// row's largest, as the sum of two rows of F32, each padded to 32 bytes. Other F64, and F64 as stored, becomes F32.
class RowReader {
 public:
  /// `width`: entries of each row to read, from the first (<= length of the last axis).
  RowReader(const Tensor& tensor, int64_t width, bool asStored = false);
  int64_t rows() const { return rows_; }
  int64_t width() const { return width_; }
  DType deviceDType() const { return deviceDType_; }  ///< F16, BF16 or F32
  size_t rowBytes() const { return rowBytes_; }       ///< padded, a multiple of 16; both halves of a split row
  bool split() const { return split_; }
  bool contiguous() const;  ///< entries of a row are neighbours in the file
  /// Row rows[i] goes to out[i * rowBytes()]; neighbours in the file are read together. Padding is -inf for logits and
  /// log-probs, 0 otherwise, so that it contributes nothing. Thread-safe; Error(BadInput) as ByteSource::read.
  void read(std::span<const int64_t> rows, std::byte* out) const;

 private:
  const Tensor tensor_;
  int64_t rows_ = 0;
  int64_t width_ = 0;
  DType deviceDType_ = DType::F32;
  size_t rowBytes_ = 0;
  bool split_ = false;
};

/// Elements [first, first + out.size()) in C order of the logical array, converted to float.
void readElements(const Tensor& tensor, int64_t first, std::span<float> out);
/// Entries [0, width) of one row, numbered as RowReader does, in full precision.
void readRow(const Tensor& tensor, int64_t row, int64_t width, std::vector<double>& out);
/// Entries [0, width) of some rows of an integer tensor, one row after the other.
void readIntegerRows(const Tensor& tensor, std::span<const int64_t> rows, int64_t width, std::vector<int64_t>& out);
/// The same of a floating tensor, in full precision.
void readRows(const Tensor& tensor, std::span<const int64_t> rows, int64_t width, std::vector<double>& out);
/// All elements of an integer or BOOL tensor in C order; Error(BadInput) for floating tensors.
std::vector<int64_t> readIntegers(const Tensor& tensor);

}  // namespace divlens
