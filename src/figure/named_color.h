#pragma once
#include <string_view>

#include "figure/display_list.h"

namespace divlens {

/// A colour as matplotlib spells it: a name (CSS, b g r c m y k w, tab:blue, C0 ...), a grey level from 0 to 1, #rgb,
/// #rgba, #rrggbb, #rrggbbaa or none; `what` names the option in Error(Usage).
Color parseColor(std::string_view text, std::string_view what);

}  // namespace divlens
