#pragma once

namespace divlens {

/// What can be left out of a figure too small for it, in the order in which it goes.
enum Part : unsigned {
  Parameters = 1,
  Title = 2,
  CbarLabel = 4,
  XLabel = 8,
  YLabel = 16,
  Cbar = 32,
  XTicks = 64,
  YTicks = 128
};
struct PartRow {
  Part part;
  const char* name;
  bool takesWidth;
};
inline constexpr PartRow kParts[] = {
    {Parameters, "parameter line", false},
    {CbarLabel, "colour bar's label", true},
    {XLabel, "x label", false},
    {YLabel, "y label", true},
    {Title, "title", false},
    {Cbar, "colour bar", true},
    {XTicks, "x tick labels", false},
    {YTicks, "y tick labels", true},
};

}  // namespace divlens
