#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace divlens {

/// Labels of lines, column by column, as numbers.
class LabelColumns {
 public:
  explicit LabelColumns(size_t columns) : columns_(columns) {}
  /// One label for each column.
  void add(std::span<const std::string_view> labels);
  /// The fewest columns, as far as one by one finds them, that make all lines differ together with the first `given`;
  /// empty where all together do not, or where fewer than a quarter of their combinations would be lines.
  std::vector<size_t> tellingApart(size_t given) const;

 private:
  struct Column {
    std::unordered_map<std::string, uint32_t> numbers;
    std::vector<uint32_t> lines;
  };
  /// Joins a column to what the lines are by others, numbers below `count`; returns how many there are then.
  size_t join(std::vector<uint32_t>& lines, const Column& column) const;
  std::vector<Column> columns_;
};

}  // namespace divlens
