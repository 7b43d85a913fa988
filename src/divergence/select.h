#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dump/tensor.h"

namespace divlens {

/// Splits "AXIS=REST" at the first '='; Error(Usage) naming `option` and the `form` that it takes.
std::pair<std::string, std::string> splitAssignment(const std::string& text, std::string_view option,
                                                    std::string_view form);

/// Position of the axis of that name among the first `count` axes of `tensor`; Error(Usage) naming `option`, with a
/// suggestion. An axis that holds the distribution (at `count` or after) is refused with its own words.
size_t axisNamed(const Tensor& tensor, size_t count, std::string_view name, std::string_view option);

/// The positions that SPEC stands for on `axis`, in the order given: a comma-separated list of integers, slices (Python
/// style, clipped) and exact labels, or label:TEXT, or group:NAME. Error(Usage) naming `option` where nothing is left,
/// a position is out of range or a label is unknown.
std::vector<int64_t> selectedPositions(const Axis& axis, std::string_view spec, std::string_view option);

}  // namespace divlens
