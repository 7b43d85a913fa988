#pragma once
#include <string>
#include <vector>

#include "app/options.h"

namespace divlens {

/// "3.5 GiB".
std::string humanBytes(uint64_t bytes);

/// What `divlens info` says of one dump, for people; `tensor` is the one that PATH:TENSOR names, or empty.
std::string describeDump(const Dump& dump, const std::string& tensor, const PlanOptions& options);
/// The same of several dumps for programs: {"version", "dumps": [{"path", "format", …}]}, one line at the end.
std::string describeDumpsJson(const std::vector<Dump>& dumps, const std::vector<std::string>& tensors,
                              const PlanOptions& options);

/// `divlens info`: opens settings.dumps and describes them; Error(BadInput) for the first that cannot be opened.
std::string runInfo(const Settings& settings);

}  // namespace divlens
