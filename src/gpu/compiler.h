#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace divlens::gpu {

/// True where this build can compile GLSL at run time (with shaderc).
bool canCompile();

/// SPIR-V of a compute shader from GLSL. `include` gives the text of an included file, empty where there is none;
/// `macros` are defined. Error(Usage) with the compiler's words, or where canCompile() is false.
std::vector<uint32_t> compileCompute(const std::string& name, std::string_view source,
                                     const std::vector<std::string>& macros,
                                     const std::function<std::string(std::string_view)>& include);

}  // namespace divlens::gpu
