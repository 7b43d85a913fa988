#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dump/dump.h"

namespace divlens {

/// A table of numbers with labels on both sides, or several one behind the other.
struct Table {
  struct Outer {
    std::string axis;
    std::vector<std::string> labels;
  };
  std::string rowAxis = "row", columnAxis = "column";
  std::vector<std::string> rowLabels;  ///< empty, or one a row
  std::vector<std::string> columnLabels;
  std::vector<Outer> outer;    ///< axes of which each entry has `rows` rows, outermost first
  std::vector<double> values;  ///< row by row of each
  size_t rows = 0;
  size_t columns = 0;
};

/// A cell's text without what surrounds it.
std::string_view trimmed(std::string_view text);
/// The number that a cell's text means: nothing, "nan" and words for nothing (na, none, null) are NaN, "inf" is
/// infinite; what a double cannot hold is 0 or infinite; no value where it is no number.
std::optional<double> tableNumber(std::string_view cell);
/// The table as a dump of one scalar tensor, named after the file.
Dump dumpOfTable(const ByteSource& source, Table table);

/// Cells that are listed one by one, each with the labels of its row, its column and of outer axes.
class Pivot {
 public:
  Pivot(std::string file, std::string rowAxis, std::string columnAxis, const std::vector<std::string>& outer);
  /// `line` is for messages. Labels keep the order in which they come; one that first comes between two known ones
  /// stands between them. False where the cell was listed before.
  bool add(const std::string& row, const std::string& column, std::span<const std::string> outer, double value,
           size_t line);
  /// Error(BadInput) that names the lines of a cell that was listed twice; `hint` is what to do.
  [[noreturn]] void refuseTwice(const std::string& hint) const;
  bool empty() const { return cells_.empty(); }
  /// Pairs that are not listed are NaN; `notes` says how many. Error(Budget) where nearly all would be.
  Table table(std::vector<std::string>& notes) const;

 private:
  struct Cell {
    size_t block, row, column;
    double value;
  };
  /// Numbers of pairs of numbers.
  using Pairs = std::unordered_map<uint64_t, size_t>;
  /// Labels in the order of the axis, numbered in the order in which they came.
  struct Side {
    std::string axis;
    std::unordered_map<std::string, size_t> numbers;
    std::vector<std::string> labels;  ///< by number
    std::vector<size_t> next;         ///< by number: which stands behind it; kEnd: none
    size_t first = kEnd, last = kEnd, previous = kEnd;
    size_t number(const std::string& label, bool behindPrevious);
    std::vector<size_t> order() const;  ///< numbers, first to last
  };
  static constexpr size_t kEnd = static_cast<size_t>(-1);

  std::string file_;
  Side rows_, columns_;
  std::vector<Side> outer_;
  std::vector<std::vector<size_t>> blocks_;  ///< labels of the outer axes by their numbers, one of each
  std::vector<Pairs> chains_;                ///< of outer labels: a block's number from those of its labels
  std::vector<Cell> cells_;
  Pairs places_, lines_;  ///< the number of each row and column; the line of each cell, from that and its block
  std::string twice_;     ///< the cell that was listed twice, in words
};

}  // namespace divlens
