#include "divergence/plan_tensor.h"

#include <fmt/format.h>

#include <algorithm>

#include "dump/escape.h"
#include "dump/presets.h"
#include "error.h"
#include "suggest.h"

namespace divlens {
namespace {

bool floating(const Tensor& tensor) { return info(tensor.dtype).floating; }

std::vector<std::string> shownNames(const std::vector<const Tensor*>& tensors) {
  std::vector<std::string> out;
  for (const Tensor* tensor : tensors)
    out.push_back(fmt::format("{}{}", escaped(tensor->name), shapeText(tensor->shape)));
  return out;
}

void refuseUnfit(const Dump& dump, const Tensor& tensor) {
  if (tensor.kind == Kind::Weights && tensor.stack) return;  // each of its tensors has a type of its own
  if (tensor.dtype == DType::Unsupported) {
    badTensor(tensor,
              fmt::format("elements of type '{}' cannot be read; supported are F64, F32, F16 and BF16: convert it",
                          escaped(tensor.dtypeName)));
  }
  if (floating(tensor)) return;
  std::vector<std::string> others;
  for (const Tensor& other : dump.tensors) {
    if (floating(other)) others.push_back(escaped(other.name));
  }
  throw Error(Exit::Usage, fmt::format("{}: tensor '{}' holds {} integers, which are no cells; floating tensors: {}",
                                       escapedPath(dump.path), escaped(tensor.name), info(tensor.dtype).name,
                                       others.empty() ? "none" : listed(others)));
}

const Tensor& tensorNamed(const Dump& dump, const std::string& wanted) {
  if (const Tensor* tensor = dump.find(wanted)) {
    refuseUnfit(dump, *tensor);
    return *tensor;
  }
  std::vector<std::string> known;
  for (const Tensor& tensor : dump.tensors) known.push_back(escaped(tensor.name));
  const std::string guess = didYouMean(escaped(wanted), known);
  throw Error(Exit::Usage, fmt::format("{}: no tensor '{}'{} its tensors: {}", escapedPath(dump.path), escaped(wanted),
                                       guess.empty() ? ";" : guess, listed(known)));
}

/// Cuts the leading axis to the rows that a truncated file really holds (--partial).
void cutToAvailable(NamedTensor& named) {
  Tensor& tensor = named.tensor;
  if (tensor.availableRows < 0 || tensor.shape.empty() || tensor.availableRows >= tensor.shape[0]) return;
  named.notes.push_back(fmt::format("tensor '{}': {} of {} entries of axis '{}' are in the file; the rest is left out",
                                    escaped(tensor.name), tensor.availableRows, tensor.shape[0],
                                    escaped(tensor.axes[0].name)));
  const auto kept = static_cast<size_t>(tensor.availableRows);
  Axis& axis = tensor.axes[0];
  axis.length = tensor.shape[0] = tensor.availableRows;
  axis.labels.resize(std::min(axis.labels.size(), kept));
  axis.coordinates.resize(std::min(axis.coordinates.size(), kept));
  axis.groups.resize(std::min(axis.groups.size(), kept));
}

void checkEntries(const Tensor& tensor) {
  for (const int64_t length : tensor.shape) {
    if (length < 1) badTensor(tensor, fmt::format("shape {} has no cells", shapeText(tensor.shape)));
  }
}

void checkKind(const Tensor& tensor, const std::string& path) {
  if (tensor.kind == Kind::Unknown) {
    throw Error(Exit::Usage,
                fmt::format("{}: tensor '{}' [{}]: what its last axis holds is unknown; pass --kind logits, "
                            "logprobs, probs or scalar",
                            escapedPath(path), escaped(tensor.name), axesText(tensor)));
  }
  if (tensor.kind == Kind::Weights && !tensor.stack) {
    throw Error(Exit::Usage, fmt::format("{}: --kind weights: tensor '{}' is no stack of tensors; make one with "
                                         "--pattern or --stack",
                                         escapedPath(path), escaped(tensor.name)));
  }
}

}  // namespace

const Tensor& chooseTensor(const Dump& dump, const std::string& wanted, const std::string& except) {
  if (!wanted.empty()) return tensorNamed(dump, wanted);
  if (!dump.preferred.empty() && dump.preferred != except) return tensorNamed(dump, dump.preferred);
  std::vector<const Tensor*> distributions, floats;
  for (const Tensor& tensor : dump.tensors) {
    if (!floating(tensor) || (!except.empty() && tensor.name == except)) continue;
    floats.push_back(&tensor);
    if (holdsDistribution(tensor.kind) || tensor.kind == Kind::TopK) distributions.push_back(&tensor);
  }
  const auto& candidates = distributions.empty() ? floats : distributions;
  if (candidates.size() == 1) return *candidates.front();
  if (candidates.empty()) {
    for (const Tensor& tensor : dump.tensors)
      if (tensor.dtype == DType::Unsupported) refuseUnfit(dump, tensor);
    std::vector<std::string> others;
    for (const Tensor& tensor : dump.tensors)
      others.push_back(fmt::format("{} {}", escaped(tensor.name), info(tensor.dtype).name));
    throw Error(
        Exit::BadInput,
        fmt::format("{}: no tensor of floating numbers{} (it holds {}); cells are F64, F32, F16 or BF16: convert it",
                    escapedPath(dump.path),
                    except.empty() ? "" : fmt::format(" besides the reference '{}'", escaped(except)),
                    others.empty() ? "none" : listed(others)));
  }
  const Preset* const preset = presetThatFits(dump.tensors);
  throw Error(
      Exit::Usage,
      fmt::format("{}: several tensors {}: {}; {}choose one with --tensor NAME, or name the one to "
                  "compare with by --reference tensor:NAME",
                  escapedPath(dump.path), distributions.empty() ? "hold floating numbers" : "hold distributions",
                  listed(shownNames(candidates)),
                  preset == nullptr ? ""
                                    : fmt::format("put those of all layers side by side with "
                                                  "--pattern {}, ",
                                                  preset->name)));
}

NamedTensor nameCells(const Dump& dump, const Tensor& chosen, const PlanOptions& options) {
  std::optional<Kind> kind;
  if (!options.kind.empty()) {
    kind = kindFromName(options.kind);
    if (!kind) {
      const std::vector<std::string> known = {"logits", "logprobs", "probs", "hidden", "scalar", "topk", "weights"};
      const std::string guess = didYouMean(options.kind, known);
      throw Error(Exit::Usage, fmt::format("unknown kind '{}'{} known: {}", escaped(options.kind),
                                           guess.empty() ? ";" : guess, listed(known)));
    }
  }
  NamedTensor named{chosen, {}};
  Tensor& tensor = named.tensor;
  nameAxes(tensor, options.axes, kind);
  checkEntries(tensor);
  checkKind(tensor, dump.path);
  if (tensor.axesGuessed) {
    named.notes.push_back(fmt::format("{}: tensor '{}' {}: axes guessed as {} ({}); --axes and --kind change that",
                                      escapedPath(dump.path), escaped(tensor.name), shapeText(tensor.shape),
                                      axesText(tensor),
                                      tensor.kind == Kind::Scalar ? "a scalar table" : name(tensor.kind)));
  }
  cutToAvailable(named);
  checkEntries(tensor);
  return named;
}

NamedTensor nameLikeCells(const Tensor& tensor, const Tensor& original, const Tensor& cells) {
  NamedTensor named{tensor, {}};
  Tensor& out = named.tensor;
  const Kind ownKind = tensor.kind;
  if (!out.axes.empty() && !original.axes.empty()) {
    for (Axis& axis : out.axes) {  // what --axes renamed in the cells is renamed here too
      const int index = original.axisIndex(axis.name);
      if (index >= 0) axis.name = cells.axes[static_cast<size_t>(index)].name;
    }
  } else if (out.axes.empty() && out.shape.size() == cells.shape.size()) {
    for (size_t i = 0; i < out.shape.size(); ++i) out.axes.push_back({cells.axes[i].name, out.shape[i], {}, {}, {}});
    named.notes.push_back(
        fmt::format("reference tensor '{}': axes taken from the cells: {}", escaped(out.name), axesText(out)));
  } else if (out.axes.empty() && out.shape.size() == 1) {
    out.axes.push_back({cells.axes.back().name, out.shape[0], {}, {}, {}});
  } else if (out.axes.empty()) {
    badTensor(out,
              fmt::format("shape {} has no axis names, and the cells are [{}]; name its axes in the file's divlens "
                          "metadata or in FILE.divlens.json",
                          shapeText(out.shape), axesText(cells)));
  }
  if (ownKind == Kind::Unknown || ownKind == original.kind) out.kind = cells.kind;
  checkEntries(out);
  cutToAvailable(named);
  checkEntries(out);
  return named;
}

size_t leadingAxes(const Tensor& tensor, Kind kind) {
  const bool all = kind == Kind::Scalar || kind == Kind::Weights || tensor.shape.empty();
  return all ? tensor.shape.size() : tensor.shape.size() - 1;
}

std::vector<int64_t> leadingStrides(const Tensor& tensor, size_t count) {
  std::vector<int64_t> strides(count, 1);
  for (size_t i = count; i-- > 1;) {
    if (__builtin_mul_overflow(strides[i], tensor.shape[i], &strides[i - 1])) {
      badTensor(tensor, fmt::format("shape {} has more entries than can be counted", shapeText(tensor.shape)));
    }
  }
  return strides;
}

std::string axesText(const Tensor& tensor) {
  std::vector<std::string> names;
  for (const Axis& axis : tensor.axes) names.push_back(escaped(axis.name));
  return listed(names);
}

}  // namespace divlens
