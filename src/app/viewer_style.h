#pragma once

namespace divlens {

/// Font and looks of the panels, for a screen with `scale` pixels to a plain one; before the first frame.
void styleImGui(float scale);

}  // namespace divlens
