#include "dump/gather.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <memory>
#include <vector>

#include "dump/escape.h"

namespace divlens {
namespace {

// Bytes between two wanted runs that are cheaper to read along than to skip with another call.
constexpr size_t kGap = size_t{64} << 10;
constexpr size_t kContiguousBounce = size_t{4} << 20;
constexpr size_t kStridedBounce = size_t{8} << 20;

/// A block that grows to what is asked for and is not cleared.
class Bounce {
 public:
  std::span<std::byte> of(size_t bytes) {
    if (bytes > size_) {
      block_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
      size_ = bytes;
    }
    return {block_.get(), bytes};
  }

 private:
  std::unique_ptr<std::byte[]> block_;
  size_t size_ = 0;
};

}  // namespace

struct RowGather::Start {
  uint64_t offset;
  size_t row;
};

/// Rows that lie close enough to be read together: [first, last) of the sorted starts.
struct RowGather::Run {
  size_t last;
  size_t bytes;

  static Run from(std::span<const Start> starts, size_t first, size_t entryBytes, size_t limit) {
    Run run{first + 1, entryBytes};
    while (run.last < starts.size()) {
      const uint64_t begin = starts[run.last].offset - starts[first].offset;
      if (begin > run.bytes + kGap || begin + entryBytes > limit) break;
      run.bytes = begin + entryBytes;
      ++run.last;
    }
    return run;
  }
};

RowGather::RowGather(const Tensor& tensor) : tensor_(tensor), elementBytes_(info(tensor.dtype).bytes) {
  if (tensor.dtype == DType::Unsupported) {
    badTensor(tensor, fmt::format("dtype {} is not read; F64, F32, F16, BF16, I8 to U64 and BOOL are",
                                  escaped(tensor.dtypeName)));
  }
  step_ = elementBytes_;
  if (tensor.shape.empty()) return;
  rowLength_ = tensor.shape.back();
  if (rowLength_ != 1) step_ = static_cast<size_t>(tensor.strides.back()) * elementBytes_;
  for (size_t i = 0; i + 1 < tensor.shape.size(); ++i) rows_ *= tensor.shape[i];
}

bool RowGather::contiguous() const { return step_ == elementBytes_; }

uint64_t RowGather::rowOffset(int64_t row) const {
  assert(row >= 0 && row < rows_);
  uint64_t element = 0;
  for (size_t i = tensor_.shape.size(); i-- > 1;) {
    const int64_t length = tensor_.shape[i - 1];
    element += static_cast<uint64_t>(row % length * tensor_.strides[i - 1]);
    row /= length;
  }
  return tensor_.offset + element * elementBytes_;
}

void RowGather::visit(std::span<const int64_t> rows, int64_t first, int64_t count,
                      const std::function<void(const Piece&)>& visit) const {
  std::vector<Start> starts;
  starts.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) starts.push_back({rowOffset(rows[i]), i});
  const auto earlier = [](const Start& a, const Start& b) { return a.offset < b.offset; };
  if (!std::is_sorted(starts.begin(), starts.end(), earlier)) std::sort(starts.begin(), starts.end(), earlier);
  if (contiguous()) {
    visitContiguous(starts, count, first, visit);
  } else {
    visitStrided(starts, first, count, visit);
  }
}

void RowGather::visitContiguous(std::span<const Start> starts, int64_t count, int64_t first,
                                const std::function<void(const Piece&)>& visit) const {
  Bounce bounce;
  const size_t wanted = static_cast<size_t>(count) * elementBytes_;
  const uint64_t skip = static_cast<uint64_t>(first) * elementBytes_;
  const auto chunk = static_cast<int64_t>(kContiguousBounce / elementBytes_);
  for (size_t i = 0; i < starts.size();) {
    const uint64_t begin = starts[i].offset + skip;
    if (wanted > kContiguousBounce) {
      for (int64_t done = 0; done < count; done += chunk) {
        const int64_t part = std::min(chunk, count - done);
        const auto bytes = bounce.of(static_cast<size_t>(part) * elementBytes_);
        tensor_.source->read(begin + static_cast<uint64_t>(done) * elementBytes_, bytes);
        visit({starts[i].row, first + done, part, bytes.data(), step_});
      }
      ++i;
      continue;
    }
    const Run run = Run::from(starts, i, wanted, kContiguousBounce);
    const auto bytes = bounce.of(run.bytes);
    tensor_.source->read(begin, bytes);
    for (const uint64_t origin = starts[i].offset; i < run.last; ++i) {
      visit({starts[i].row, first, count, bytes.data() + (starts[i].offset - origin), step_});
    }
  }
}

// Entries of a row lie `step_` apart, and those of neighbouring rows between them: one read takes as many entries of as
// many rows as fit the bounce buffer.
void RowGather::visitStrided(std::span<const Start> starts, int64_t first, int64_t count,
                             const std::function<void(const Piece&)>& visit) const {
  Bounce bounce;
  for (size_t i = 0; i < starts.size();) {
    const Run run = Run::from(starts, i, elementBytes_, kStridedBounce);
    const bool together = step_ <= run.bytes + kGap;
    const auto entries = together ? static_cast<int64_t>((kStridedBounce - run.bytes) / step_) + 1 : int64_t{1};
    for (int64_t done = 0; done < count; done += entries) {
      const int64_t part = std::min(entries, count - done);
      const auto bytes = bounce.of(run.bytes + static_cast<size_t>(part - 1) * step_);
      tensor_.source->read(starts[i].offset + static_cast<uint64_t>(first + done) * step_, bytes);
      for (size_t k = i; k < run.last; ++k) {
        visit({starts[k].row, first + done, part, bytes.data() + (starts[k].offset - starts[i].offset), step_});
      }
    }
    i = run.last;
  }
}

}  // namespace divlens
