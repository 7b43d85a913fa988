#pragma once
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace divlens {

/// A file that the build put into the binary: "shaders/heatmap.frag.spv", "colormaps/viridis.csv"; empty when absent.
std::span<const std::byte> embedded(std::string_view name);
/// Names of all embedded files that start with `prefix`, sorted.
std::vector<std::string_view> embeddedNames(std::string_view prefix);

}  // namespace divlens
