#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "figure/display_list.h"
#include "figure/heatmap_pass.h"
#include "figure/text.h"
#include "gpu/graphics.h"

namespace divlens {

/// Draws a display list offscreen: text, lines and shapes by Dear ImGui, cells and colour bars by the heatmap's own
/// pipeline, in one render pass and in the list's order. Text is drawn by Pango into ImGui's atlas, so that every
/// script looks as in a PDF. Returns rows of RGBA without gaps.
std::vector<uint8_t> drawOffscreen(const gpu::Context& context, const DisplayList& list, TextShaper& shaper,
                                   const Grid& grid, std::span<const ColorScale> scales);

}  // namespace divlens
