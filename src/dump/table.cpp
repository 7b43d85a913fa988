#include "dump/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "dump/cell_list.h"
#include "dump/escape.h"
#include "dump/fault.h"
#include "dump/formats.h"
#include "dump/records.h"

namespace divlens {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Word {
  std::string_view text;  // lower case
  double value;
};
constexpr std::array<Word, 16> kWords = {{{"", kNaN},
                                          {"nan", kNaN},
                                          {"-nan", kNaN},
                                          {"na", kNaN},
                                          {"<na>", kNaN},
                                          {"n/a", kNaN},
                                          {"#n/a", kNaN},
                                          {"none", kNaN},
                                          {"null", kNaN},
                                          {"inf", kInfinity},
                                          {"+inf", kInfinity},
                                          {"-inf", -kInfinity},
                                          {"infinity", kInfinity},
                                          {"+infinity", kInfinity},
                                          {"-infinity", -kInfinity}}};

/// 0 or infinity, as Python has it: what is too small or too large for a double.
double beyondDouble(std::string_view digits) {
  const size_t exponent = digits.find_first_of("eE");
  const std::string_view mantissa = digits.substr(0, exponent);
  const size_t first = mantissa.find_first_of("123456789"), point = std::min(mantissa.find('.'), mantissa.size());
  if (first == std::string_view::npos) return 0;
  // Of the form ±d.ddd · 10^power; an exponent that no int64_t holds decides alone.
  int64_t power = 0;
  if (exponent != std::string_view::npos) {
    const std::string_view written = digits.substr(exponent + 1);
    const std::string_view plain = written.starts_with('+') ? written.substr(1) : written;
    if (std::from_chars(plain.data(), plain.data() + plain.size(), power).ec != std::errc())
      power = plain.starts_with('-') ? std::numeric_limits<int32_t>::min() : std::numeric_limits<int32_t>::max();
  }
  power += static_cast<int64_t>(point) - static_cast<int64_t>(first);
  return std::copysign(power < 0 ? 0.0 : kInfinity, digits.starts_with('-') ? -1.0 : 1.0);
}

void appendRow(Table& table, const Record& record, size_t firstCell, const std::string& file) {
  if (record.cells.size() != table.columns + firstCell) {
    badInput(file, fmt::format("line {} has {} cells, the first line has {}", record.line, record.cells.size(),
                               table.columns + firstCell));
  }
  for (size_t i = firstCell; i < record.cells.size(); ++i) {
    const auto value = tableNumber(record.cells[i]);
    if (!value) {
      badInput(file, fmt::format("line {}, column {}: '{}' is not a number", record.line, i + 1,
                                 escaped(record.cells[i], 40)));
    }
    table.values.push_back(*value);
  }
  ++table.rows;
}

/// The second column of a table whose first one is called "panel": the rows' labels where compute wrote several panels.
struct SecondColumn {
  std::vector<std::string> cells;
  std::vector<size_t> lines;
};

/// Rows of each panel, where the same rows follow each other under every panel; else 0.
size_t rowsOfPanels(const Table& table, const SecondColumn& second) {
  const std::vector<std::string>& panels = table.rowLabels;
  const auto rows = static_cast<size_t>(
      std::find_if(panels.begin(), panels.end(), [&](const std::string& p) { return p != panels.front(); }) -
      panels.begin());
  if (rows == panels.size() || panels.size() % rows != 0) return 0;
  for (size_t i = 0; i < panels.size(); ++i)
    if (panels[i] != panels[i / rows * rows] || second.cells[i] != second.cells[i % rows]) return 0;
  return rows;
}

/// The panels become an axis, or the second column one of numbers after all.
void placeSecondColumn(Table& table, SecondColumn second, const std::string& file) {
  if (const size_t rows = rowsOfPanels(table, second)) {
    Table::Outer& panels = table.outer.emplace_back(Table::Outer{"panel", {}});
    for (size_t i = 0; i < table.rows; i += rows) panels.labels.push_back(table.rowLabels[i]);
    second.cells.resize(rows);
    table.rowLabels = std::move(second.cells);
    table.rowAxis = trimmed(table.columnLabels.front());
    table.columnLabels.erase(table.columnLabels.begin());
    table.rows = rows;
    return;
  }
  std::vector<double> values;
  for (size_t row = 0; row < table.rows; ++row) {
    const auto value = tableNumber(second.cells[row]);
    if (!value)
      badInput(file, fmt::format("line {}, column 2: '{}' is not a number", second.lines[row],
                                 escaped(second.cells[row], 40)));
    values.push_back(*value);
    const auto rest = table.values.begin() + static_cast<ptrdiff_t>(row * table.columns);
    values.insert(values.end(), rest, rest + static_cast<ptrdiff_t>(table.columns));
  }
  table.values = std::move(values);
  ++table.columns;
}

/// What to do about another separator than the one that the file's name promises; empty where there is none.
std::string separatorHint(const std::string& line, char separator) {
  if (separator == ',' && line.find('\t') != std::string::npos) return "; cells between tabs are read from .tsv files";
  if (separator == '\t' && line.find(',') != std::string::npos)
    return "; cells between commas are read from .csv files";
  if (line.find(';') != std::string::npos) return "; cells stand between commas, and numbers have a decimal point";
  return "";
}

// A first cell that is a number means that there is neither a header nor a column of labels.
Table parse(std::string_view text, char separator, const std::string& file) {
  Table table;
  RecordReader reader(text, separator, file);
  Record record;
  bool first = true;
  bool labelled = true;
  bool panels = false;
  SecondColumn second;
  while (reader.next(record)) {
    const bool blank = record.cells.size() == 1 && record.cells[0].empty();
    if (blank && (first || table.columns + (labelled ? 1 : 0) > 1)) continue;
    if (first) {
      labelled = record.cells[0].empty() || !tableNumber(record.cells[0]);
      table.columns = record.cells.size() - (labelled ? 1 : 0);
      if (table.columns == 0)
        badInput(file, fmt::format("line {}: one cell of text, no columns of numbers{}", record.line,
                                   separatorHint(record.cells[0], separator)));
      first = false;
      if (labelled) {
        if (!trimmed(record.cells[0]).empty()) table.rowAxis = trimmed(record.cells[0]);
        table.columnLabels.assign(record.cells.begin() + 1, record.cells.end());
        panels = table.rowAxis == "panel" && table.columns >= 2;
        if (panels) --table.columns;
        continue;
      }
    }
    appendRow(table, record, panels ? 2 : labelled ? 1 : 0, file);
    if (labelled) table.rowLabels.push_back(record.cells[0]);
    if (!panels) continue;
    second.cells.push_back(record.cells[1]);
    second.lines.push_back(record.line);
  }
  if (table.rows == 0) badInput(file, "no cells: the table has no rows of numbers");
  if (panels) placeSecondColumn(table, std::move(second), file);
  return table;
}

Axis makeAxis(const std::string& axisName, size_t length, std::vector<std::string> labels) {
  Axis axis;
  axis.name = validUtf8(axisName);
  axis.length = static_cast<int64_t>(length);
  axis.labels = std::move(labels);
  for (std::string& label : axis.labels) label = validUtf8(label);
  for (const std::string& label : axis.labels) {
    const auto value = tableNumber(label);
    if (!value || !std::isfinite(*value)) {
      axis.coordinates.clear();
      break;
    }
    axis.coordinates.push_back(*value);
  }
  return axis;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<double> tableNumber(std::string_view cell) {
  const std::string_view text = trimmed(cell);
  for (const Word& word : kWords) {
    const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b; };
    if (std::equal(text.begin(), text.end(), word.text.begin(), word.text.end(), same)) return word.value;
  }
  // from_chars knows no leading plus, and its own words (nan(...)) are not for tables.
  const std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
  if (digits.find_first_not_of("0123456789+-.eE") != std::string_view::npos || text.starts_with("+-") ||
      text.starts_with("++"))
    return {};
  double value = 0;
  const char* const last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, value);
  if (end != last || error == std::errc::invalid_argument) return {};
  return error == std::errc::result_out_of_range ? beyondDouble(digits) : value;
}

Dump dumpOfTable(const ByteSource& source, Table table) {
  Dump dump;
  dump.path = source.name();
  if (table.rowAxis == table.columnAxis) table.rowAxis = "row";  // the name of the other axis
  Tensor tensor;
  tensor.name = stem(dump.path);
  tensor.dtype = DType::F64;
  tensor.dtypeName = info(DType::F64).name;
  tensor.shape = {static_cast<int64_t>(table.rows), static_cast<int64_t>(table.columns)};
  for (size_t i = 0; i < table.outer.size(); ++i) {
    const auto& [axis, labels] = table.outer[i];
    tensor.shape.insert(tensor.shape.begin() + static_cast<ptrdiff_t>(i), static_cast<int64_t>(labels.size()));
    tensor.axes.push_back(makeAxis(axis, labels.size(), labels));
    tensor.axes.back().groups = tensor.axes.back().labels;
  }
  tensor.strides = stridesInC(tensor.shape);
  tensor.kind = Kind::Scalar;
  tensor.axes.push_back(makeAxis(table.rowAxis, table.rows, std::move(table.rowLabels)));
  tensor.axes.push_back(makeAxis(table.columnAxis, table.columns, std::move(table.columnLabels)));
  std::vector<std::byte> bytes(table.values.size() * sizeof(double));
  std::memcpy(bytes.data(), table.values.data(), bytes.size());
  tensor.source = memoryBytes(dump.path, std::move(bytes));
  dump.tensors.push_back(std::move(tensor));
  return dump;
}

Dump openTable(const std::shared_ptr<const ByteSource>& source, const OpenOptions& options) {
  const std::string& file = source->name();
  const std::string text = readText(*source);
  const char separator = hasSuffix(file, ".tsv") ? '\t' : ',';
  RecordReader reader(text, separator, file);
  Record header;
  do {
    if (!reader.next(header)) break;
  } while (header.cells.size() == 1 && header.cells[0].empty());
  if (!listsCells(header, options)) {
    Dump dump = dumpOfTable(*source, parse(text, separator, file));
    if (dump.tensors.front().shape.size() > 2)
      dump.notes.push_back("the table has panels: --group panel draws each of them, --select panel=LABEL one");
    return dump;
  }
  std::vector<std::string> notes;
  Dump dump = dumpOfTable(*source, tableOfList(text, separator, file, header, options, notes));
  dump.notes = std::move(notes);
  return dump;
}

}  // namespace divlens
