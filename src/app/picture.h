#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "app/session.h"
#include "app/writers.h"

namespace divlens {

/// The figure as a PNG file in memory: laid out, drawn offscreen on the session's device, with metadata. What does not
/// fit and which characters no font has is said on stderr.
std::vector<uint8_t> renderPng(const Session& session, const Cells& cells, const Settings& settings);
/// Checks the figure's options that need no data (colours, map, norm, size) before a long run.
void checkFigureOptions(const Settings& settings);

}  // namespace divlens
