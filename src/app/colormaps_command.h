#pragma once
#include <string>

#include "app/options.h"

namespace divlens {

/// The names of all maps, one a line, or as JSON.
std::string colormapsText(const Settings& settings);
/// Writes pictures of all maps to the outputs; the bytes of the one for standard output, if any, come back.
std::string drawColormaps(const Settings& settings);

}  // namespace divlens
