#pragma once
#include <string>
#include <vector>

#include "divergence/verify.h"
#include "gpu/context.h"

namespace divlens {

/// One kind of rows, computed on the device and in double precision.
struct SelfCheck {
  std::string name;  ///< "logits, F16, 50,257 entries"
  Verification values;
};
/// Rows that differ in element type, meaning and shape, through each of the kernels that compare rows, the way back
/// from the fast ones, reductions, and more workgroups than one dimension of a dispatch takes.
std::vector<SelfCheck> checkKernels(const gpu::Context& context);

}  // namespace divlens
