#include "divergence/row_stream.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "gpu/barrier.h"

namespace divlens {

Slot::Slot(const gpu::Context& context, const Size& size, uint32_t descriptorSets)
    : entries(context, size.entries * sizeof(kernels::PairEntry), gpu::Memory::Upload, "pairs"),
      submission(context, descriptorSets, 9) {
  const bool lens = size.lensCells || size.lensReference, direct = context.unifiedMemory() && !lens;
  const uint64_t readBytes = lens ? size.readBytes : size.bytes;
  upload = gpu::Buffer(context, readBytes, direct ? gpu::Memory::Device : gpu::Memory::Upload, "rows");
  // Memory that is device-local and mapped is read in place; else the commands copy it first.
  if (!upload.mapped()) upload = gpu::Buffer(context, readBytes, gpu::Memory::Upload, "rows");
  if (!direct) {
    device = gpu::Buffer(context, size.bytes, gpu::Memory::Device, "device rows");
    uploader = std::make_unique<gpu::Uploader>(context);
  }
  referenceOffset = size.referenceOffset;
  readReference = lens ? size.readReference : size.referenceOffset;
  copiesCells = !size.lensCells;
  copiesReference = !size.lensReference;
  if (size.texels) {
    cellTexels = gpu::TexelView(context, rows(), 0, std::min(size.referenceOffset, size.bytes) / 16 * 16);
    if (size.referenceOffset < size.bytes)
      referenceTexels =
          gpu::TexelView(context, rows(), size.referenceOffset, (size.bytes - size.referenceOffset) / 16 * 16);
  }
  if (size.sharedChannels == 0) return;
  groups = gpu::Buffer(context, size.entries * sizeof(kernels::PairGroup), gpu::Memory::Upload, "groups of pairs");
  referenceList = gpu::Buffer(context, size.entries * sizeof(uint32_t), gpu::Memory::Upload, "reference rows");
  numbers = gpu::Buffer(context, 2 * size.entries * sizeof(uint32_t), gpu::Memory::Upload, "numbers of rows");
  verdicts =
      gpu::Buffer(context, size.sharedChannels * size.entries * sizeof(uint32_t), gpu::Memory::Readback, "verdicts");
}

void Slot::fill(Tile next, const RowReader& cells, const RowReader* reference, ReadTeam& team) {
  team.read(cells, next.cellRows, upload.mapped());
  cellBytes = next.cellRows.size() * cells.rowBytes();
  referenceBytes = 0;
  if (reference && !next.referenceRows.empty()) {
    team.read(*reference, next.referenceRows, upload.mapped() + readReference);
    referenceBytes = next.referenceRows.size() * reference->rowBytes();
  }
  inPlace = nullptr;
  take(std::move(next));
  if (!numbers) return;
  const auto number = reinterpret_cast<uint32_t*>(numbers.mapped());
  std::iota(number, number + tile.cellRows.size(), 0u);
  std::iota(number + tile.cellRows.size(), number + tile.cellRows.size() + tile.referenceRows.size(), 0u);
}

void Slot::point(Tile next, const RowReader& cells, const RowReader* reference) {
  cellBytes = next.cellRows.size() * cells.rowBytes();
  referenceBytes = reference ? next.referenceRows.size() * reference->rowBytes() : 0;
  take(std::move(next));
  const auto number = reinterpret_cast<uint32_t*>(numbers.mapped());
  size_t i = 0;
  for (const std::vector<int64_t>* rows : {&tile.cellRows, &tile.referenceRows})
    for (const int64_t row : *rows) number[i++] = uint32_t(row);
}

void Slot::take(Tile next) {
  std::memcpy(entries.mapped(), next.entries.data(), next.entries.size() * sizeof(kernels::PairEntry));
  pairs = next.entries.size();
  tile = std::move(next);
}

void Slot::send() {
  if (!device) return;
  uploader->submit([&](VkCommandBuffer commands) {
    const auto copy = [&](bool wanted, VkBufferCopy region) {
      if (wanted && region.size > 0) vkCmdCopyBuffer(commands, upload.handle(), device.handle(), 1, &region);
    };
    copy(copiesCells, {.size = cellBytes});
    copy(copiesReference, {.srcOffset = readReference, .dstOffset = referenceOffset, .size = referenceBytes});
  });
}

void Slot::submit() { device ? submission.submitAfter(*uploader) : submission.submit(); }

RowStream::RowStream(std::vector<std::unique_ptr<Slot>>& slots, TileWalk walk, const RowReader& cells,
                     const RowReader* reference, ReadTeam& team, const RowsInPlace* inPlace)
    : walk_(std::move(walk)), cells_(cells), reference_(reference), team_(team), inPlace_(inPlace) {
  for (const auto& slot : slots) free_.push_back(slot.get());
  thread_ = std::jthread([this](const std::stop_token& stop) { read(stop); });
}

RowStream::~RowStream() {
  thread_.request_stop();
  changed_.notify_all();
}

void RowStream::read(const std::stop_token& stop) {
  try {
    while (std::optional<Tile> tile = walk_.next()) {
      Slot* slot = nullptr;
      {
        std::unique_lock lock(mutex_);
        if (!changed_.wait(lock, stop, [&] { return !free_.empty(); })) return;
        slot = free_.front();
        free_.pop_front();
      }
      slot->submission.wait();
      slot->inPlace = inPlace_;
      if (inPlace_)
        slot->point(std::move(*tile), cells_, reference_);
      else
        slot->fill(std::move(*tile), cells_, reference_, team_);
      if (!inPlace_) slot->send();
      const std::lock_guard lock(mutex_);
      full_.push_back(slot);
      changed_.notify_all();
    }
  } catch (...) {
    error_ = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

Slot* RowStream::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !full_.empty() || ended_; });
  if (full_.empty() && error_) std::rethrow_exception(error_);
  if (full_.empty()) return nullptr;
  Slot* slot = full_.front();
  full_.pop_front();
  return slot;
}

void RowStream::recycle(Slot* slot) {
  const std::lock_guard lock(mutex_);
  free_.push_back(slot);
  changed_.notify_all();
}

}  // namespace divlens
