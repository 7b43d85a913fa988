#include "divergence/rows_in_place.h"

#include <algorithm>

namespace divlens {
namespace {

constexpr uint64_t kTexel = 16;
constexpr uint64_t kMostBytes = uint64_t{1} << 31;  // of one allocation of lavapipe
// Gaps cost addresses, pieces a system call each: the smaller gaps are mapped too until few pieces are left.
constexpr uint64_t kSmallGap = uint64_t{64} << 10;
constexpr size_t kManyPieces = 256;

}  // namespace

// Pages come in fault by fault. Fetching a tile's ahead (MADV_POPULATE_READ) costs a third less, but the thread that
// does it keeps one of the two that compute from its core: KL was 20 % slower on two cores, JSD too.

std::unique_ptr<RowsInPlace> RowsInPlace::open(const gpu::Context& context, const Tensor& tensor,
                                               const RowReader& reader) {
  const bool whole =
      reader.width() == tensor.shape.back() && reader.rowBytes() == uint64_t(reader.width()) * info(tensor.dtype).bytes;
  if (reader.deviceDType() != tensor.dtype) return nullptr;
  if (!context.importsHostMemory() || !whole || tensor.strides != stridesInC(tensor.shape)) return nullptr;
  if (tensor.offset % kTexel != 0 || tensor.source->descriptor() < 0) return nullptr;
  return std::unique_ptr<RowsInPlace>(new RowsInPlace(context, tensor, reader.rowBytes()));
}

/// Runs of ascending rows with no gap of more than `gap` rows within.
std::vector<RowWindow::Run> RowWindow::runsOf(std::span<const int64_t> rows, int64_t gap) {
  std::vector<Run> runs;
  for (const int64_t row : rows) {
    if (runs.empty() || row - runs.back().last > gap + 1)
      runs.push_back({row, row});
    else
      runs.back().last = row;
  }
  return runs;
}

uint32_t RowWindow::start(int64_t row) const {
  const auto run =
      std::lower_bound(runs_.begin(), runs_.end(), row, [](const Run& r, int64_t n) { return r.last < n; });
  const uint64_t at = mapping_->start(size_t(run - runs_.begin())) + uint64_t(row - run->first) * rowBytes_;
  return uint32_t(at / kTexel);
}

std::shared_ptr<const RowWindow> RowsInPlace::window(std::span<const int64_t> rows) const {
  std::shared_ptr<RowWindow> window(new RowWindow);
  window->rowBytes_ = rowBytes_;
  auto& runs = window->runs_;
  for (uint64_t gap = kSmallGap; runs.empty() || runs.size() > kManyPieces; gap *= 2)
    runs = RowWindow::runsOf(rows, int64_t(gap / rowBytes_));
  std::vector<Mapping::Piece> pieces;
  uint64_t bytes = 0;
  for (const auto& [first, last] : runs) {
    pieces.push_back({tensor_.offset + uint64_t(first) * rowBytes_, uint64_t(last - first + 1) * rowBytes_});
    bytes += pieces.back().bytes;
  }
  if (bytes > kMostBytes / 2) return nullptr;
  window->mapping_ = Mapping::open(*tensor_.source, pieces);
  if (!window->mapping_) return nullptr;
  const uint64_t length = window->mapping_->pages().size();
  if (length / kTexel > context_.limits().maxTexelBufferElements) return nullptr;
  window->buffer_ = gpu::Buffer::imported(context_, window->mapping_->pages(), "mapped rows");
  if (!window->buffer_) return nullptr;
  window->view_ = gpu::TexelView(context_, window->buffer_, 0, length);
  return window;
}

}  // namespace divlens
