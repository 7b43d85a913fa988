#pragma once
#include <string>
#include <vector>

#include "dump/pattern.h"
#include "dump/tensor.h"

namespace divlens {

/// Tensors that stand side by side along axes of their own: where each is, or that it is missing.
struct TensorStack {
  std::vector<Tensor> parts;
  std::vector<int64_t> partOf;        ///< for each combination of the stack's axes, in C order; -1: a hole
  std::vector<std::string> patterns;  ///< that found them, for another dump of the same kind
  std::string preset;                 ///< their name among the presets; empty for patterns of the user's
  int64_t holes = 0;
};

/// A tensor and its place on each axis of the stack.
struct StackEntry {
  Tensor tensor;
  std::vector<PatternValue> values;
  size_t pattern = 0;  ///< index of the pattern that found it: labels keep the order of the patterns
  std::string where;   ///< "FILE: tensor 'NAME'", for messages
};

/// The axes that the entries' values make, each sorted: numbers as numbers, alternatives as listed, other text in order
/// of appearance.
struct StackLayout {
  std::vector<Axis> axes;
  std::vector<int64_t> entryOf;  ///< index of the entry for each combination; -1: a hole
  int64_t holes = 0;
};
/// Error(Usage) that lists the first entries which share a place.
StackLayout layOut(const std::vector<std::string>& variables, const std::vector<StackEntry>& entries);

/// Equal tensors as one with further axes in front; holes read as NaN (−1 for whole numbers). Error(BadInput) that
/// lists the first offenders where shapes or element types differ.
Tensor stackEqual(const std::string& name, const StackLayout& layout, const std::vector<StackEntry>& entries);
/// Tensors of any shapes and types, each of which is one cell; whoever reads one checks its type. What are stacks of
/// that kind themselves are joined.
Tensor stackWhole(const std::string& name, const StackLayout& layout, const std::vector<StackEntry>& entries);

}  // namespace divlens
