#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "divergence/plan.h"
#include "divergence/tiles.h"

namespace divlens {

/// True where the plan's metrics are statistics of whole tensors or stored rows (shaders/statistics.h).
bool usesStatistics(const Plan& plan);

/// Cells of one side: whole tensors of a stack, or the rows of one tensor.
class CellReader {
 public:
  explicit CellReader(const Tensor& tensor);
  bool exists(int64_t cell) const;
  /// Elements of a cell; 0 where it does not exist.
  int64_t elements(int64_t cell) const;
  /// Rows and columns: the first axis and all others of a tensor; one row where it has one axis, or is a stored row.
  std::pair<int64_t, int64_t> matrix(int64_t cell) const;
  /// F16, BF16 or F32: how its elements are read. F64, and what does not lie in C order, becomes F32.
  DType deviceDType(int64_t cell) const;
  /// Bytes of the cell in the file.
  uint64_t bytes(int64_t cell) const;
  /// Elements [first, first + count) in C order.
  void read(int64_t cell, int64_t first, int64_t count, std::byte* out) const;
  /// All elements in double precision.
  std::vector<double> exact(int64_t cell) const;
  /// "tensor 'NAME' [64, 64]", for messages.
  std::string name(int64_t cell) const;
  const Tensor& part(int64_t cell) const;

 private:
  bool whole() const { return tensor_.kind == Kind::Weights; }
  Tensor tensor_;
  int64_t rowLength_ = 0;
  bool contiguous_ = false;
};

/// One value before the reduction: which cells it compares, where it goes.
struct WeightItem {
  int64_t cell = 0;
  int64_t reference = -1;  ///< -1: there is none
  uint32_t slot = 0;
  uint32_t missing = 0;  ///< 1: NaN; 2: masked
};

/// The values of a block in the order of their slots.
std::vector<WeightItem> weightItems(const Plan& plan, const Block& block, const EntryLayout& layout);

/// Error(BadInput) that names the first tensor that is not read, or lists the first pairs of cell and reference whose
/// shapes differ.
void checkCells(const Plan& plan);
/// Bytes that the statistics of a plan read.
uint64_t weightBytes(const Plan& plan);

}  // namespace divlens
