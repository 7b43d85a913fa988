#include "gpu/compiler.h"

#include <fmt/format.h>

#include "error.h"

#ifdef DIVLENS_SHADERC
#include <memory>
#include <shaderc/shaderc.hpp>
#endif

namespace divlens::gpu {

#ifdef DIVLENS_SHADERC
namespace {

class Includer : public shaderc::CompileOptions::IncluderInterface {
 public:
  explicit Includer(const std::function<std::string(std::string_view)>& include) : include_(include) {}

  shaderc_include_result* GetInclude(const char* requested, shaderc_include_type, const char*, size_t) override {
    auto file = std::make_unique<File>();
    file->name = requested;
    file->text = include_(requested);
    const bool found = !file->text.empty();
    if (!found) file->text = fmt::format("{} is not in this binary", requested);
    file->result = {found ? file->name.c_str() : "", found ? file->name.size() : 0, file->text.c_str(),
                    file->text.size(), file.get()};
    return &file.release()->result;
  }

  void ReleaseInclude(shaderc_include_result* result) override { delete static_cast<File*>(result->user_data); }

 private:
  struct File {
    std::string name, text;
    shaderc_include_result result;
  };
  const std::function<std::string(std::string_view)>& include_;
};

}  // namespace

bool canCompile() { return true; }

std::vector<uint32_t> compileCompute(const std::string& name, std::string_view source,
                                     const std::vector<std::string>& macros,
                                     const std::function<std::string(std::string_view)>& include) {
  shaderc::CompileOptions options;
  options.SetTargetEnvironment(shaderc_target_env_vulkan, shaderc_env_version_vulkan_1_2);
  // As the build compiles its shaders: shaderc's optimiser drops `precise`.
  options.SetOptimizationLevel(shaderc_optimization_level_zero);
  options.SetIncluder(std::make_unique<Includer>(include));
  for (const std::string& macro : macros) options.AddMacroDefinition(macro, "1");
  const shaderc::Compiler compiler;
  const shaderc::SpvCompilationResult result =
      compiler.CompileGlslToSpv(source.data(), source.size(), shaderc_compute_shader, name.c_str(), options);
  if (result.GetCompilationStatus() != shaderc_compilation_status_success)
    throw Error(Exit::Usage, fmt::format("{} does not compile:\n{}", name, result.GetErrorMessage()));
  return {result.begin(), result.end()};
}
#else
bool canCompile() { return false; }

std::vector<uint32_t> compileCompute(const std::string&, std::string_view, const std::vector<std::string>&,
                                     const std::function<std::string(std::string_view)>&) {
  throw Error(Exit::Usage,
              "metrics of your own (--metric f:…) need shaderc, and this divlens was built without it; install "
              "libshaderc-dev and build again");
}
#endif

}  // namespace divlens::gpu
