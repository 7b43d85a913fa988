#pragma once
#include <string>

#include "dump/tensor.h"

namespace divlens {

/// Reads --groups FILE.csv into the groups of one of `cells`' axes: lines `label-or-position,group`; the axis is the
/// header's first cell, or `axisName` (--group) where there is no such header. Error(BadInput) for an entry without a
/// group.
void readGroups(Tensor& cells, const std::string& axisName, const std::string& path);

}  // namespace divlens
