#include "divergence/rows_in_place.h"

#include <algorithm>

namespace divlens {
namespace {

constexpr uint64_t kTexel = 16;
constexpr uint64_t kMostBytes = uint64_t{1} << 31;  // of one allocation of lavapipe
// Pages come in fault by fault. Fetching a tile's ahead (MADV_POPULATE_READ) costs a third less, but the thread that
// does it keeps one of the two that compute from its core: KL was 20 % slower on two cores, JSD too. Giving memory back
// stops all threads for a moment, once for each stretch of the file: rows wait until neighbours are done as well.
constexpr uint64_t kHeldBytes = uint64_t{24} << 20;

}  // namespace

std::unique_ptr<MappedRows> MappedRows::open(const gpu::Context& context, const Tensor& tensor,
                                             const RowReader& reader) {
  const uint64_t bytes = uint64_t(reader.rows()) * reader.rowBytes();
  const bool whole =
      reader.width() == tensor.shape.back() && reader.rowBytes() == uint64_t(reader.width()) * info(tensor.dtype).bytes;
  if (!context.importsHostMemory() || !whole || tensor.strides != stridesInC(tensor.shape)) return nullptr;
  if (tensor.offset % kTexel != 0 || bytes / kTexel > context.limits().maxTexelBufferElements) return nullptr;
  std::unique_ptr<MappedRows> rows(new MappedRows);
  rows->mapping_ = Mapping::open(*tensor.source, tensor.offset, bytes);
  if (!rows->mapping_ || rows->mapping_->pages().size() > kMostBytes) return nullptr;
  rows->buffer_ = gpu::Buffer::imported(context, rows->mapping_->pages(), "mapped rows");
  if (!rows->buffer_) return nullptr;
  rows->view_ = gpu::TexelView(context, rows->buffer_, rows->mapping_->start(), bytes);
  rows->rowBytes_ = reader.rowBytes();
  return rows;
}

void MappedRows::finish(std::span<const int64_t> rows) {
  mapping_->check();
  done_.insert(done_.end(), rows.begin(), rows.end());
  if (done_.size() * rowBytes_ < kHeldBytes) return;
  std::sort(done_.begin(), done_.end());
  for (size_t i = 0; i < done_.size();) {
    size_t last = i + 1;
    while (last < done_.size() && done_[last] <= done_[last - 1] + 1) ++last;
    const auto first = uint64_t(done_[i]), end = uint64_t(done_[last - 1]) + 1;
    mapping_->release(first * rowBytes_, (end - first) * rowBytes_);
    i = last;
  }
  done_.clear();
}

void RowsInPlace::finish(const Tile& tile) {
  cells_->finish(tile.cellRows);
  if (reference_) reference_->finish(tile.referenceRows);
}

}  // namespace divlens
