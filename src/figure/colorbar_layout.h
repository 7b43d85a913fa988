#pragma once
#include <string>

#include "figure/figure_content.h"
#include "figure/figure_style.h"
#include "figure/figure_texts.h"
#include "figure/ticks.h"

namespace divlens {

struct FigureParts {
  const FigureOptions& options;
  const ColorScale& scale;
  int index;  ///< of the scale
  TextShaper& shaper;
  const FigureStyle& style;
};

/// The colour bar with its ticks, label and legend, measured for a height.
struct ColorbarSpace {
  float width = 0;  ///< bar, ticks and label together
  float barHeight = 0, labelRoom = 0;
  NumericTicks ticks;
  WrappedText label;
  bool legend = false;  ///< the colours of NaN and ∞ are explained below the bar
};

/// `room` pixels beside the cells; the rotated label may use `labelRoom`.
ColorbarSpace measureColorbar(const FigureParts& parts, const std::string& label, float room, float labelRoom,
                              bool labelled);
/// Adds the bar at span.x beside cells from span.y to span.bottom(); the label stays between `top` and `bottom`.
void addColorbar(Layout& out, const FigureParts& parts, const Rect& span, const ColorbarSpace& space, float top,
                 float bottom);

}  // namespace divlens
