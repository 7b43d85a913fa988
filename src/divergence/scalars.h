#pragma once
#include "divergence/plan.h"
#include "divergence/tiles.h"
#include "gpu/buffer.h"

namespace divlens {

/// Reads the elements of a scalar table that a block shows and puts them into `values[cell · entries + entry]`.
void uploadScalars(const gpu::Context& context, const Plan& plan, const Block& block, const EntryLayout& layout,
                   const gpu::Buffer& values);

}  // namespace divlens
