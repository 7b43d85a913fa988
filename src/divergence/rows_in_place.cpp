#include "divergence/rows_in_place.h"

namespace divlens {
namespace {

constexpr uint64_t kTexel = 16;
constexpr uint64_t kMostBytes = uint64_t{1} << 31;  // of one allocation of lavapipe

void give(const MappedRows& rows, const std::vector<int64_t>& numbers) {
  for (const int64_t row : numbers) rows.mapping().release(uint64_t(row) * rows.rowBytes(), rows.rowBytes());
  rows.mapping().check();
}

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

void RowsInPlace::finish(const Tile& tile) const {
  give(*cells_, tile.cellRows);
  if (reference_) give(*reference_, tile.referenceRows);
}

}  // namespace divlens
