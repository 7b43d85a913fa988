// --pattern: tensors whose names fit patterns, side by side.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "dump/escape.h"
#include "dump/folder.h"
#include "dump/metadata.h"
#include "dump/presets.h"
#include "dump/stack.h"
#include "error.h"
#include "suggest.h"

namespace divlens {
namespace {

constexpr const char* kOption = "--pattern";

std::vector<std::string> namesOf(const Dump& dump) {
  std::vector<std::string> out;
  for (const Tensor& tensor : dump.tensors) out.push_back(escaped(tensor.name));
  return out;
}

struct Chosen {
  std::vector<NamePattern> patterns;
  std::string preset;
  bool weights = false;  // as the preset says
};

[[noreturn]] void failUnknown(const std::string& text) {
  std::vector<std::string> names;
  for (const Preset& preset : presets()) names.push_back(preset.name);
  const std::string guess = didYouMean(text, names);
  throw Error(Exit::Usage,
              fmt::format("--pattern '{}': neither a pattern with a variable in braces, such as {{layer}}, nor a "
                          "preset{} presets: {}",
                          escaped(text), guess.empty() ? ";" : guess, listed(names)));
}

Chosen chosenPatterns(const Dump& dump, const std::vector<std::string>& texts) {
  Chosen out;
  for (const std::string& text : texts) {
    if (text.find('{') != std::string::npos) {
      out.patterns.push_back(NamePattern::parse(text, kOption));
      continue;
    }
    const Preset* preset = presetNamed(text);
    if (preset == nullptr) failUnknown(text);
    const std::vector<std::string> patterns = patternsFor(*preset, dump.tensors);
    if (patterns.empty()) {
      const std::string sample = NamePattern::parse(preset->patterns.front(), kOption).sample();
      throw Error(
          Exit::Usage,
          fmt::format(
              "{}: none of the preset {}'s patterns ({}, …) finds a tensor{} there are: {}", escapedPath(dump.path),
              text, preset->patterns.front(),
              didYouMean(sample, namesOf(dump)).empty() ? ";" : "; nearest: " + nearest(sample, namesOf(dump)) + ";",
              listed(namesOf(dump))));
    }
    out.preset = text;
    out.weights = preset->weights;
    for (const std::string& pattern : patterns) out.patterns.push_back(NamePattern::parse(pattern, kOption));
  }
  return out;
}

void checkVariables(const std::vector<NamePattern>& patterns) {
  const auto sorted = [](const NamePattern& pattern) {
    return std::set<std::string>(pattern.variables().begin(), pattern.variables().end());
  };
  for (const NamePattern& pattern : patterns) {
    if (sorted(pattern) == sorted(patterns.front())) continue;
    throw Error(Exit::Usage,
                fmt::format("--pattern '{}' and '{}': patterns that join must have the same variables; name a fixed "
                            "entry as {{component:text=label}}",
                            escaped(patterns.front().text()), escaped(pattern.text())));
  }
}

/// Values in the order of the first pattern's variables.
std::vector<PatternValue> reordered(std::vector<PatternValue> values, const NamePattern& from, const NamePattern& to) {
  std::vector<PatternValue> out;
  for (const std::string& name : to.variables()) {
    const auto at = std::find(from.variables().begin(), from.variables().end(), name) - from.variables().begin();
    out.push_back(std::move(values[static_cast<size_t>(at)]));
  }
  return out;
}

/// Alternatives of a pattern of the user's own that no name has: most likely a slip.
void checkAlternatives(const Dump& dump, const Chosen& chosen, const std::vector<StackEntry>& entries) {
  for (size_t p = 0; p < chosen.patterns.size(); ++p) {
    const NamePattern& pattern = chosen.patterns[p];
    const std::vector<std::string>& order = chosen.patterns.front().variables();
    const bool any = std::any_of(entries.begin(), entries.end(), [&](const StackEntry& e) { return e.pattern == p; });
    if (!any && chosen.preset.empty()) {
      const std::string guess = nearest(pattern.sample(), namesOf(dump));
      throw Error(Exit::Usage,
                  fmt::format("{}: no tensor's name fits --pattern '{}';{} there are: {}", escapedPath(dump.path),
                              escaped(pattern.text()), guess.empty() ? "" : fmt::format(" nearest: '{}';", guess),
                              listed(namesOf(dump))));
    }
    for (size_t v = 0; chosen.preset.empty() && v < pattern.variables().size(); ++v) {
      const auto at = std::find(order.begin(), order.end(), pattern.variables()[v]) - order.begin();
      for (const std::string& label : pattern.alternatives(v)) {
        const bool used = std::any_of(entries.begin(), entries.end(), [&](const StackEntry& e) {
          return e.pattern == p && e.values[static_cast<size_t>(at)].label == label;
        });
        if (used) continue;
        throw Error(Exit::Usage, fmt::format("{}: --pattern '{}': no tensor has '{}' for '{}'; there are: {}",
                                             escapedPath(dump.path), escaped(pattern.text()), escaped(label),
                                             escaped(pattern.variables()[v]), listed(namesOf(dump))));
      }
    }
  }
}

/// Matrices of numbered layers that a preset does not know would else be missed without a word.
void noteLeftOut(Dump& dump, const std::string& preset) {
  std::set<std::pair<const ByteSource*, uint64_t>> taken;
  for (const Tensor& part : dump.tensors.front().stack->parts) taken.insert({part.source.get(), part.offset});
  size_t count = 0;
  std::string first;
  for (const Tensor& tensor : dump.tensors) {
    const std::string& name = tensor.name;
    const size_t number = name.find_first_of("0123456789");
    const bool layered = number != std::string::npos && number > 0 && name[number - 1] == '.' &&
                         name.find('.', number) != std::string::npos;
    const bool matrix = tensor.shape.size() >= 2 && tensor.shape.end()[-1] > 1 && tensor.shape.end()[-2] > 1;
    if (!layered || !matrix || name.ends_with("bias") || name.find("scale") != std::string::npos) continue;
    if (tensor.stack || taken.contains({tensor.source.get(), tensor.offset})) continue;
    if (count++ == 0) first = name;
  }
  if (count == 0) return;
  dump.notes.push_back(
      fmt::format("{}: the preset {} leaves out {} matrices of layers, such as '{}'; --pattern takes "
                  "presets and patterns together",
                  escapedPath(dump.path), preset, count, escaped(first)));
}

bool likeWeights(const std::string& name) { return name.ends_with(".weight") || name.ends_with(".bias"); }

}  // namespace

void nameGuessed(Tensor& tensor, const std::vector<Axis>& outer, const std::string& name) {
  const size_t inner = tensor.shape.size() - outer.size();
  const auto says = [&](const char* word) { return name.find(word) != std::string::npos; };
  const bool layers = std::any_of(outer.begin(), outer.end(), [](const Axis& axis) { return axis.name == "layer"; });
  // Three axes below steps or runs are what three axes are in a file of its own: logits of layers.
  const bool whole = inner == 3 && !layers && !says("hidden") && !says("resid");
  const Kind kind = says("logprob") || says("log_prob") ? Kind::LogProbs
                    : says("prob")                      ? Kind::Probs
                    : whole || says("logit")            ? Kind::Logits
                                                        : Kind::Hidden;
  const std::vector<const char*> names = {inner == 3 && !layers ? "layer" : "example", "token",
                                          kind == Kind::Hidden ? "hidden" : "vocab"};
  if (inner > names.size()) return;
  tensor.axes = outer;
  for (size_t i = 0; i < inner; ++i)
    tensor.axes.push_back({names[names.size() - inner + i], tensor.shape[outer.size() + i], {}, {}, {}});
  if (tensor.kind == Kind::Unknown && info(tensor.dtype).floating) tensor.kind = inner == 0 ? Kind::Scalar : kind;
  tensor.axesGuessed = true;
}

void applyPatterns(Dump& dump, const OpenOptions& options) {
  const Chosen chosen = chosenPatterns(dump, options.patterns);
  checkVariables(chosen.patterns);
  const NamePattern& lead = chosen.patterns.front();
  std::vector<StackEntry> entries;
  std::vector<std::string> twice;
  std::set<size_t> taken;
  for (size_t p = 0; p < chosen.patterns.size(); ++p) {
    for (size_t i = 0; i < dump.tensors.size(); ++i) {
      auto values = chosen.patterns[p].match(dump.tensors[i].name);
      if (!values) continue;
      if (!taken.insert(i).second) twice.push_back(escaped(dump.tensors[i].name));
      entries.push_back(
          {dump.tensors[i], reordered(std::move(*values), chosen.patterns[p], lead), p,
           fmt::format("{}: tensor '{}'", escapedPath(dump.tensors[i].source->name()), escaped(dump.tensors[i].name))});
    }
  }
  if (!twice.empty())
    throw Error(Exit::Usage,
                fmt::format("{}: two patterns find {}; make them differ", escapedPath(dump.path), listed(twice)));
  checkAlternatives(dump, chosen, entries);
  const StackLayout layout = layOut(lead.variables(), entries);
  const bool weights = options.wholeTensors || chosen.weights ||
                       std::all_of(entries.begin(), entries.end(),
                                   [](const StackEntry& entry) { return likeWeights(entry.tensor.name); });
  Tensor stacked = weights ? stackWhole("weights", layout, entries) : stackEqual(lead.literal(), layout, entries);
  if (!weights && stacked.axes.empty()) nameGuessed(stacked, layout.axes, lead.literal());
  auto stack = std::make_shared<TensorStack>(*stacked.stack);
  for (const NamePattern& pattern : chosen.patterns) stack->patterns.push_back(pattern.text());
  stack->preset = chosen.preset;
  stacked.stack = std::move(stack);
  dump.preferred = stacked.name;
  std::erase_if(dump.tensors, [&](const Tensor& tensor) { return tensor.name == stacked.name; });
  dump.tensors.insert(dump.tensors.begin(), std::move(stacked));
  if (chosen.weights) noteLeftOut(dump, chosen.preset);
  if (layout.holes > 0) {
    dump.notes.push_back(fmt::format("{}: {} of {} cells of the pattern have no tensor and are NaN",
                                     escapedPath(dump.path), layout.holes, layout.entryOf.size()));
  }
}

}  // namespace divlens
