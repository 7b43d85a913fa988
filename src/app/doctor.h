#pragma once
#include <optional>
#include <string>

#include "app/options.h"
#include "error.h"

namespace divlens {

/// What works here and what is missing, for people or with --json.
struct Diagnosis {
  std::string text;
  Exit exit = Exit::Done;  ///< NoDevice where nothing can be computed, Failure where values are wrong
};
/// What to do where `devices`, the folder of device files, tells of a GPU that no Vulkan driver shows.
std::optional<std::string> hiddenGpu(const std::string& devices);
/// On a GPU each of the kernels is checked too.
Diagnosis runDoctor(const Settings& settings);

}  // namespace divlens
