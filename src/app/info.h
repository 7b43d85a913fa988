#pragma once
#include <optional>
#include <string>
#include <vector>

#include "app/options.h"
#include "error.h"

namespace divlens {

/// "3.5 GiB".
std::string humanBytes(uint64_t bytes);

/// What `divlens info` says of one dump, for people; `tensor` is the one that PATH:TENSOR names, or empty.
std::string describeDump(const Dump& dump, const std::string& tensor, const PlanOptions& options);
/// The same of several dumps for programs: {"version", "dumps": [{"path", "format", …}]}, one line at the end.
std::string describeDumpsJson(const std::vector<Dump>& dumps, const std::vector<std::string>& tensors,
                              const PlanOptions& options);

/// What `divlens info` says of settings.dumps: of those that can be opened, and why others cannot.
struct InfoText {
  std::string text;            ///< empty where none could be opened
  std::optional<Error> error;  ///< with the code of the first
};
InfoText runInfo(const Settings& settings);

}  // namespace divlens
