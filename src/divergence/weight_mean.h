#pragma once
#include "divergence/plan.h"

namespace divlens {

/// A plan of statistics whose reference is a mean over an axis, with those means as tensors of their own in a
/// temporary file: element by element, in double precision. Missing tensors are left out; Error(BadInput) where the
/// shapes along the axis differ.
Plan withMeanCells(const Plan& plan);

}  // namespace divlens
