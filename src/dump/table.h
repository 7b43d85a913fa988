#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dump/dump.h"

namespace divlens {

/// A table of numbers with labels on both sides.
struct Table {
  std::string rowAxis = "row", columnAxis = "column";
  std::vector<std::string> rowLabels;  ///< empty, or one a row
  std::vector<std::string> columnLabels;
  std::vector<std::string> panelLabels;  ///< empty, or one for each block of `rows` rows
  std::vector<double> values;            ///< panel by panel, row by row
  size_t rows = 0;
  size_t columns = 0;
};

/// The number that a cell's text means: nothing, "nan" and words for nothing (na, none, null) are NaN, "inf" is
/// infinite; what a double cannot hold is 0 or infinite; no value where it is no number.
std::optional<double> tableNumber(std::string_view cell);
/// The table as a dump of one scalar tensor, named after the file.
Dump dumpOfTable(const ByteSource& source, Table table);

/// Cells that are listed one by one, each with the labels of its row and column.
class Pivot {
 public:
  Pivot(std::string file, std::string rowAxis, std::string columnAxis);
  /// `line` is for messages. Labels keep the order in which they come; one that first comes between two known ones
  /// stands between them. Error(BadInput) where the cell was listed before.
  void add(const std::string& row, const std::string& column, double value, size_t line);
  bool empty() const { return cells_.empty(); }
  /// Pairs that are not listed are NaN; `notes` says how many. Error(Budget) where nearly all would be.
  Table table(std::vector<std::string>& notes) const;

 private:
  struct Cell {
    size_t row, column;
    double value;
  };
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
  std::vector<Cell> cells_;
  std::unordered_map<uint64_t, size_t> lines_;  ///< of each cell
};

}  // namespace divlens
