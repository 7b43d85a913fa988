#include "divergence/tiles.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "error.h"

namespace divlens {
namespace {

constexpr int64_t kNone = -1;

std::vector<int64_t> slice(const std::vector<int64_t>& positions, int64_t first, int64_t count) {
  return {positions.begin() + first, positions.begin() + first + count};
}

uint32_t indexIn(const std::vector<int64_t>& sorted, int64_t row) {
  return uint32_t(std::lower_bound(sorted.begin(), sorted.end(), row) - sorted.begin());
}

void sortUnique(std::vector<int64_t>& rows) {
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
}

}  // namespace

std::vector<Block> cutIntoBlocks(const Plan& plan, int64_t maxEntries) {
  const int64_t perCell = plan.entriesPerCell();
  if (perCell > maxEntries)
    throw Error(
        Exit::Budget,
        fmt::format("one cell is reduced over {} entries, more than the {} that are kept at once; keep fewer with "
                    "--select, or show one of the reduced axes as rows or columns",
                    perCell, maxEntries));
  const int64_t rows = int64_t(plan.rows.positions.size());
  const int64_t columns = int64_t(plan.columns.positions.size());
  const int64_t cells = maxEntries / perCell;
  const int64_t columnsAtOnce = std::min(columns, cells);
  const int64_t rowsAtOnce = columnsAtOnce < columns ? 1 : std::clamp<int64_t>(cells / columns, 1, rows);
  std::vector<Block> blocks;
  for (int64_t r = 0; r < rows; r += rowsAtOnce)
    for (int64_t c = 0; c < columns; c += columnsAtOnce)
      blocks.push_back({r, std::min(rowsAtOnce, rows - r), c, std::min(columnsAtOnce, columns - c)});
  return blocks;
}

TileWalk::TileWalk(const Plan& plan, const Block& block, const EntryLayout& layout, const TileLimits& limits,
                   bool sharedTensor, const std::vector<int64_t>& targets, const WalkPart& part)
    : plan_(plan), limits_(limits), sharedTensor_(sharedTensor), targets_(targets) {
  const auto add = [&](const PlanAxis& axis, std::vector<int64_t> positions, int64_t slotStride) {
    const int64_t maskStride = plan.mask.values.empty() ? 0 : plan.mask.strides[steps_.size()];
    const bool shifted =
        plan.reference.kind == ReferenceKind::Shifted && !axis.synthetic && axis.name == plan.reference.shiftAxis;
    steps_.push_back(
        {std::move(positions), axis.cellStride, axis.referenceStride, maskStride, slotStride, axis.length, shifted});
  };
  add(plan.rows, slice(plan.rows.positions, block.firstRow, block.rows), block.columns * layout.entries);
  add(plan.columns, slice(plan.columns.positions, block.firstColumn, block.columns), layout.entries);
  for (size_t i = 0; i < plan.reduced.size(); ++i) add(plan.reduced[i], plan.reduced[i].positions, layout.strides[i]);
  const bool rowsShared = plan.reference.kind == ReferenceKind::Rows || plan.reference.kind == ReferenceKind::Shifted ||
                          plan.reference.kind == ReferenceKind::Mean;
  const auto shares = [&](const Step& s) { return rowsShared && (s.shifted || s.referenceStride == 0); };
  std::stable_sort(steps_.begin(), steps_.end(), [&](const Step& a, const Step& b) {
    return shares(a) != shares(b) ? shares(b) : a.cellStride > b.cellStride;
  });
  uint64_t withinReference = 1;
  for (const Step& step : steps_)
    if (shares(step)) withinReference *= step.positions.size();
  start(part, withinReference);
}

void TileWalk::start(const WalkPart& part, uint64_t withinReference) {
  uint64_t pairs = 1;
  for (const Step& step : steps_) pairs *= step.positions.size();
  if (pairs == 0) return;
  const uint64_t unit = pairs / withinReference >= part.parts ? withinReference : 1;
  const uint64_t units = pairs / unit;
  uint64_t at = units * part.part / part.parts * unit + part.done;
  const uint64_t end = units * (part.part + 1) / part.parts * unit;
  left_ = at < end ? end - at : 0;
  for (size_t i = steps_.size(); i-- > 0; at /= steps_[i].positions.size())
    steps_[i].at = at % steps_[i].positions.size();
}

int64_t TileWalk::referenceOf(int64_t row, bool outside) const {
  switch (plan_.reference.kind) {
    case ReferenceKind::Target: {
      const int64_t id = targets_[size_t(row)];
      const bool allowed = id >= 0 && (id < plan_.vocab || plan_.kind == Kind::TopK) && id < int64_t(UINT32_MAX) &&
                           (plan_.allowedBits.empty() || (plan_.allowedBits[size_t(id / 32)] >> (id % 32) & 1u));
      return allowed ? id : kNone;
    }
    case ReferenceKind::None:
    case ReferenceKind::Uniform:
      return 0;
    default:
      return outside ? kNone : row;
  }
}

std::optional<TileWalk::Found> TileWalk::take() {
  if (held_) return std::exchange(held_, std::nullopt);
  if (left_ == 0) return std::nullopt;
  int64_t cell = 0, reference = plan_.reference.base, slot = 0, mask = 0;
  bool outside = false;
  for (const Step& s : steps_) {
    const int64_t position = s.positions[s.at];
    cell += position * s.cellStride;
    reference += position * s.referenceStride;
    mask += position * s.maskStride;
    slot += int64_t(s.at) * s.slotStride;
    if (s.shifted) outside = position + plan_.reference.shift < 0 || position + plan_.reference.shift >= s.length;
  }
  size_t i = steps_.size();
  while (i > 0 && ++steps_[i - 1].at == steps_[i - 1].positions.size()) steps_[--i].at = 0;
  --left_;
  const bool masked = !plan_.mask.values.empty() && plan_.mask.values[size_t(mask)] != 0;
  return Found{cell, masked ? kNone : referenceOf(reference, outside), uint32_t(slot), masked};
}

std::optional<Tile> TileWalk::next() {
  std::unordered_set<int64_t> cells, references;
  std::vector<Found> found;
  while (found.size() < limits_.entries) {
    const std::optional<Found> f = take();
    if (!f) break;
    if (!f->masked) cells.insert(f->cell);
    const bool hasRow = f->reference != kNone && limits_.referenceRowBytes > 0;
    if (hasRow) (sharedTensor_ ? cells : references).insert(f->reference);
    if (!found.empty() &&
        cells.size() * limits_.cellRowBytes + references.size() * limits_.referenceRowBytes > limits_.bytes) {
      held_ = f;
      break;
    }
    found.push_back(*f);
  }
  if (found.empty()) return std::nullopt;
  Tile tile;
  const bool rows = limits_.referenceRowBytes > 0;
  for (const Found& f : found) {
    if (!f.masked) tile.cellRows.push_back(f.cell);
    if (rows && f.reference != kNone) (sharedTensor_ ? tile.cellRows : tile.referenceRows).push_back(f.reference);
  }
  sortUnique(tile.cellRows);
  sortUnique(tile.referenceRows);
  for (const Found& f : found) {
    kernels::PairEntry entry{.cell = f.masked ? 0 : indexIn(tile.cellRows, f.cell),
                             .reference = 0,
                             .slot = f.slot,
                             .missing = f.masked               ? 2u
                                        : f.reference == kNone ? 1u
                                                               : 0u};
    if (!entry.missing)
      entry.reference =
          rows ? indexIn(sharedTensor_ ? tile.cellRows : tile.referenceRows, f.reference) : uint32_t(f.reference);
    tile.entries.push_back(entry);
  }
  return tile;
}

}  // namespace divlens
