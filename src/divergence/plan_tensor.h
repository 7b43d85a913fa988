#pragma once
#include <string>
#include <vector>

#include "divergence/plan.h"

namespace divlens {

/// The tensor called `wanted`, or where that is empty the only one that holds distributions, else the only floating
/// one, not counting `except`. Error(Usage) for an unknown name, for integers and, naming all, where several fit.
const Tensor& chooseTensor(const Dump& dump, const std::string& wanted, const std::string& except);

/// A tensor whose axes have names, and what is worth a note about them.
struct NamedTensor {
  Tensor tensor;
  std::vector<std::string> notes;
};

/// The cells' tensor, named by --axes and --kind, the file or the guess; checked for entries, kind and element type.
NamedTensor nameCells(const Dump& dump, const Tensor& chosen, const PlanOptions& options);

/// A reference tensor, named like the cells where they were renamed or neither has names: `original` is the cells'
/// tensor as the file describes it, `cells` as nameCells left it. Error(BadInput) where its axes stay unknown.
NamedTensor nameLikeCells(const Tensor& tensor, const Tensor& original, const Tensor& cells);

/// Axes that lead to a cell: all of a scalar table, all but the last of a distribution.
size_t leadingAxes(const Tensor& tensor, Kind kind);
/// Strides in C order over the first `count` axes: rows of a distribution, elements of a scalar table.
std::vector<int64_t> leadingStrides(const Tensor& tensor, size_t count);
/// "layer, token, vocab".
std::string axesText(const Tensor& tensor);

}  // namespace divlens
