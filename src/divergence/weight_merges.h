#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "shaders/weights.h"

namespace divlens {

/// Merges level by level: those of one level may run at the same time.
struct WeightMerges {
  std::vector<std::vector<kernels::WeightMerge>> levels;
  uint32_t next;  ///< free moments for what is between

  /// `count` moments from `first` become moments[to].
  void add(uint32_t first, uint32_t count, uint32_t to) {
    size_t level = 0;
    for (;; ++level) {
      if (levels.size() <= level) levels.emplace_back();
      if (count <= kernels::kMergeAtOnce) break;
      const uint32_t start = next;
      for (uint32_t at = 0; at < count; at += kernels::kMergeAtOnce)
        levels[level].push_back({first + at, std::min(count - at, kernels::kMergeAtOnce), next++, 0});
      first = start;
      count = next - start;
    }
    levels[level].push_back({first, count, to, 0});
  }
  std::vector<kernels::WeightMerge> all() const {
    std::vector<kernels::WeightMerge> out;
    for (const auto& level : levels) out.insert(out.end(), level.begin(), level.end());
    return out;
  }
  std::vector<uint32_t> sizes() const {
    std::vector<uint32_t> out;
    for (const auto& level : levels) out.push_back(uint32_t(level.size()));
    return out;
  }
};

}  // namespace divlens
