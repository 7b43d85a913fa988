#include "divergence/reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "divergence/plan_tensor.h"
#include "divergence/select.h"
#include "divergence/topk_lists.h"
#include "dump/escape.h"
#include "dump/stack.h"
#include "error.h"
#include "suggest.h"

namespace divlens {
namespace {

constexpr const char* kOption = "--reference";
constexpr const char* kForms =
    "AXIS=POSITION, AXIS=LABEL, AXIS:prev, AXIS:next, tensor:NAME, file:PATH[:NAME], mean:AXIS, uniform or target";

/// Forms that a prefix, a suffix or the whole word tells apart, in the order in which they are tried.
struct FormRow {
  ReferenceForm form;
  std::string_view prefix, suffix;
};
constexpr FormRow kFormTable[] = {
    {ReferenceForm::Tensor, "tensor:", ""}, {ReferenceForm::File, "file:", ""}, {ReferenceForm::Mean, "mean:", ""},
    {ReferenceForm::Previous, "", ":prev"}, {ReferenceForm::Next, "", ":next"},
};

std::vector<PlanAxis*> axesOf(Plan& plan) {
  std::vector<PlanAxis*> out = {&plan.rows, &plan.columns};
  for (PlanAxis& axis : plan.reduced) out.push_back(&axis);
  return out;
}

PlanAxis* axisOf(Plan& plan, const std::string& name) {
  // The synthetic axes ("value") stand for none of the tensor's, whatever their names.
  if (plan.cells.axisIndex(name) < 0) return nullptr;
  for (PlanAxis* axis : axesOf(plan)) {
    if (axis->name == name && !axis->synthetic) return axis;
  }
  return nullptr;
}

std::string where(const Tensor& tensor) {
  return fmt::format("{}: tensor '{}' {}", tensor.source ? escapedPath(tensor.source->name()) : std::string("dump"),
                     escaped(tensor.name), shapeText(tensor.shape));
}

[[noreturn]] void failAlign(const Plan& plan, const Tensor& reference, const std::string& text) {
  throw Error(Exit::BadInput, fmt::format("{}: {}; the cells are {} [{}]", where(reference), text, where(plan.cells),
                                          axesText(plan.cells)));
}

void checkLabels(const Plan& plan, const Tensor& reference, const Axis& theirs) {
  const Axis& ours = plan.cells.axes[static_cast<size_t>(plan.cells.axisIndex(theirs.name))];
  if (ours.labels.empty() || theirs.labels.empty()) return;
  for (size_t i = 0; i < std::min(ours.labels.size(), theirs.labels.size()); ++i) {
    if (ours.labels[i] == theirs.labels[i]) continue;
    failAlign(plan, reference,
              fmt::format("axis '{}', entry {} is labelled '{}', but '{}' in the cells: these are not "
                          "the same entries",
                          escaped(theirs.name), i, escaped(theirs.labels[i]), escaped(ours.labels[i])));
  }
}

/// Lays the first `count` axes of `tensor` over the plan's by name; axes that the tensor lacks keep stride 0.
void align(Plan& plan, const Tensor& tensor, size_t count) {
  const std::vector<int64_t> strides = leadingStrides(tensor, count);
  for (size_t i = 0; i < count; ++i) {
    const Axis& theirs = tensor.axes[i];
    PlanAxis* ours = axisOf(plan, theirs.name);
    if (ours == nullptr) {
      failAlign(plan, tensor,
                fmt::format("has an axis '{}' of length {} that the cells lack; write it without that axis, or name "
                            "its axes as those of the cells",
                            escaped(theirs.name), tensor.shape[i]));
    }
    if (ours->length != tensor.shape[i]) {
      failAlign(plan, tensor,
                fmt::format("axis '{}' has {} entries, the cells have {}", escaped(theirs.name), tensor.shape[i],
                            ours->length));
    }
    checkLabels(plan, tensor, theirs);
    ours->referenceStride = strides[i];
  }
}

/// Entries that are compared: all, or --vocab N of both sides; `reference` is null where it has no entries of its own.
void checkVocab(Plan& plan, const Tensor* reference, const std::optional<int64_t>& asked) {
  if (reference == nullptr || plan.kind == Kind::TopK || plan.kind == Kind::Weights) return;
  const int64_t theirs = plan.entriesOf(*reference);
  const int64_t ours = plan.entriesOf(plan.cells);
  if (plan.kind == Kind::Hidden && theirs != ours) {
    failAlign(plan, *reference, fmt::format("has {} hidden entries, the cells have {}", theirs, ours));
  }
  if (!asked && theirs != ours) {
    throw Error(
        Exit::BadInput,
        fmt::format("{}: axis '{}' has {} entries, reference {} has {}; pass --vocab {} to compare the common part",
                    where(plan.cells), escaped(plan.cells.axes.back().name), ours, where(*reference), theirs,
                    std::min(ours, theirs)));
  }
  if (asked && *asked > theirs) {
    throw Error(Exit::Usage,
                fmt::format("--vocab {}: reference {} has only {} entries", *asked, where(*reference), theirs));
  }
}

/// The cells' own rows: every axis has its own stride in the reference too.
void useOwnTensor(Plan& plan) {
  plan.reference.tensor = plan.cells;
  plan.reference.ids = plan.ids;
  plan.reference.rowKind = plan.kind;
  for (PlanAxis* axis : axesOf(plan)) axis->referenceStride = axis->cellStride;
}

void resolveEntry(Plan& plan, const ReferenceSpec& spec) {
  const size_t count = leadingAxes(plan.cells, plan.kind);
  const size_t index = axisNamed(plan.cells, count, spec.name, kOption);
  const Axis& axis = plan.cells.axes[index];
  const std::vector<int64_t> positions = selectedPositions(axis, spec.spec, kOption);
  if (positions.size() != 1) {
    throw Error(Exit::Usage,
                fmt::format("--reference {}: stands for {} entries of axis '{}', a reference is exactly one; "
                            "give its position",
                            escaped(spec.text), positions.size(), escaped(axis.name)));
  }
  useOwnTensor(plan);
  plan.reference.kind = ReferenceKind::Rows;
  plan.reference.base = positions[0] * leadingStrides(plan.cells, count)[index];
  plan.reference.label = fmt::format("{} {}", axis.name, axis.label(positions[0]));
  axisOf(plan, axis.name)->referenceStride = 0;
}

void resolveShifted(Plan& plan, const ReferenceSpec& spec, int shift) {
  const size_t count = leadingAxes(plan.cells, plan.kind);
  const size_t index = axisNamed(plan.cells, count, spec.name, kOption);
  useOwnTensor(plan);
  plan.reference.kind = ReferenceKind::Shifted;
  plan.reference.shiftAxis = spec.name;
  plan.reference.shift = shift;
  plan.reference.base = shift * leadingStrides(plan.cells, count)[index];
  plan.reference.label = fmt::format("{} {}", shift < 0 ? "previous" : "next", spec.name);
}

void resolveMean(Plan& plan, const ReferenceSpec& spec) {
  const size_t count = leadingAxes(plan.cells, plan.kind);
  const size_t index = axisNamed(plan.cells, count, spec.name, kOption);
  useOwnTensor(plan);
  plan.reference.kind = ReferenceKind::Mean;
  plan.reference.meanStride = leadingStrides(plan.cells, count)[index];
  plan.reference.meanCount = plan.cells.shape[index];
  plan.reference.label = fmt::format("mean over {}", spec.name);
  axisOf(plan, spec.name)->referenceStride = 0;
}

bool comparable(Kind cells, Kind reference) {
  if (cells == Kind::Hidden || cells == Kind::TopK || cells == Kind::Weights) return reference == cells;
  return holdsDistribution(reference);
}

void resolveRows(Plan& plan, const ReferenceContext& context, const Dump& dump, const Tensor& chosen) {
  NamedTensor named = nameLikeCells(chosen, context.original, plan.cells);
  const Kind kind = plan.throughLens(named.tensor) ? Kind::Logits : named.tensor.kind;
  if (!comparable(plan.kind, kind)) {
    throw Error(Exit::Usage, fmt::format("--reference: {} holds {}, which cannot be compared with {}",
                                         where(named.tensor), name(kind), name(plan.kind)));
  }
  for (std::string& note : named.notes) plan.notes.push_back(std::move(note));
  align(plan, named.tensor, leadingAxes(named.tensor, named.tensor.kind));
  checkVocab(plan, &named.tensor, context.options.vocab);
  plan.reference.kind = ReferenceKind::Rows;
  plan.reference.rowKind = kind;
  if (kind == Kind::TopK) plan.reference.ids = idsOf(dump, named.tensor, plan.notes);
  plan.reference.tensor = std::move(named.tensor);
}

void resolveTensor(Plan& plan, const ReferenceContext& context, const ReferenceSpec& spec) {
  resolveRows(plan, context, context.dump, chooseTensor(context.dump, spec.name, ""));
  plan.reference.label = spec.name;
}

/// Opened as the dump was, as far as that fits: a file has no --stack, and what was found by a preset is found again.
Dump openReference(const std::string& path, const Tensor& cells, OpenOptions options) {
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(path, ignored);
  if (!folder || std::filesystem::exists(std::filesystem::path(path) / "config.json", ignored)) options.stack.clear();
  if (folder || !cells.stack) return openDump(path, options);
  const std::vector<std::string> asked = options.patterns;
  options.patterns.clear();
  Dump plain = openDump(path, options);
  if (plain.tensors.size() < 2) return plain;
  options.patterns = asked.empty() ? cells.stack->patterns : asked;
  return options.patterns.empty() ? plain : openDump(path, options);
}

void resolveFile(Plan& plan, const ReferenceContext& context, const ReferenceSpec& spec) {
  const DumpName file = splitDumpName(spec.name);
  const Dump dump = openReference(file.path, plan.cells, context.options.open);
  for (const std::string& note : dump.notes) plan.notes.push_back(note);
  plan.warnings = dump.warnings;
  const Tensor* same = dump.find(plan.cells.name);
  const std::string wanted = file.tensor.empty() && same != nullptr ? plan.cells.name : file.tensor;
  resolveRows(plan, context, dump, chooseTensor(dump, wanted, ""));
  std::filesystem::path path(file.path);
  if (!path.has_filename()) path = path.parent_path();  // "checkpoints/base/"
  plan.reference.label = path.stem().string();
  plan.inputs.push_back({file.path, dump.bytes});
}

bool integers(const Tensor& tensor) {
  return !info(tensor.dtype).floating && tensor.dtype != DType::Bool && tensor.dtype != DType::Unsupported;
}

const Tensor& targetsTensor(const ReferenceContext& context) {
  const std::string wanted = context.options.targets.empty() ? "targets" : context.options.targets;
  const Tensor* tensor = context.dump.find(wanted);
  if (tensor != nullptr && integers(*tensor)) return *tensor;
  std::vector<std::string> known;
  for (const Tensor& other : context.dump.tensors) {
    if (integers(other)) known.push_back(escaped(other.name));
  }
  throw Error(
      Exit::Usage,
      fmt::format("--reference target: {} has no integer tensor '{}' of token ids; name one with --targets ({})",
                  escapedPath(context.dump.path), escaped(wanted), known.empty() ? "there is none" : listed(known)));
}

void resolveTarget(Plan& plan, const ReferenceContext& context) {
  Tensor tensor = targetsTensor(context);
  const size_t count = leadingAxes(plan.cells, plan.kind);
  if (tensor.axes.empty() && tensor.shape.size() == count) {
    for (size_t i = 0; i < count; ++i) tensor.axes.push_back({plan.cells.axes[i].name, tensor.shape[i], {}, {}, {}});
  } else if (tensor.axes.empty() && tensor.shape.size() == 1 && axisOf(plan, "token") != nullptr) {
    tensor.axes.push_back({"token", tensor.shape[0], {}, {}, {}});
  } else if (tensor.axes.empty()) {
    badTensor(tensor, fmt::format("shape {} has no axis names; name its axes in the divlens metadata",
                                  shapeText(tensor.shape)));
  } else {
    for (Axis& axis : tensor.axes) {
      const int index = context.original.axisIndex(axis.name);
      if (index >= 0) axis.name = plan.cells.axes[static_cast<size_t>(index)].name;
    }
  }
  tensor.kind = Kind::Scalar;
  align(plan, tensor, tensor.shape.size());
  plan.reference.kind = ReferenceKind::Target;
  plan.reference.label = "target";
  plan.reference.tensor = std::move(tensor);
}

}  // namespace

ReferenceSpec parseReference(const std::string& text) {
  ReferenceSpec spec{ReferenceForm::Uniform, text, "", ""};
  if (text == "uniform") return spec;
  spec.form = ReferenceForm::Target;
  if (text == "target") return spec;
  for (const FormRow& row : kFormTable) {
    const size_t fixed = row.prefix.size() + row.suffix.size();
    if (!text.starts_with(row.prefix) || !text.ends_with(row.suffix) || text.size() <= fixed) continue;
    // A label may well end in ":prev": what has a '=' before is an entry.
    if (!row.suffix.empty() && text.find('=') != std::string::npos) continue;
    spec.form = row.form;
    spec.name = text.substr(row.prefix.size(), text.size() - fixed);
    return spec;
  }
  if (text.find('=') == std::string::npos) {
    const std::string guess = didYouMean(text, {"uniform", "target"});
    throw Error(Exit::Usage, fmt::format("unknown reference '{}'{} it is one of {}", escaped(text),
                                         guess.empty() ? ";" : guess, kForms));
  }
  spec.form = ReferenceForm::Entry;
  std::tie(spec.name, spec.spec) = splitAssignment(text, kOption, kForms);
  return spec;
}

void resolveReference(Plan& plan, const ReferenceContext& context, const ReferenceSpec& spec) {
  plan.reference.text = spec.text;
  switch (spec.form) {
    case ReferenceForm::Entry:
      return resolveEntry(plan, spec);
    case ReferenceForm::Previous:
      return resolveShifted(plan, spec, -1);
    case ReferenceForm::Next:
      return resolveShifted(plan, spec, 1);
    case ReferenceForm::Mean:
      return resolveMean(plan, spec);
    case ReferenceForm::Tensor:
      return resolveTensor(plan, context, spec);
    case ReferenceForm::File:
      return resolveFile(plan, context, spec);
    case ReferenceForm::Target:
      return resolveTarget(plan, context);
    case ReferenceForm::Uniform:
      break;
  }
  plan.reference.kind = ReferenceKind::Uniform;
  plan.reference.label = "uniform";
}

ReferenceSpec defaultReference(const Plan& plan, const ReferenceContext& context) {
  const auto needs = [&](Needs what) {
    return std::any_of(plan.metrics.begin(), plan.metrics.end(),
                       [&](const MetricUse& use) { return use.metric->needs == what; });
  };
  if (!needs(Needs::Reference)) return parseReference("target");
  const size_t count = leadingAxes(plan.cells, plan.kind);
  const int layer = plan.cells.axisIndex("layer");
  if (layer >= 0 && static_cast<size_t>(layer) < count && plan.kind != Kind::Weights) return parseReference("layer=-1");
  std::vector<std::string> fitting;
  for (size_t i = 0; i < count; ++i) {
    const std::string axis = escaped(plan.cells.axes[i].name);
    for (const char* form : {"{}=POSITION", "{}:prev", "mean:{}"})
      fitting.push_back(fmt::format(fmt::runtime(form), axis));
  }
  for (const Tensor& tensor : context.dump.tensors) {
    if (tensor.name != plan.cells.name && comparable(plan.kind, tensor.kind)) {
      fitting.push_back("tensor:" + escaped(tensor.name));
    }
  }
  fitting.emplace_back("file:PATH");
  if (plan.kind == Kind::Weights) {
    throw Error(Exit::Usage, fmt::format("{}: '{}' compares with a reference; pass --reference with one of {}",
                                         escapedPath(context.dump.path), plan.metrics.front().text, listed(fitting)));
  }
  fitting.emplace_back("uniform");
  throw Error(Exit::Usage,
              fmt::format("{}: '{}' compares with a reference, and tensor '{}' has no axis 'layer' to take the "
                          "last layer from; pass --reference with one of {}",
                          escapedPath(context.dump.path), plan.metrics.front().text, escaped(plan.cells.name),
                          listed(fitting)));
}

}  // namespace divlens
