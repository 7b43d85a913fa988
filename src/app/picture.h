#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "app/session.h"
#include "app/writers.h"

namespace divlens {

/// The figure as a PNG, PDF or SVG file in memory: laid out, its cells drawn offscreen on the session's device, with
/// metadata. What does not fit and which characters no font has is said on stderr.
std::vector<uint8_t> renderPicture(const Session& session, const Cells& cells, const Settings& settings, Writer writer);
/// Checks the figure's options that need no data (colours, map, norm, size, marks) before a long run.
void checkFigureOptions(const Settings& settings);

}  // namespace divlens
