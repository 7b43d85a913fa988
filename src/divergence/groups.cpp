#include "divergence/groups.h"

#include <fmt/format.h>

#include <charconv>

#include "dump/escape.h"
#include "dump/records.h"
#include "error.h"

namespace divlens {
namespace {

/// Positions that a first cell means: all entries with that label, else the one at that position.
std::vector<size_t> positionsOf(const Axis& axis, const std::string& text) {
  std::vector<size_t> found;
  for (size_t i = 0; i < axis.labels.size(); ++i)
    if (axis.labels[i] == text) found.push_back(i);
  int64_t position = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), position);
  if (found.empty() && error == std::errc() && end == text.data() + text.size() && position >= 0 &&
      position < axis.length)
    found.push_back(size_t(position));
  return found;
}

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw Error(Exit::BadInput,
              fmt::format("--groups {}: {}; each line is LABEL,GROUP (or POSITION,GROUP), after a header AXIS,group",
                          escapedPath(path), why));
}

}  // namespace

void readGroups(Tensor& cells, const std::string& axisName, const std::string& path) {
  const std::string text = readText(*openFile(path));
  RecordReader reader(text, ',', path);
  Record record;
  std::string name = axisName;
  std::vector<Record> lines;
  while (reader.next(record)) {
    if (record.cells.size() != 2)
      fail(path, fmt::format("line {} has {} cells, not 2", record.line, record.cells.size()));
    const bool header = lines.empty() && record.line == 1 && cells.axisIndex(record.cells[0]) >= 0;
    header ? void(name = record.cells[0]) : lines.push_back(record);
  }
  const int index = name.empty() ? -1 : cells.axisIndex(name);
  if (index < 0) fail(path, "it names no axis of the cells in its header, and --group none either");
  Axis& axis = cells.axes[size_t(index)];
  axis.groups.assign(size_t(axis.length), "");
  for (const Record& line : lines) {
    const std::vector<size_t> positions = positionsOf(axis, line.cells[0]);
    if (positions.empty())
      fail(path, fmt::format("line {}: axis '{}' has no entry '{}'", line.line, escaped(name), escaped(line.cells[0])));
    for (const size_t position : positions) {
      std::string& group = axis.groups[position];
      if (!group.empty() && group != line.cells[1])
        fail(path, fmt::format("line {}: '{}' is in group '{}' already, and cannot be in '{}' as well", line.line,
                               escaped(line.cells[0]), escaped(group), escaped(line.cells[1])));
      group = line.cells[1];
    }
  }
  for (size_t i = 0; i < axis.groups.size(); ++i)
    if (axis.groups[i].empty())
      fail(path, fmt::format("entry '{}' of axis '{}' has no group", escaped(axis.label(int64_t(i))), escaped(name)));
}

}  // namespace divlens
