#include "dump/presets.h"

#include <algorithm>

#include "dump/json.h"
#include "dump/pattern.h"
#include "embedded.h"

namespace divlens {
namespace {

constexpr std::string_view kFolder = "presets/";
constexpr std::string_view kSuffix = ".json";

std::vector<std::string> texts(const nlohmann::json& json, const char* key) {
  return json.at(key).get<std::vector<std::string>>();
}

std::vector<Preset> readPresets() {
  std::vector<Preset> out;
  for (const std::string_view file : embeddedNames(kFolder)) {
    if (!file.ends_with(kSuffix)) continue;
    const auto bytes = embedded(file);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const nlohmann::json json = parseJson(text, std::string(file));
    const std::string_view name = file.substr(kFolder.size(), file.size() - kFolder.size() - kSuffix.size());
    out.push_back({std::string(name), texts(json, "models"), texts(json, "prefixes"), texts(json, "patterns"),
                   json.value("weights", true)});
  }
  return out;
}

size_t found(const std::vector<std::string>& patterns, const std::vector<Tensor>& tensors) {
  size_t count = 0;
  for (const std::string& text : patterns) {
    const NamePattern pattern = NamePattern::parse(text, "preset");
    count += static_cast<size_t>(std::count_if(
        tensors.begin(), tensors.end(), [&](const Tensor& tensor) { return pattern.match(tensor.name).has_value(); }));
  }
  return count;
}

}  // namespace

const std::vector<Preset>& presets() {
  static const std::vector<Preset> table = readPresets();
  return table;
}

const Preset* presetNamed(std::string_view name) {
  const auto at = std::find_if(presets().begin(), presets().end(), [&](const Preset& p) { return p.name == name; });
  return at == presets().end() ? nullptr : &*at;
}

const Preset* presetOfModel(std::string_view modelType) {
  for (const Preset& preset : presets()) {
    if (std::find(preset.models.begin(), preset.models.end(), modelType) != preset.models.end()) return &preset;
  }
  return nullptr;
}

const Preset* presetThatFits(const std::vector<Tensor>& tensors) {
  const Preset* best = nullptr;
  size_t most = 0;
  for (const Preset& preset : presets()) {
    const size_t count = found(patternsFor(preset, tensors), tensors);
    if (count > most) best = &preset, most = count;
  }
  return best;
}

std::vector<std::string> patternsFor(const Preset& preset, const std::vector<Tensor>& tensors) {
  for (const std::string& prefix : preset.prefixes) {
    std::vector<std::string> patterns;
    for (const std::string& pattern : preset.patterns) patterns.push_back(prefix + pattern);
    if (found(patterns, tensors) > 0) return patterns;
  }
  return {};
}

}  // namespace divlens
