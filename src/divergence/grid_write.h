#pragma once
#include <span>

#include "divergence/grid.h"

namespace divlens {

/// Replaces all cells of a panel, row-major.
void writeCells(const gpu::Context& context, const Grid& grid, int64_t panel, std::span<const float> cells);

}  // namespace divlens
