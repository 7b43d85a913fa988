// Folders as dumps: checkpoints as Hugging Face writes them, and files side by side (--stack).
#include "dump/folder.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "dump/escape.h"
#include "dump/fault.h"
#include "dump/formats.h"
#include "dump/json.h"
#include "dump/presets.h"
#include "dump/stack.h"
#include "suggest.h"

namespace divlens {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostFiles = 100'000;
constexpr std::string_view kReadable[] = {".safetensors", ".gguf", ".npy", ".npz", ".csv", ".tsv"};

std::string joined(const std::string& folder, const std::string& name) {
  return folder.empty() || folder.ends_with('/') ? folder + name : folder + "/" + name;
}

bool exists(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0;
}

bool isFolder(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

/// Names in a folder, sorted; Error(BadInput) with the reason where it cannot be listed.
std::vector<std::string> namesIn(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> out;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    out.push_back(at->path().filename().string());
    if (out.size() > kMostFiles) badInput(folder, fmt::format("holds more than {} files", kMostFiles));
  }
  if (error) badInput(folder, fmt::format("cannot be listed: {}", error.message()));
  std::sort(out.begin(), out.end());
  return out;
}

/// Each file of a stack stays open: as many as the system lets one process have.
void allowOpenFiles() {
  struct rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

struct Found {
  std::string path;
  std::vector<PatternValue> values;
};

/// Files and folders below `folder` that fit the pattern, level by level.
std::vector<Found> filesThatFit(const std::string& folder, const NamePattern& pattern) {
  const std::string& text = pattern.text();
  const auto depth = static_cast<size_t>(std::count(text.begin(), text.end(), '/'));
  std::vector<std::string> level = {""};
  std::vector<Found> out;
  for (size_t i = 0; i <= depth; ++i) {
    std::vector<std::string> next;
    for (const std::string& below : level) {
      for (const std::string& name : namesIn(joined(folder, below))) next.push_back(joined(below, name));
    }
    std::erase_if(next, [&](const std::string& name) { return i < depth && !isFolder(joined(folder, name)); });
    level = std::move(next);
    if (level.size() > kMostFiles) badInput(folder, fmt::format("holds more than {} files", kMostFiles));
  }
  for (const std::string& name : level) {
    if (auto values = pattern.match(name)) out.push_back({joined(folder, name), std::move(*values)});
  }
  if (out.empty()) {
    std::vector<std::string> names;
    for (const std::string& name : level) names.push_back(escaped(name));
    const std::string guess = nearest(pattern.sample(), names);
    throw Error(Exit::Usage, fmt::format("{}: no file fits --stack '{}'; {}there are: {}", escapedPath(folder),
                                         escaped(text), guess.empty() ? "" : fmt::format("nearest: '{}'; ", guess),
                                         names.empty() ? "none at that depth" : listed(names)));
  }
  return out;
}

/// "layer_0.npy" → "layer_{layer}.npy": what --stack could be for names that differ by a number.
std::string suggestedStack(const std::vector<std::string>& names) {
  std::map<std::string, size_t> counts;
  for (const std::string& name : names) {
    const size_t first = name.find_first_of("0123456789");
    if (first == std::string::npos) continue;
    const size_t last = name.find_first_not_of("0123456789", first);
    std::string word = name.substr(0, first);
    while (!word.empty() && !std::isalpha(static_cast<unsigned char>(word.back()))) word.pop_back();
    const size_t start = word.find_last_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    word = start == std::string::npos ? word : word.substr(start + 1);
    ++counts[fmt::format("{}{{{}}}{}", name.substr(0, first), word.empty() ? "layer" : word,
                         last == std::string::npos ? "" : name.substr(last))];
  }
  const auto most =
      std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == counts.end() || most->second < 2 ? "" : most->first;
}

std::string jsonString(const nlohmann::json& json, const char* key) {
  const auto at = json.is_object() ? json.find(key) : json.end();
  return at != json.end() && at->is_string() ? at->get<std::string>() : "";
}

/// Weights that are stored once and used twice have both their names.
void nameTied(Dump& dump, const nlohmann::json& config) {
  const auto tied = config.is_object() ? config.find("tie_word_embeddings") : config.end();
  if (tied == config.end() || !tied->is_boolean() || !tied->get<bool>() || dump.find("lm_head.weight")) return;
  const Tensor* embedding = dump.find("model.embed_tokens.weight");
  if (embedding == nullptr) return;
  Tensor head = *embedding;
  head.name = "lm_head.weight";
  dump.tensors.push_back(std::move(head));
}

/// "model llama, 30 layers, width 576, vocabulary 49152, bfloat16": what config.json says under its usual names.
std::string configText(const nlohmann::json& config) {
  const auto text = config.find("text_config");  // of a model that sees, too
  const nlohmann::json& inner = text != config.end() && text->is_object() ? *text : config;
  const auto first = [&](std::initializer_list<const char*> keys) -> std::string {
    for (const nlohmann::json* from : {&config, &inner})
      for (const char* key : keys) {
        const auto at = from->find(key);
        if (at != from->end() && (at->is_string() || at->is_number_integer()))
          return at->is_string() ? at->get<std::string>() : at->dump();
      }
    return "";
  };
  const std::pair<std::string, const char*> facts[] = {
      {first({"model_type"}), "model {}"},
      {first({"num_hidden_layers", "n_layer", "num_layers", "n_layers"}), "{} layers"},
      {first({"hidden_size", "n_embd", "d_model"}), "width {}"},
      {first({"vocab_size"}), "vocabulary {}"},
      {first({"torch_dtype", "dtype"}), "{}"}};
  std::string out;
  for (const auto& [value, format] : facts)
    if (!value.empty()) out += (out.empty() ? "" : ", ") + fmt::format(fmt::runtime(format), value);
  return out;
}

/// Applies the preset of the model's type, or the one that finds the most; none: the tensors stay as they are.
void applyPreset(Dump& dump, const nlohmann::json& config, OpenOptions options) {
  const std::string type = jsonString(config, "model_type");
  const Preset* preset = presetOfModel(type);
  if (preset == nullptr || patternsFor(*preset, dump.tensors).empty()) preset = presetThatFits(dump.tensors);
  if (preset == nullptr) {
    const auto quantised = config.is_object() ? config.find("quantization_config") : config.end();
    const std::string method = quantised != config.end() ? jsonString(*quantised, "quant_method") : "";
    dump.notes.push_back(
        method.empty() ? fmt::format("{}: no preset fits the names of this {} model; say which tensors make the grid "
                                     "with --pattern",
                                     escapedPath(dump.path), type.empty() ? "" : escaped(type))
                       : fmt::format("{}: the checkpoint is quantised ({}), and its weights are not read; convert it "
                                     "to BF16, F16 or F32 first",
                                     escapedPath(dump.path), escaped(method)));
    return;
  }
  options.patterns = {preset->name};
  applyPatterns(dump, options);
}

/// The file that a folder stands for; empty where there is none or no telling which.
std::string onlyFile(const std::string& path, const std::vector<std::string>& names) {
  const auto has = [&](const char* name) { return std::find(names.begin(), names.end(), name) != names.end(); };
  if (has("model.safetensors")) return "model.safetensors";
  std::vector<std::string> indices, readable;
  for (const std::string& name : names) {
    if (hasSuffix(name, ".safetensors.index.json")) indices.push_back(name);
    const auto fits = [&](std::string_view suffix) { return hasSuffix(name, suffix); };
    if (std::any_of(std::begin(kReadable), std::end(kReadable), fits) && !isFolder(joined(path, name)))
      readable.push_back(name);
  }
  if (indices.size() == 1) return indices.front();
  return readable.size() == 1 && indices.empty() ? readable.front() : "";
}

Dump openCheckpoint(const std::string& path, const OpenOptions& options) {
  const std::vector<std::string> names = namesIn(path);
  const std::string file = onlyFile(path, names);
  if (file.empty()) {
    const std::string stack = suggestedStack(names);
    const auto pickled = std::find_if(names.begin(), names.end(), [](const std::string& name) {
      return hasSuffix(name, ".bin") || hasSuffix(name, ".pt") || hasSuffix(name, ".pth");
    });
    if (stack.empty() && pickled != names.end()) return openDumpFile(joined(path, *pickled), options);
    badInput(path, names.empty() ? std::string("the folder is empty")
                   : stack.empty()
                       ? fmt::format("a folder that holds neither a checkpoint (model.safetensors or its index) nor "
                                     "one dump; name a file in it, or put several side by side with --stack; it "
                                     "holds: {}",
                                     listed(names))
                       : fmt::format("the folder holds several files; put them side by side with --stack '{}', or "
                                     "name one of them",
                                     escaped(stack)));
  }
  allowOpenFiles();
  Dump dump = openDumpFile(joined(path, file), options);
  dump.path = path;
  const std::string configPath = joined(path, "config.json");
  if (!exists(configPath)) return dump;
  const nlohmann::json config = readJson(*openFile(configPath));
  if (dump.source.empty() && config.is_object()) dump.source = configText(config);
  nameTied(dump, config);
  if (options.patterns.empty()) applyPreset(dump, config, options);
  return dump;
}

/// Every tensor of the files that fit, side by side. What each file names once is the same tensor, whatever its name.
Dump stackFiles(const std::string& path, const OpenOptions& options) {
  const NamePattern pattern = NamePattern::parse(options.stack, "--stack");
  allowOpenFiles();
  OpenOptions inner = options;
  inner.stack.clear();
  Dump out;
  out.path = path;
  std::vector<std::string> order;
  std::map<std::string, std::vector<StackEntry>> byName;
  std::vector<Found> files = filesThatFit(path, pattern);
  std::vector<Dump> dumps;
  for (const Found& file : files) dumps.push_back(openDump(file.path, inner));
  const bool single = std::all_of(dumps.begin(), dumps.end(), [](const Dump& d) { return d.tensors.size() == 1; });
  for (size_t i = 0; i < dumps.size(); ++i) {
    Dump& dump = dumps[i];
    for (Tensor& tensor : dump.tensors) {
      // Beside a stack of a checkpoint its other tensors (embeddings, norms) are no cells.
      if (!dump.preferred.empty() && tensor.name != dump.preferred) continue;
      const std::string name = single ? pattern.literal() : tensor.name;
      if (!byName.contains(name)) order.push_back(name);
      std::string where = fmt::format("{}: tensor '{}'", escapedPath(files[i].path), escaped(tensor.name));
      byName[name].push_back({std::move(tensor), files[i].values, 0, std::move(where)});
    }
    if (i == 0) {
      out.format = dump.format;
      out.title = dump.title;
      out.source = dump.source;
      out.preferred = dump.preferred;
    }
    out.bytes += dump.bytes;
    for (std::string& note : dump.notes) out.notes.push_back(std::move(note));
    for (std::string& warning : dump.warnings) out.warnings.push_back(std::move(warning));
  }
  for (const std::string& name : order) {
    const std::vector<StackEntry>& entries = byName[name];
    const StackLayout layout = layOut(pattern.variables(), entries);
    const Kind kind = entries.front().tensor.kind;
    const bool whole = kind == Kind::Weights || options.wholeTensors;
    Tensor tensor = whole ? stackWhole(name, layout, entries) : stackEqual(name, layout, entries);
    if (!whole && tensor.axes.empty()) nameGuessed(tensor, layout.axes, name + " " + entries.front().tensor.name);
    int64_t known = 0;
    for (const StackEntry& entry : entries) known += whole && entry.tensor.stack ? entry.tensor.stack->holes : 0;
    if (whole && layout.holes == 0 && tensor.stack->holes > known)
      out.notes.push_back(fmt::format("{}: some of the files lack tensors that others have: {} of {} cells are NaN",
                                      escapedPath(path), tensor.stack->holes, tensor.stack->partOf.size()));
    if (layout.holes > 0) {
      out.notes.push_back(fmt::format("{}: {} of {} files are missing from tensor '{}': their cells are NaN",
                                      escapedPath(path), layout.holes, layout.entryOf.size(), escaped(name)));
    }
    out.tensors.push_back(std::move(tensor));
  }
  return out;
}

}  // namespace

Dump openFolder(const std::string& path, const OpenOptions& options) {
  return options.stack.empty() ? openCheckpoint(path, options) : stackFiles(path, options);
}

}  // namespace divlens
