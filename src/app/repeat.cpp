#include "app/repeat.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <string_view>

#include "app/from_picture.h"
#include "dump/dump.h"

namespace divlens {
namespace {

std::string lastName(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path.substr(path.rfind('/') + 1);
}

std::string dumpWithoutFolder(const std::string& word) {
  const DumpName name = splitDumpName(word);
  return lastName(name.path) + (name.tensor.empty() ? "" : ":" + name.tensor);
}

/// What an option's value says, by the word that the help has for it.
std::string valueWithoutFolder(const OptionRow& row, const std::string& value) {
  constexpr std::array<std::string_view, 5> kPaths = {"FILE", "FOLDER", "PICTURE", "OUT", "MAP"};
  constexpr std::array<std::string_view, 4> kTakesList = {"--metric", "--xticklabels", "--yticklabels",
                                                          "--panel-labels"};
  const std::string_view kind = row.value;
  const std::string_view names = row.names;
  constexpr std::string_view kFile = "file:";
  if (kind == "FILE:TENSOR") return dumpWithoutFolder(value);
  if (names == "--reference" && value.starts_with(kFile))
    return std::string(kFile) + dumpWithoutFolder(value.substr(kFile.size()));
  if (std::find(kTakesList.begin(), kTakesList.end(), names) != kTakesList.end())
    return value.starts_with('@') ? "@" + lastName(value.substr(1)) : value;
  return std::find(kPaths.begin(), kPaths.end(), kind) == kPaths.end() ? value : lastName(value);
}

const OptionRow* optionNamed(std::string_view name) {
  for (const OptionRow& row : optionRows()) {
    std::string_view names = row.names;
    while (!names.empty()) {
      const std::string_view one = names.substr(0, names.find(','));
      if (one == name) return &row;
      names.remove_prefix(std::min(names.size(), one.size() + 1));
    }
  }
  return nullptr;
}

/// One option or other word of a command line.
struct Item {
  const OptionRow* row = nullptr;  ///< null: a command, a dump, or a flag that no table knows
  std::string name;                ///< of the option as it was given
  std::string text;                ///< its value, or the word
  bool valued = false, joined = false;
  std::vector<std::string> words() const {
    if (!row) return {text};
    if (!valued) return {name};
    if (!joined) return {name, text};
    return {name + (name.starts_with("--") ? "=" : "") + text};
  }
};

std::vector<Item> itemsOf(const std::vector<std::string>& arguments) {
  std::vector<Item> items;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    const bool isLong = word.starts_with("--"), isShort = !isLong && word.size() > 1 && word[0] == '-';
    const size_t equals = isLong ? word.find('=') : word.size() > 2 ? size_t{2} : std::string::npos;
    const std::string name = isLong || isShort ? word.substr(0, equals) : "";
    const OptionRow* row = name.empty() ? nullptr : optionNamed(name);
    Item item{.row = row, .name = name, .text = word};
    if (row && equals != std::string::npos) {
      item.text = word.substr(equals + (isLong ? 1 : 0));
      item.valued = item.joined = true;
    } else if (row && row->value && row->value[0] != '[' && i + 1 < arguments.size()) {
      item.text = arguments[++i];
      item.valued = true;
    }
    items.push_back(item);
  }
  return items;
}

bool isThere(const std::string& path) {
  std::error_code failed;
  return std::filesystem::exists(path, failed);
}

}  // namespace

std::vector<std::string> wordsWithoutFolders(const std::vector<std::string>& arguments) {
  std::vector<std::string> out;
  for (Item& item : itemsOf(arguments)) {
    if (!item.row)
      item.text = dumpWithoutFolder(item.text);
    else if (item.valued)
      item.text = valueWithoutFolder(*item.row, item.text);
    for (std::string& word : item.words()) out.push_back(std::move(word));
  }
  return out;
}

std::vector<std::string> shellWords(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool any = false;
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote == 0 && (c == ' ' || c == '\n' || c == '\t')) {
      if (any) words.push_back(std::move(word));
      word.clear();
      any = false;
      continue;
    }
    any = true;
    if (c == quote)
      quote = 0;
    else if (quote == 0 && (c == '\'' || c == '"'))
      quote = c;
    else if (c == '\\' && quote != '\'' && i + 1 < line.size())
      word += line[++i];
    else
      word += c;
  }
  if (any) words.push_back(std::move(word));
  return words;
}

std::vector<std::string> repeatedArguments(const Settings& given) {
  std::vector<std::string> stored = shellWords(commandOfPicture(given.from)), out;
  stored.erase(stored.begin());
  const auto add = [&](const std::vector<std::string>& arguments, const std::function<bool(const Item&)>& wanted) {
    for (const Item& item : itemsOf(arguments))
      if (wanted(item))
        for (std::string& word : item.words()) out.push_back(std::move(word));
  };
  const OptionRow *output = optionNamed("--output"), *format = optionNamed("--format"), *from = optionNamed("--from");
  add(stored, [&](const Item& item) { return item.row == nullptr || (item.row != output && item.row != format); });
  add(given.arguments, [&](const Item& item) { return item.row != nullptr && item.row != from; });
  return out;
}

void findBesidePicture(Settings& settings, const std::string& picture) {
  const std::string folder = picture.substr(0, picture.rfind('/') + 1);
  if (folder.empty()) return;
  const auto find = [&](std::string& path) {
    if (!path.empty() && !isThere(splitDumpName(path).path) && isThere(splitDumpName(folder + path).path))
      path = folder + path;
  };
  for (std::string& dump : settings.dumps) find(dump);
  PlanOptions& plan = settings.plan;
  for (std::string* path :
       {&plan.lens, &plan.tunedLens, &plan.unembed, &plan.groupsFile, &plan.vocabMask, &settings.figure.cmap})
    find(*path);
  FigureOptions& figure = settings.figure;
  for (std::string* list : {&figure.xticklabels, &figure.yticklabels, &figure.panelLabels}) {
    if (!list->starts_with('@')) continue;
    std::string path = list->substr(1);
    find(path);
    *list = "@" + path;
  }
  constexpr std::string_view kFile = "file:";
  if (!plan.reference.starts_with(kFile)) return;
  std::string path = plan.reference.substr(kFile.size());
  find(path);
  plan.reference = std::string(kFile) + path;
}

}  // namespace divlens
