#include "app/view_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "dump/escape.h"
#include "error.h"

namespace divlens {
namespace {

constexpr unsigned kViewSections = kPlanSection | kFigureSection | kDeviceSection | kCommonSection;

/// "--metric" of "-m,--metric".
std::string_view longName(const OptionRow& row) {
  const std::string_view names = row.names;
  return names.substr(names.find("--"));
}

const OptionRow& rowNamed(std::string_view name) {
  for (const OptionRow& row : optionRows())
    if ((row.section & kViewSections) != 0 && longName(row) == name) return row;
  throw Error(Exit::Usage, fmt::format("{}: no option of divlens view", escaped(std::string(name))));
}

std::vector<std::string> wordsOf(const GivenOption& option) {
  const std::string name(longName(*option.row));
  const char* value = option.row->value;
  if (value == nullptr || (value[0] == '[' && option.text.empty())) return {name};
  // A value that looks like an option, or may be left out, must be tied to its name.
  if (value[0] == '[' || option.text.empty() || option.text[0] == '-') return {name + "=" + option.text};
  return {name, option.text};
}

bool plainWord(const std::string& word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_=.,:/+%@").find(c) != std::string_view::npos;
  });
}

}  // namespace

bool ViewOptions::has(std::string_view name) const { return !all(name).empty(); }

std::string ViewOptions::get(std::string_view name) const {
  const std::vector<std::string> texts = all(name);
  return texts.empty() ? "" : texts.back();
}

std::vector<std::string> ViewOptions::all(std::string_view name) const {
  std::vector<std::string> texts;
  for (const GivenOption& option : settings_.given)
    if (longName(*option.row) == name) texts.push_back(option.text);
  return texts;
}

void ViewOptions::setAll(std::string_view name, const std::vector<std::string>& texts) {
  const OptionRow& row = rowNamed(name);
  std::vector<GivenOption> given;
  bool placed = false;
  const auto place = [&] {
    for (const std::string& text : texts) given.push_back({&row, text});
    placed = true;
  };
  for (const GivenOption& option : settings_.given) {
    if (option.row != &row)
      given.push_back(option);
    else if (!placed)
      place();
  }
  if (!placed) place();
  apply(given);
}

void ViewOptions::replace(const std::vector<std::string>& words) {
  std::vector<GivenOption> given;
  for (size_t i = 0; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    const OptionRow& row = rowNamed(words[i].substr(0, equals));
    std::string text;
    if (equals != std::string::npos)
      text = words[i].substr(equals + 1);
    else if (row.value != nullptr && row.value[0] != '[' && i + 1 < words.size())
      text = words[++i];
    given.push_back({&row, std::move(text)});
  }
  apply(given);
}

void ViewOptions::apply(const std::vector<GivenOption>& given) {
  Settings fresh;
  fresh.command = settings_.command;
  fresh.dumps = settings_.dumps;
  for (const GivenOption& option : given) give(fresh, *option.row, option.text);
  settings_ = std::move(fresh);
}

std::vector<std::string> ViewOptions::words() const {
  std::vector<std::string> out;
  for (const GivenOption& option : settings_.given) {
    if (option.row->section == kCommonSection) continue;
    for (std::string& word : wordsOf(option)) out.push_back(std::move(word));
  }
  return out;
}

std::string ViewOptions::planKey() const {
  std::vector<std::string> out = settings_.dumps;
  // Onsets are found in the cells; those that --ci-mask hides are masked in the grid.
  const auto ofCells = [](const OptionRow& row) {
    if (longName(row) == "--ci-mask") return true;
    return (row.section & (kPlanSection | kDeviceSection)) != 0 && longName(row) != "--onset" &&
           longName(row) != "--persist";
  };
  for (const GivenOption& option : settings_.given)
    if (ofCells(*option.row))
      for (std::string& word : wordsOf(option)) out.push_back(std::move(word));
  return fmt::format("{}", fmt::join(out, "\n"));
}

std::string shellLine(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    if (plainWord(word)) {
      line += word;
      continue;
    }
    line += '\'';
    for (const char c : word) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += '\'';
  }
  return line;
}

}  // namespace divlens
