#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "dump/escape.h"
#include "dump/fault.h"
#include "dump/table.h"

namespace divlens {
namespace {

// A grid of which fewer cells are listed than one in so many is a mistake rather than a table with holes.
constexpr size_t kEmptiest = 64;
constexpr size_t kAlwaysAllowed = size_t{1} << 22;
constexpr size_t kMostLabels = size_t{1} << 31;

}  // namespace

Pivot::Pivot(std::string file, std::string rowAxis, std::string columnAxis, const std::vector<std::string>& outer)
    : file_(std::move(file)), outer_(outer.size()), chains_(outer.size()) {
  rows_.axis = std::move(rowAxis);
  columns_.axis = std::move(columnAxis);
  for (size_t i = 0; i < outer.size(); ++i) outer_[i].axis = outer[i];
}

size_t Pivot::Side::number(const std::string& label, bool behindPrevious) {
  const auto [at, fresh] = numbers.try_emplace(label, labels.size());
  if (fresh) {
    labels.push_back(label);
    const size_t before = behindPrevious ? previous : last;
    next.push_back(before == kEnd ? first : next[before]);
    (before == kEnd ? first : next[before]) = at->second;
    if (before == last) last = at->second;
  }
  return previous = at->second;
}

std::vector<size_t> Pivot::Side::order() const {
  std::vector<size_t> out;
  for (size_t at = first; at != kEnd; at = next[at]) out.push_back(at);
  return out;
}

bool Pivot::add(const std::string& row, const std::string& column, std::span<const std::string> outer, double value,
                size_t line) {
  const auto known = [](const Side& side, const std::string& label) {
    return side.previous != kEnd && side.labels[side.previous] == label;
  };
  const auto numberOf = [](Pairs& pairs, size_t a, size_t b) {
    return pairs.try_emplace(uint64_t{a} << 32 | b, pairs.size()).first->second;
  };
  // Within a run of one row, a new column stands behind the column before; and the other way round.
  const bool sameRow = known(rows_, row), sameColumn = known(columns_, column);
  const size_t r = rows_.number(row, sameColumn), c = columns_.number(column, sameRow);
  std::vector<size_t> labels;
  size_t block = 0;
  for (size_t i = 0; i < outer_.size(); ++i) {
    labels.push_back(outer_[i].number(outer[i], false));
    block = numberOf(chains_[i], block, labels.back());
  }
  if (std::max({r, c, block, cells_.size()}) >= kMostLabels) badInput(file_, "more labels than can be counted");
  const auto [at, fresh] = lines_.try_emplace(uint64_t{numberOf(places_, r, c)} << 32 | block, line);
  if (!fresh) {
    twice_ = fmt::format("lines {} and {} both have a value for {} '{}', {} '{}'", at->second, line,
                         escaped(rows_.axis), escaped(row, 40), escaped(columns_.axis), escaped(column, 40));
    for (size_t i = 0; i < outer_.size(); ++i)
      twice_ += fmt::format(", {} '{}'", escaped(outer_[i].axis), escaped(outer[i], 40));
    return false;
  }
  if (block == blocks_.size()) blocks_.push_back(std::move(labels));
  cells_.push_back({block, r, c, value});
  return true;
}

void Pivot::refuseTwice(const std::string& hint) const {
  badInput(file_, fmt::format("{}; a cell takes one: keep one of them, or {}", twice_, hint));
}

Table Pivot::table(std::vector<std::string>& notes) const {
  Table table;
  table.rowAxis = rows_.axis;
  table.columnAxis = columns_.axis;
  table.rows = rows_.labels.size();
  table.columns = columns_.labels.size();
  size_t all = 0;
  bool large = __builtin_mul_overflow(table.rows, table.columns, &all);
  std::string others;
  for (const Side& side : outer_) {
    large = __builtin_mul_overflow(all, side.labels.size(), &all) || large;
    others += fmt::format(" by {} of '{}'", side.labels.size(), escaped(side.axis));
  }
  if (large || (all > kAlwaysAllowed && all / kEmptiest >= cells_.size())) {
    throw Error(Exit::Budget, fmt::format("{}: {} entries of '{}' by {} of '{}'{} make a grid of which {} cells are "
                                          "listed; are these the columns that are meant?",
                                          escapedPath(file_), table.rows, escaped(rows_.axis), table.columns,
                                          escaped(columns_.axis), others, cells_.size()));
  }
  const auto place = [](const Side& side, std::vector<std::string>& labels) {
    std::vector<size_t> places(side.labels.size());
    for (const size_t number : side.order()) {
      places[number] = labels.size();
      labels.push_back(side.labels[number]);
    }
    return places;
  };
  const std::vector<size_t> rowAt = place(rows_, table.rowLabels), columnAt = place(columns_, table.columnLabels);
  std::vector<size_t> firstRows(blocks_.size(), 0);  // of the blocks
  for (size_t i = 0; i < outer_.size(); ++i) {
    table.outer.push_back({outer_[i].axis, outer_[i].labels});
    for (size_t block = 0; block < blocks_.size(); ++block)
      firstRows[block] = firstRows[block] * outer_[i].labels.size() + blocks_[block][i];
  }
  table.values.assign(all, std::numeric_limits<double>::quiet_NaN());
  for (const Cell& cell : cells_)
    table.values[(firstRows[cell.block] * table.rows + rowAt[cell.row]) * table.columns + columnAt[cell.column]] =
        cell.value;
  if (cells_.size() < all)
    notes.push_back(
        fmt::format("{}: {} of {} cells are not listed and are NaN", escapedPath(file_), all - cells_.size(), all));
  return table;
}

}  // namespace divlens
