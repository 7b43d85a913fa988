#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "dump/tensor.h"

namespace divlens {

/// Patterns for the tensors of a family of models, from assets/presets/NAME.json.
struct Preset {
  std::string name;
  std::vector<std::string> models;    ///< values of `model_type` in config.json
  std::vector<std::string> prefixes;  ///< one of them stands before every pattern; the first that finds names is taken
  std::vector<std::string> patterns;
  bool weights;  ///< what they find are weights: each tensor is a cell
};

/// All presets, by name.
const std::vector<Preset>& presets();
/// Null where there is none of that name.
const Preset* presetNamed(std::string_view name);
/// The preset whose `models` list that type, else null.
const Preset* presetOfModel(std::string_view modelType);
/// The preset that finds the most of these tensors, null where none finds any.
const Preset* presetThatFits(const std::vector<Tensor>& tensors);
/// The preset's patterns with the prefix that fits these tensors; empty where none does.
std::vector<std::string> patternsFor(const Preset& preset, const std::vector<Tensor>& tensors);

}  // namespace divlens
