#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "dump/tensor.h"

namespace divlens {

/// Some neighbouring entries of one row, as they lie in the file.
struct Piece {
  size_t row = 0;     ///< index into the list of rows that was asked for
  int64_t first = 0;  ///< entry of the row
  int64_t count = 0;
  const std::byte* bytes = nullptr;  ///< of the first entry
  size_t step = 0;                   ///< bytes from one entry to the next
};

/// Reads entries [first, first + count) of rows of any tensor, whatever its strides, in the order of the file with few
/// large reads and bounded memory. `visit` sees every entry of every listed row once; pieces of a row come in order.
class RowGather {
 public:
  explicit RowGather(const Tensor& tensor);
  int64_t rows() const { return rows_; }
  int64_t rowLength() const { return rowLength_; }
  bool contiguous() const;                ///< entries of a row are neighbours in the file
  uint64_t rowOffset(int64_t row) const;  ///< of its entry 0, in bytes of the source
  void visit(std::span<const int64_t> rows, int64_t first, int64_t count,
             const std::function<void(const Piece&)>& visit) const;

 private:
  struct Start;
  struct Run;
  void visitContiguous(std::span<const Start> starts, int64_t count, int64_t first,
                       const std::function<void(const Piece&)>& visit) const;
  void visitStrided(std::span<const Start> starts, int64_t first, int64_t count,
                    const std::function<void(const Piece&)>& visit) const;

  const Tensor& tensor_;
  int64_t rows_ = 1;
  int64_t rowLength_ = 1;
  size_t elementBytes_ = 0;
  size_t step_ = 0;
};

}  // namespace divlens
