#pragma once
#include <cstdint>
#include <string>

#include "gpu/context.h"

namespace divlens {

/// Frame times of a grid that is moved about as in the window, milliseconds.
struct ViewerTimes {
  std::string device;
  int64_t rows = 0, columns = 0;
  int width = 0, height = 0, frames = 0;
  double median = 0, slowest = 0;  ///< of frames with half of the columns in sight, moved by a hundredth each
  double processor = 0;            ///< time of all processors together in such a frame, median
  double first = 0;                ///< with all cells in sight and nothing prepared
};

/// Draws frames of random cells offscreen by the window's own layout, reduction and painter.
ViewerTimes timeViewer(const gpu::Context& context, int64_t rows = 128, int64_t columns = 1'000'000, int frames = 60);
/// A line for people.
std::string viewerText(const ViewerTimes& times);

}  // namespace divlens
