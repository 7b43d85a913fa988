#pragma once
#include <memory>
#include <span>
#include <vector>

#include "divergence/tiles.h"
#include "dump/mapping.h"
#include "dump/rows.h"
#include "gpu/pipeline.h"

namespace divlens {

/// A tensor whose rows the kernels read in the mapped file: row n at texel n · rowBytes / 16 of the view.
class MappedRows {
 public:
  /// Null where the device or the file cannot, or the tensor's rows do not lie one after the other at multiples of 16
  /// bytes as the device takes them, or do not fit one view.
  static std::unique_ptr<MappedRows> open(const gpu::Context& context, const Tensor& tensor, const RowReader& reader);
  VkBufferView texels() const { return view_.handle(); }
  /// These rows are done: sooner or later their memory goes back. Error(BadInput) when the file has become shorter.
  void finish(std::span<const int64_t> rows);

 private:
  MappedRows() = default;
  std::unique_ptr<Mapping> mapping_;
  std::vector<int64_t> done_;  ///< whose memory has not gone back yet
  gpu::Buffer buffer_;
  gpu::TexelView view_;
  uint64_t rowBytes_ = 0;
};

/// Rows of both sides; `reference` is null where the reference is among the cells.
class RowsInPlace {
 public:
  RowsInPlace(std::unique_ptr<MappedRows> cells, std::unique_ptr<MappedRows> reference)
      : cells_(std::move(cells)), reference_(std::move(reference)) {}
  VkBufferView cells() const { return cells_->texels(); }
  VkBufferView reference() const { return (reference_ ? reference_ : cells_)->texels(); }
  /// The tile is done. Error(BadInput) when a file has become shorter.
  void finish(const Tile& tile);

 private:
  std::unique_ptr<MappedRows> cells_, reference_;
};

}  // namespace divlens
