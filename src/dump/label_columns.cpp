#include "dump/label_columns.h"

#include <algorithm>
#include <numeric>

namespace divlens {
namespace {

constexpr double kFullest = 0.25;

}  // namespace

void LabelColumns::add(std::span<const std::string_view> labels) {
  for (size_t i = 0; i < columns_.size(); ++i) {
    Column& column = columns_[i];
    const auto at = column.numbers.try_emplace(std::string(labels[i]), uint32_t(column.numbers.size())).first;
    column.lines.push_back(at->second);
  }
}

size_t LabelColumns::join(std::vector<uint32_t>& lines, const Column& column) const {
  std::unordered_map<uint64_t, uint32_t> numbers;
  for (size_t i = 0; i < lines.size(); ++i)
    lines[i] = numbers.try_emplace(uint64_t{lines[i]} << 32 | column.lines[i], uint32_t(numbers.size())).first->second;
  return numbers.size();
}

std::vector<size_t> LabelColumns::tellingApart(size_t given) const {
  const size_t count = columns_.front().lines.size();
  const auto differing = [&](const std::vector<size_t>& chosen) {
    std::vector<uint32_t> lines(count, 0);
    size_t kinds = 0;
    for (size_t i = 0; i < given; ++i) kinds = join(lines, columns_[i]);
    for (const size_t i : chosen) kinds = join(lines, columns_[i]);
    return kinds;
  };
  // Columns of few labels first: those of many are measured numbers rather than keys.
  std::vector<size_t> others(columns_.size() - given);
  std::iota(others.begin(), others.end(), given);
  std::stable_sort(others.begin(), others.end(),
                   [&](size_t a, size_t b) { return columns_[a].numbers.size() < columns_[b].numbers.size(); });
  std::vector<size_t> chosen;
  size_t kinds = differing(chosen);
  for (const size_t other : others) {
    if (kinds == count) break;
    chosen.push_back(other);
    const size_t now = differing(chosen);
    if (now == kinds) chosen.pop_back();
    kinds = now;
  }
  if (kinds < count) return {};
  for (size_t i = chosen.size(); i-- > 0;) {
    std::vector<size_t> without = chosen;
    without.erase(without.begin() + ptrdiff_t(i));
    if (differing(without) == count) chosen = std::move(without);
  }
  double combinations = 1;
  for (size_t i = 0; i < given; ++i) combinations *= double(columns_[i].numbers.size());
  for (const size_t i : chosen) combinations *= double(columns_[i].numbers.size());
  if (double(count) < kFullest * combinations) return {};
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace divlens
