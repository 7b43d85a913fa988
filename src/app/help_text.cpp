#include "app/help_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace divlens {
namespace {

constexpr size_t kWidth = 100;
constexpr size_t kIndent = 30;

struct SectionRow {
  unsigned section;
  const char* heading;
};
constexpr SectionRow kSectionTable[] = {
    {kPlanSection, "Plan: what a cell is"},
    {kExplainSection, "The cell and what is shown of it"},
    {kFigureSection, "Figure: how it looks"},
    {kOutputSection, "Output"},
    {kDeviceSection, "Device and budgets"},
    {kBenchSection, "What is measured"},
    {kCommonSection, "Common"},
};

/// Columns that UTF-8 text takes, one for each character.
size_t columns(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

/// `text` broken between words, its lines starting in column `indent`; `used` columns of the first are taken.
std::string wrapped(std::string_view text, size_t indent, size_t used) {
  std::string out;
  size_t column = used;
  while (!text.empty()) {
    const size_t space = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, space);
    text.remove_prefix(std::min(space + 1, text.size()));
    if (column > indent && column + 1 + columns(word) > kWidth) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += columns(word);
  }
  return out;
}

/// "  NAME            what it is", the text wrapped beside the name.
std::string entry(const std::string& name, std::string_view text) {
  const std::string left = "  " + name;
  const size_t taken = columns(left);
  if (taken + 2 > kIndent) return left + "\n" + std::string(kIndent, ' ') + wrapped(text, kIndent, kIndent) + "\n";
  return left + std::string(kIndent - taken, ' ') + wrapped(text, kIndent, kIndent) + "\n";
}

std::string optionName(const OptionRow& row) {
  std::string name = row.names;
  const size_t comma = name.find(',');
  if (comma != std::string::npos) name.insert(comma + 1, " ");
  if (row.value == nullptr) return name;
  return name + (row.value[0] == '[' ? "" : " ") + row.value;
}

std::string sectionHelp(const SectionRow& section) {
  std::string out = fmt::format("\n{}\n", section.heading);
  for (const OptionRow& row : optionRows()) {
    if (row.section == section.section) out += entry(optionName(row), row.help);
  }
  if (section.section == kCommonSection) {
    out += entry("-h, --help", "this text");
    out += entry("--version", "the version");
  }
  return out;
}

std::string nameList(const char* heading, const std::vector<std::string>& names) {
  std::string words;
  for (const std::string& name : names) words += (words.empty() ? "" : " ") + name;
  return fmt::format("\n{}\n  {}\n", heading, wrapped(words, 2, 2));
}

}  // namespace

std::string programHelp() {
  std::string out =
      "divlens: heatmaps of divergences between language-model distributions, on the GPU\n\n"
      "  divlens COMMAND …\n\nCommands\n";
  for (const Command& command : commands()) out += entry(command.name, command.help);
  out += sectionHelp({kCommonSection, "Common"});
  return out +
         "\ndivlens COMMAND --help explains one of them. DUMP is a file or a directory; PATH:TENSOR names a tensor.\n";
}

std::string commandHelp(const Command& command, const HelpLists& lists) {
  std::string out = fmt::format("divlens {} {}\n  {}\n", command.name, command.usage, command.help);
  for (const SectionRow& section : kSectionTable) {
    if ((section.section & command.sections) != 0) out += sectionHelp(section);
  }
  if ((command.sections & kPlanSection) != 0) {
    out += "\nMetrics\n";
    for (const Metric& metric : metrics()) out += entry(metric.name, metric.formula);
    out += "\nStatistics of weights (a cell is a whole tensor) and of hidden rows\n";
    for (const Metric& metric : statistics()) out += entry(metric.name, metric.formula);
  }
  if ((command.sections & kFigureSection) != 0 && lists.colormaps) out += nameList("Colormaps", lists.colormaps());
  return out;
}

}  // namespace divlens
