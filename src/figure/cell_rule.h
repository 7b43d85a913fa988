#pragma once
#include <string>

#include "shaders/heatmap.h"

namespace divlens {

/// A comparison that picks cells: `--mask '>0.5'`. NaN is never picked.
struct CellRule {
  uint32_t op = kRuleNone;
  float value = 0;
  bool picks(float cell) const { return rulePicks(op, value, cell); }
};

/// Reads "<V", "<=V", ">V", ">=V", "==V" or "!=V"; empty: picks nothing. Error(Usage) naming `option`.
CellRule parseCellRule(const std::string& text, const char* option);

}  // namespace divlens
