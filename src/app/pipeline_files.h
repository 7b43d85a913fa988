#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "app/options.h"
#include "gpu/context.h"

namespace divlens {

/// $XDG_CACHE_HOME/divlens, else ~/.cache/divlens; empty where neither is known.
std::string cacheFolder();
/// What savePipelines() wrote for this device; empty where that is missing, broken, foreign or of another version.
std::vector<std::byte> loadPipelines(const std::string& folder, const std::string& key);
/// Keeps what the driver compiled, so that the next start need not do it again; a note says why where it cannot.
void savePipelines(const gpu::Context& context, const Settings& settings);

}  // namespace divlens
