#include "dump/cell_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "dump/escape.h"
#include "dump/fault.h"
#include "dump/label_columns.h"
#include "suggest.h"

namespace divlens {
namespace {

/// Where a column of that name is; nothing where there is none.
std::optional<size_t> columnNamed(const Record& header, const std::string& name) {
  for (size_t i = 0; i < header.cells.size(); ++i)
    if (!name.empty() && trimmed(header.cells[i]) == name) return i;
  return {};
}

/// The columns with the labels and the value; Error(Usage) that lists what there is.
struct CellColumns {
  size_t row, column, value;
};
CellColumns cellColumns(const Record& header, const OpenOptions& options, const std::string& file) {
  std::vector<std::string> names;
  for (const std::string& cell : header.cells) names.emplace_back(trimmed(cell));
  const auto find = [&](const char* option, const std::string& name) {
    if (const auto at = columnNamed(header, name)) return *at;
    const std::string guess = name.empty() ? "" : didYouMean(escaped(name), names);
    throw Error(Exit::Usage,
                fmt::format("{}: each line is a cell: {}{} its columns: {}", escapedPath(file),
                            name.empty() ? fmt::format("say with {} which column has its labels", option)
                                         : fmt::format("there is no column '{}' ({})", escaped(name), option),
                            guess.empty() ? ";" : guess, listed(names)));
  };
  CellColumns out{find("--rows", options.rows), find("--columns", options.columns), 0};
  if (options.value.empty() && names.size() == 3) {
    out.value = 3 - out.row - out.column;
  } else if (options.value.empty()) {
    throw Error(Exit::Usage, fmt::format("{}: each line is a cell: say with --value which column has it; its columns: "
                                         "{}",
                                         escapedPath(file), listed(names)));
  } else {
    out.value = find("--value", options.value);
  }
  if (out.row == out.column || out.row == out.value || out.column == out.value)
    throw Error(Exit::Usage, fmt::format("{}: --rows, --columns and --value must be three columns", escapedPath(file)));
  return out;
}

/// A table that lists a cell a line.
class List {
 public:
  List(std::string_view text, char separator, const std::string& file, const Record& header, const OpenOptions& options)
      : text_(text),
        separator_(separator),
        file_(file),
        options_(options),
        header_(header),
        columns_(cellColumns(header, options, file)) {}

  /// Columns that options name are axes too; where lines still meet in a cell, those are that tell them apart.
  Table table(std::vector<std::string>& notes) const {
    std::vector<size_t> outer;
    for (const std::string& name : options_.outer) {
      const std::optional<size_t> at = columnNamed(header_, name);
      if (at && isOther(*at) && std::find(outer.begin(), outer.end(), *at) == outer.end()) outer.push_back(*at);
    }
    Pivot pivot = pivotOf(outer);
    if (fill(pivot, outer)) return pivot.table(notes);
    const std::vector<size_t> apart = tellingApart(outer);
    if (apart.empty())
      pivot.refuseTwice(
          "give the columns that tell them apart with --rows and --columns, or others with --select COLUMN=LABEL or "
          "--reduce COLUMN=mean");
    outer.insert(outer.end(), apart.begin(), apart.end());
    std::vector<std::string> names;
    for (const size_t at : apart) names.push_back("'" + escaped(nameOf(at)) + "'");
    notes.push_back(
        fmt::format("{}: lines also differ in {}: an axis each, for --select, --reduce (default: mean) or "
                    "--group",
                    escapedPath(file_), listed(names)));
    Pivot wider = pivotOf(outer);
    fill(wider, outer);
    return wider.table(notes);
  }

 private:
  std::string nameOf(size_t column) const { return std::string(trimmed(header_.cells[column])); }
  bool isOther(size_t column) const {
    return column != columns_.row && column != columns_.column && column != columns_.value;
  }
  Pivot pivotOf(const std::vector<size_t>& outer) const {
    std::vector<std::string> names;
    for (const size_t at : outer) names.push_back(nameOf(at));
    return {file_, options_.rows, options_.columns, names};
  }

  /// Calls `visit` with each line below the first, until it returns false.
  void eachLine(const std::function<bool(const Record&)>& visit) const {
    RecordReader reader(text_, separator_, file_);
    Record record;
    for (bool first = true; reader.next(record);) {
      if (record.cells.size() == 1 && record.cells[0].empty()) continue;
      if (std::exchange(first, false)) continue;
      if (record.cells.size() != header_.cells.size())
        badInput(file_, fmt::format("line {} has {} cells, the first line has {}", record.line, record.cells.size(),
                                    header_.cells.size()));
      if (!visit(record)) return;
    }
  }

  /// False where a cell is listed twice.
  bool fill(Pivot& pivot, const std::vector<size_t>& outer) const {
    bool once = true;
    std::vector<std::string> labels(outer.size());
    eachLine([&](const Record& record) {
      const std::string& text = record.cells[columns_.value];
      const auto value = tableNumber(text);
      if (!value)
        badInput(file_, fmt::format("line {}, column '{}': '{}' is not a number", record.line,
                                    escaped(header_.cells[columns_.value]), escaped(text, 40)));
      for (size_t i = 0; i < outer.size(); ++i) labels[i] = trimmed(record.cells[outer[i]]);
      once = pivot.add(std::string(trimmed(record.cells[columns_.row])),
                       std::string(trimmed(record.cells[columns_.column])), labels, *value, record.line);
      return once;
    });
    if (once && pivot.empty()) badInput(file_, "no cells: there are no lines below the first");
    return once;
  }

  /// Columns beside `outer` that tell apart what meets in one cell; empty where there are none, or where they would
  /// make a grid that is hardly filled, as columns of measured numbers do.
  std::vector<size_t> tellingApart(const std::vector<size_t>& outer) const {
    std::vector<size_t> others;
    for (size_t at = 0; at < header_.cells.size(); ++at) {
      const bool named = columnNamed(header_, nameOf(at)) == at;  // the first of its name, and not without one
      if (named && isOther(at) && std::find(outer.begin(), outer.end(), at) == outer.end()) others.push_back(at);
    }
    LabelColumns lines(2 + outer.size() + others.size());
    eachLine([&](const Record& record) {
      std::vector<std::string_view> labels = {trimmed(record.cells[columns_.row]),
                                              trimmed(record.cells[columns_.column])};
      for (const size_t at : outer) labels.push_back(trimmed(record.cells[at]));
      for (const size_t at : others) labels.push_back(trimmed(record.cells[at]));
      lines.add(labels);
      return true;
    });
    std::vector<size_t> out;
    for (const size_t column : lines.tellingApart(2 + outer.size())) out.push_back(others[column - 2 - outer.size()]);
    return out;
  }

  std::string_view text_;
  char separator_;
  const std::string& file_;
  const OpenOptions& options_;
  const Record& header_;
  CellColumns columns_;
};

}  // namespace

bool listsCells(const Record& header, const OpenOptions& options) {
  return !options.value.empty() ||
         (options.rows != options.columns && columnNamed(header, options.rows) && columnNamed(header, options.columns));
}

Table tableOfList(std::string_view text, char separator, const std::string& file, const Record& header,
                  const OpenOptions& options, std::vector<std::string>& notes) {
  return List(text, separator, file, header, options).table(notes);
}

}  // namespace divlens
