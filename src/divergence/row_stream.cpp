#include "divergence/row_stream.h"

#include <algorithm>
#include <cstring>

#include "gpu/barrier.h"

namespace divlens {
namespace {

// Mapping and giving back hold up the threads that compute: once for some 64 MiB.
constexpr size_t kTilesOfWindow = 4;

}  // namespace

Slot::Slot(const gpu::Context& context, const Size& size, uint32_t descriptorSets)
    : entries(context, size.entries * sizeof(kernels::PairEntry), gpu::Memory::Table, "pairs"),
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
  cellVectors = size.cellVectors;
  referenceVectors = size.referenceVectors;
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
  groups = gpu::Buffer(context, size.entries * sizeof(kernels::PairGroup), gpu::Memory::Table, "groups of pairs");
  referenceList = gpu::Buffer(context, size.entries * sizeof(uint32_t), gpu::Memory::Table, "reference rows");
  numbers = gpu::Buffer(context, 2 * size.entries * sizeof(uint32_t), gpu::Memory::Table, "numbers of rows");
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
  windows = {};
  take(std::move(next));
  if (!numbers) return;
  const auto number = reinterpret_cast<uint32_t*>(numbers.mapped());
  for (size_t i = 0; i < tile.cellRows.size(); ++i) number[i] = uint32_t(i) * cellVectors;
  for (size_t i = 0; i < tile.referenceRows.size(); ++i)
    number[tile.cellRows.size() + i] = uint32_t(i) * referenceVectors;
}

void Slot::point(Tile next, TileWindows mapped, const RowReader& cells, const RowReader* reference) {
  cellBytes = next.cellRows.size() * cells.rowBytes();
  referenceBytes = reference ? next.referenceRows.size() * reference->rowBytes() : 0;
  windows = std::move(mapped);
  take(std::move(next));
  auto* number = reinterpret_cast<uint32_t*>(numbers.mapped());
  for (const int64_t row : tile.cellRows) *number++ = windows.cells->start(row);
  for (const int64_t row : tile.referenceRows) *number++ = windows.reference->start(row);
}

void Slot::checkRows() const {
  for (const RowWindow* window : {windows.cells.get(), windows.reference.get()})
    if (window) window->check();
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
                     const RowReader* reference, ReadTeam& team, const SidesInPlace* sides)
    : walk_(std::move(walk)), cells_(cells), reference_(reference), team_(team), sides_(sides) {
  for (const auto& slot : slots) free_.push_back(slot.get());
  thread_ = std::jthread([this](const std::stop_token& stop) { read(stop); });
}

RowStream::~RowStream() {
  thread_.request_stop();
  changed_.notify_all();
}

void RowStream::lookAhead() {
  if (!ahead_.empty()) return;
  windows_ = {};
  if (!sides_) return walkAhead();
  for (size_t i = 0; i < kTilesOfWindow; ++i)
    if (std::optional<Tile> tile = walk_.next()) ahead_.push_back(std::move(*tile));
  if (ahead_.empty()) return;
  const auto window = [&](const RowsInPlace& side, std::vector<int64_t> Tile::* rows) {
    std::vector<int64_t> all;
    for (const Tile& tile : ahead_) all.insert(all.end(), (tile.*rows).begin(), (tile.*rows).end());
    std::sort(all.begin(), all.end());
    return all.empty() ? nullptr : side.window(all);
  };
  windows_.cells = window(*sides_->cells, &Tile::cellRows);
  if (sides_->reference) windows_.reference = window(*sides_->reference, &Tile::referenceRows);
  if (sides_->reference && !windows_.reference) windows_ = {};
}

// Walking over the pairs of small rows takes as long as copying them.
void RowStream::walkAhead() {
  const auto walk = [this] { return std::async(std::launch::async, [this] { return walk_.next(); }); };
  if (!walking_.valid()) walking_ = walk();
  std::optional<Tile> tile = walking_.get();
  if (!tile) return;
  ahead_.push_back(std::move(*tile));
  walking_ = walk();
}

void RowStream::read(const std::stop_token& stop) {
  try {
    for (lookAhead(); !ahead_.empty(); lookAhead()) {
      Tile tile = std::move(ahead_.front());
      ahead_.pop_front();
      Slot* slot = nullptr;
      {
        std::unique_lock lock(mutex_);
        if (!changed_.wait(lock, stop, [&] { return !free_.empty(); })) return;
        slot = free_.front();
        free_.pop_front();
      }
      slot->submission.wait();
      if (windows_.cells) {
        slot->point(std::move(tile), windows_, cells_, reference_);
      } else {
        slot->fill(std::move(tile), cells_, reference_, team_);
        slot->send();
      }
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
