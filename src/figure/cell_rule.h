#pragma once
#include <cstdint>
#include <string>

#include "shaders/heatmap.h"

namespace divlens {

/// A comparison that picks cells: `--mask '>0.5'`. NaN is never picked.
struct CellRule {
  uint32_t op = kRuleNone;
  float value = 0;
  bool picks(float cell) const { return rulePicks(op, value, cell); }
  bool operator==(const CellRule&) const = default;
};

/// What stands for the cells of a pixel that holds several; as in shaders/pyramid.h. Extreme: the farthest from a
/// center.
enum class Aggregate : uint8_t { Max, Min, Mean, Extreme };

/// Reads --aggregate, empty: `usual`; Error(Usage).
Aggregate parseAggregate(const std::string& text, Aggregate usual);
/// "the largest", "the mean" … of several cells.
const char* aggregateWords(Aggregate how);

/// How cells become fewer. Cells that `hidden` picks are left out; so are NaN and masked ones where there are others.
struct CellReduction {
  Aggregate how = Aggregate::Max;
  CellRule hidden;
  float center = 0;
  bool operator==(const CellReduction&) const = default;
};

/// Reads "<V", "<=V", ">V", ">=V", "==V" or "!=V"; empty: picks nothing. Error(Usage) naming `option`.
CellRule parseCellRule(const std::string& text, const char* option);

}  // namespace divlens
