#include "divergence/weight_speed.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>

#include "divergence/stages.h"
#include "divergence/weight_cells.h"

namespace divlens {
namespace {

constexpr uint64_t kEnough = uint64_t{1} << 30;
constexpr int64_t kAtOnce = int64_t{1} << 20;  // elements
constexpr size_t kThreads = 3;

struct Piece {
  int64_t cell, first, count;
};

}  // namespace

double readingAlone(const Plan& plan) {
  const CellReader cells(plan.cells);
  const Block all{0, int64_t(plan.rows.positions.size()), 0, int64_t(plan.columns.positions.size())};
  std::vector<Piece> pieces;
  uint64_t bytes = 0;
  for (const WeightItem& item : weightItems(plan, all, entryLayout(plan))) {
    if (item.missing != 0) continue;
    const int64_t elements = cells.elements(item.cell);
    for (int64_t first = 0; first < elements && bytes < kEnough; first += kAtOnce) {
      pieces.push_back({item.cell, first, std::min(kAtOnce, elements - first)});
      bytes += uint64_t(pieces.back().count) * (cells.bytes(item.cell) / uint64_t(elements));
    }
  }
  if (pieces.empty()) return 0;
  std::vector<std::vector<std::byte>> buffers(kThreads, std::vector<std::byte>(size_t(kAtOnce) * sizeof(float)));
  std::atomic<size_t> next{0};
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::future<void>> readers;
  for (std::vector<std::byte>& out : buffers)
    readers.push_back(std::async(std::launch::async, [&] {
      for (size_t at = next++; at < pieces.size(); at = next++)
        cells.read(pieces[at].cell, pieces[at].first, pieces[at].count, out.data());
    }));
  for (std::future<void>& each : readers) each.get();
  return double(bytes) / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace divlens
