#pragma once
#include <vector>

#include "figure/colormap.h"

namespace divlens {

/// How a figure may be seen: printed without colours, or without one of the three kinds of cones.
enum class Vision { Grey, Protanopia, Deuteranopia, Tritanopia };

struct VisionRow {
  Vision vision;
  const char* name;
};
const std::vector<VisionRow>& visions();

/// A colour as it is seen so (Machado, Oliveira, Fernandes 2009, severity 1; grey: relative luminance).
Color asSeen(Color color, Vision vision);
/// True where any two colours of a map that are an eighth of it or more apart can be told apart when seen so: by 3 or
/// more in CIE L*a*b* (CIE76).
bool keepsApart(const ColorTable& table, Vision vision);

}  // namespace divlens
