#pragma once
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "figure/display_list.h"
#include "figure/figure_content.h"
#include "figure/options.h"
#include "figure/text.h"

namespace divlens {

/// The sizes of a figure's parts in pixels, from their sizes in points, and its colours.
struct FigureStyle {
  double dpi;
  double points = 9;                               ///< of the axes' names; other text in proportion
  float tickSize, labelSize, titleSize, noteSize;  ///< text
  float margin, barGap, barWidth, tickLength, tickPad, lineWidth;
  Color ink, note, background;

  /// As --style, --font-size and --dpi say; Error(Usage).
  explicit FigureStyle(const FigureOptions& options);
  float px(double inPoints) const { return static_cast<float>(inPoints * dpi / 72); }
  /// From one baseline to the next; the embedded font's ascent and descent are 1.164 em.
  float line(float size) const { return std::ceil(1.17f * size); }
  float tickGap() const { return lineWidth + tickLength + tickPad; }
};

/// A frame around a rectangle, outside of it.
void addFrame(DisplayList& list, const Rect& rect, float lineWidth, Color color);

}  // namespace divlens
