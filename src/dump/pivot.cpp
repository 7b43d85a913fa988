#include <fmt/format.h>

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

Pivot::Pivot(std::string file, std::string rowAxis, std::string columnAxis) : file_(std::move(file)) {
  rows_.axis = std::move(rowAxis);
  columns_.axis = std::move(columnAxis);
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

void Pivot::add(const std::string& row, const std::string& column, double value, size_t line) {
  const auto known = [](const Side& side, const std::string& label) {
    return side.previous != kEnd && side.labels[side.previous] == label;
  };
  // Within a run of one row, a new column stands behind the column before; and the other way round.
  const bool sameRow = known(rows_, row), sameColumn = known(columns_, column);
  const size_t r = rows_.number(row, sameColumn), c = columns_.number(column, sameRow);
  if (r >= kMostLabels || c >= kMostLabels) badInput(file_, "more labels than can be counted");
  const auto [at, fresh] = lines_.try_emplace(r << 32 | c, line);
  if (!fresh) {
    badInput(file_, fmt::format("lines {} and {} both have a value for {} '{}', {} '{}'; a cell takes one: keep one of "
                                "them, or give the columns that tell them apart with --rows and --columns",
                                at->second, line, escaped(rows_.axis), escaped(row, 40), escaped(columns_.axis),
                                escaped(column, 40)));
  }
  cells_.push_back({r, c, value});
}

Table Pivot::table(std::vector<std::string>& notes) const {
  Table table;
  table.rowAxis = rows_.axis;
  table.columnAxis = columns_.axis;
  table.rows = rows_.labels.size();
  table.columns = columns_.labels.size();
  size_t all = 0;
  const bool large = __builtin_mul_overflow(table.rows, table.columns, &all) || all > kAlwaysAllowed;
  if (large && all / kEmptiest >= cells_.size()) {
    throw Error(Exit::Budget, fmt::format("{}: {} entries of '{}' by {} of '{}' make a grid of which {} cells are "
                                          "listed; are these the columns that are meant?",
                                          escapedPath(file_), table.rows, escaped(rows_.axis), table.columns,
                                          escaped(columns_.axis), cells_.size()));
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
  table.values.assign(all, std::numeric_limits<double>::quiet_NaN());
  for (const Cell& cell : cells_) table.values[rowAt[cell.row] * table.columns + columnAt[cell.column]] = cell.value;
  if (cells_.size() < all)
    notes.push_back(
        fmt::format("{}: {} of {} cells are not listed and are NaN", escapedPath(file_), all - cells_.size(), all));
  return table;
}

}  // namespace divlens
