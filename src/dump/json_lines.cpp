// Logs of training as JSON lines: an object a line; or as one JSON document that holds a list of them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "dump/escape.h"
#include "dump/fault.h"
#include "dump/formats.h"
#include "dump/json.h"
#include "dump/records.h"
#include "dump/table.h"
#include "suggest.h"

namespace divlens {
namespace {

using Json = nlohmann::json;

// What frameworks call the step, in the order in which it is looked for.
constexpr std::array<const char*, 6> kSteps = {"step", "global_step", "_step", "iteration", "iter", "epoch"};

/// Python writes NaN, Infinity and -Infinity, which JSON does not know: they become texts.
std::string withoutBareWords(std::string_view line) {
  constexpr std::array<std::string_view, 3> kWords = {"NaN", "-Infinity", "Infinity"};
  std::string out;
  bool inText = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') inText = !inText;
    if (inText && line[i] == '\\' && i + 1 < line.size()) out += line[i++];
    const auto word = std::find_if(kWords.begin(), kWords.end(),
                                   [&](std::string_view w) { return !inText && line.substr(i).starts_with(w); });
    if (word == kWords.end()) {
      out += line[i];
      continue;
    }
    out += fmt::format("\"{}\"", *word);
    i += word->size() - 1;
  }
  return out;
}

/// The number that a value is; nothing for texts that are none ("none" may be an option's name), true and false, and
/// what holds others.
std::optional<double> numberOf(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_null()) return std::numeric_limits<double>::quiet_NaN();
  if (!value.is_string() || value.get_ref<const std::string&>().empty()) return {};
  const std::string& text = value.get_ref<const std::string&>();
  const auto number = tableNumber(text);
  const bool word = number && std::isnan(*number) && text != "NaN" && text != "nan";
  return word ? std::nullopt : number;
}

std::string labelOf(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

/// What an object holds under a key, or a list under a number; null where there is no such thing.
const Json* child(const Json& value, const std::string& key) {
  if (value.is_object()) {
    const auto found = value.find(key);
    return found == value.end() ? nullptr : &*found;
  }
  for (size_t i = 0; value.is_array() && i < value.size(); ++i)
    if (std::to_string(i) == key) return &value[i];
  return nullptr;
}

/// The same for "outer.inner" too.
const Json* under(const Json& value, const std::string& key) {
  if (const Json* found = child(value, key)) return found;
  for (size_t dot = key.find('.'); dot != key.npos; dot = key.find('.', dot + 1)) {
    const Json* outer = child(value, key.substr(0, dot));
    const Json* found = outer ? under(*outer, key.substr(dot + 1)) : nullptr;
    if (found) return found;
  }
  return nullptr;
}

/// Calls `visit` with the name and value of each number in a value, those further inside as "outer.inner".
void eachNumber(const std::string& name, const Json& value,
                const std::function<void(const std::string&, double)>& visit) {
  if (const auto number = numberOf(value)) return visit(name, *number);
  const std::string prefix = name.empty() ? "" : name + ".";
  if (value.is_object())
    for (const auto& [key, inner] : value.items()) eachNumber(prefix + key, inner, visit);
  if (value.is_array())
    for (size_t i = 0; i < value.size(); ++i) eachNumber(prefix + std::to_string(i), value[i], visit);
}

/// What the lines say, and under which keys.
class Log {
 public:
  Log(const std::string& file, const OpenOptions& options) : file_(file), options_(options) {}

  /// Once for each line, before any is added: the key of the rows may come late.
  void note(const Json& object) {
    for (const auto& [key, value] : object.items())
      if (known_.insert(key).second) keys_.push_back(escaped(key));
    rowsFound_ = rowsFound_ || under(object, options_.rows) != nullptr;
    for (const std::string& key : options_.outer)
      if (const Json* const at = under(object, key); at != nullptr && !at->is_structured()) outerFound_.insert(key);
  }

  void add(const nlohmann::ordered_json& ordered, size_t line) {
    const Json object = ordered;
    if (pivot_ == nullptr) choose();
    const std::string row = rowKey_.empty() ? std::to_string(line - 1) : rowOf(object, line);
    if (row.empty()) return;
    if (!options_.value.empty()) {
      const Json* const value = under(object, options_.value);
      if (value == nullptr) return;  // other lines of the log
      found_ = true;
      const Json* const column = options_.columns.empty() ? nullptr : under(object, options_.columns);
      const auto visit = [&](const std::string& name, double number) { addCell(object, row, name, number, line); };
      if (column != nullptr) return eachNumber(labelOf(*column), *value, visit);
      return eachNumber(value->is_structured() ? "" : options_.value, *value, visit);
    }
    for (const auto& [key, value] : ordered.items()) {
      if (key == rowKey_ || outerFound_.contains(key)) continue;
      eachNumber(key, value, [&](const std::string& name, double number) {
        if (name != rowKey_) addCell(object, row, name, number, line);
      });
    }
  }

  Dump dump(const ByteSource& source) const {
    std::vector<std::string> notes;
    Dump out = dumpOfTable(source, table(notes));
    out.notes = std::move(notes);
    return out;
  }

 private:
  Table table(std::vector<std::string>& notes) const {
    if (!options_.value.empty() && !found_) failKey("--value", options_.value);
    if (pivot_ == nullptr || pivot_->empty()) badInput(file_, "no numbers in its lines");
    if (skipped_ > 0)
      notes.push_back(
          fmt::format("{}: {} lines have no '{}' and are left out", escapedPath(file_), skipped_, escaped(rowKey_)));
    return pivot_->table(notes);
  }

  [[noreturn]] void failKey(const char* option, const std::string& key) const {
    const std::string guess = didYouMean(escaped(key), keys_);
    throw Error(Exit::Usage, fmt::format("{}: no line has the key '{}' ({}){} its keys: {}", escapedPath(file_),
                                         escaped(key), option, guess.empty() ? ";" : guess, listed(keys_)));
  }

  void choose() {
    rowKey_ = options_.rows;
    if (!rowKey_.empty() && !rowsFound_) failKey("--rows", rowKey_);
    for (const char* key : kSteps)
      if (rowKey_.empty() && known_.contains(key)) rowKey_ = key;
    for (const std::string& key : options_.outer)
      if (outerFound_.contains(key) && key != rowKey_ && key != options_.columns && key != options_.value)
        outer_.push_back(key);
    pivot_ = std::make_unique<Pivot>(file_, rowKey_.empty() ? "line" : rowKey_,
                                     options_.columns.empty() ? "column" : options_.columns, outer_);
  }

  void addCell(const Json& object, const std::string& row, const std::string& column, double value, size_t line) {
    std::vector<std::string> labels;
    for (const std::string& key : outer_) {
      const Json* const at = under(object, key);
      labels.push_back(at == nullptr || at->is_structured() ? "" : labelOf(*at));
    }
    if (!pivot_->add(row, column, labels, value, line))
      pivot_->refuseTwice(
          "name the key that tells them apart with --rows or --columns, or with --select KEY=LABEL or --reduce "
          "KEY=mean");
  }

  std::string rowOf(const Json& object, size_t line) {
    const Json* const at = under(object, rowKey_);
    if (at == nullptr) {
      ++skipped_;
      return "";
    }
    if (at->is_structured()) badInput(file_, fmt::format("line {}: '{}' is no label", line, escaped(rowKey_)));
    return labelOf(*at);
  }

  const std::string& file_;
  const OpenOptions& options_;
  std::set<std::string> known_;
  std::vector<std::string> keys_;  // for messages
  std::string rowKey_;
  bool rowsFound_ = false;
  std::set<std::string> outerFound_;
  std::vector<std::string> outer_;  // keys of further axes
  std::unique_ptr<Pivot> pivot_;
  size_t skipped_ = 0;
  bool found_ = false;
};

/// The list of objects that a document is, or holds under some key (log_history of Hugging Face's trainer_state.json).
nlohmann::ordered_json listIn(nlohmann::ordered_json document, const std::string& file) {
  const auto isList = [](const nlohmann::ordered_json& value) {
    return value.is_array() && !value.empty() &&
           std::all_of(value.begin(), value.end(), [](const auto& each) { return each.is_object(); });
  };
  if (isList(document)) return document;
  std::vector<nlohmann::ordered_json> lists;
  if (document.is_object()) std::copy_if(document.begin(), document.end(), std::back_inserter(lists), isList);
  if (lists.size() != 1)
    badInput(file, "a JSON document that is no log: neither a list of objects nor one that holds one such list");
  return std::move(lists.front());
}

}  // namespace

Dump openJsonLines(const std::shared_ptr<const ByteSource>& source, const OpenOptions& options) {
  const std::string text = readText(*source);
  const std::string& file = source->name();
  Log log(file, options);
  const auto eachLine = [&](const std::function<void(std::string_view, size_t)>& visit) {
    size_t number = 0;
    for (size_t start = 0; start < text.size();) {
      const size_t end = std::min(text.find('\n', start), text.size());
      const std::string_view line = std::string_view(text).substr(start, end - start);
      start = end + 1;
      ++number;
      if (line.find_first_not_of(" \t\r") != std::string_view::npos) visit(line, number);
    }
  };
  if (hasSuffix(file, ".json")) {
    parseJson(withoutBareWords(text), file);
    const auto list = listIn(nlohmann::ordered_json::parse(withoutBareWords(text)), file);
    for (const auto& each : list) log.note(each);
    for (size_t i = 0; i < list.size(); ++i) log.add(list[i], i + 1);
    return log.dump(*source);
  }
  eachLine([&](std::string_view line, size_t number) {
    const Json checked = parseJson(withoutBareWords(line), fmt::format("{}: line {}", file, number));
    if (!checked.is_object()) badInput(file, fmt::format("line {} is no JSON object", number));
    log.note(checked);
  });
  eachLine([&](std::string_view line, size_t number) {
    log.add(nlohmann::ordered_json::parse(withoutBareWords(line)), number);
  });
  return log.dump(*source);
}

}  // namespace divlens
