#pragma once
#include <memory>
#include <span>
#include <vector>

#include "dump/mapping.h"
#include "dump/rows.h"
#include "gpu/pipeline.h"

namespace divlens {

/// Some rows of a tensor where their file is mapped, as the kernels read them.
class RowWindow {
 public:
  VkBufferView texels() const { return view_.handle(); }
  /// Texel at which one of its rows starts.
  uint32_t start(int64_t row) const;
  /// Error(BadInput) when the file has become shorter.
  void check() const { mapping_->check(); }

 private:
  friend class RowsInPlace;
  RowWindow() = default;
  struct Run {
    int64_t first = 0, last = 0;
  };
  static std::vector<Run> runsOf(std::span<const int64_t> rows, int64_t gap);
  std::unique_ptr<Mapping> mapping_;  // goes last
  gpu::Buffer buffer_;
  gpu::TexelView view_;
  std::vector<Run> runs_;  ///< rows that lie one after the other: a piece of the mapping each
  uint64_t rowBytes_ = 0;
};

/// A tensor whose rows the kernels read in the mapped file, a few tiles' at a time: memory does not grow with the file.
class RowsInPlace {
 public:
  /// Null where the device or the file cannot, or the tensor's rows do not lie one after the other at multiples of 16
  /// bytes as the device takes them.
  static std::unique_ptr<RowsInPlace> open(const gpu::Context& context, const Tensor& tensor, const RowReader& reader);
  /// These rows, ascending; null where they lie too far apart to be mapped together.
  std::shared_ptr<const RowWindow> window(std::span<const int64_t> rows) const;

 private:
  RowsInPlace(const gpu::Context& context, const Tensor& tensor, uint64_t rowBytes)
      : context_(context), tensor_(tensor), rowBytes_(rowBytes) {}
  const gpu::Context& context_;
  const Tensor& tensor_;
  uint64_t rowBytes_;
};

}  // namespace divlens
