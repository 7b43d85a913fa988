#pragma once
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "figure/display_list.h"
#include "figure/text.h"

namespace divlens {

inline constexpr Color kInk{26, 26, 26, 255};
inline constexpr Color kNote{110, 110, 110, 255};

/// The sizes of a figure's parts in pixels, from their sizes in points.
struct FigureStyle {
  double dpi;
  float tickSize, labelSize, titleSize, noteSize;  ///< text: 8, 9, 10 and 6.5 pt
  float margin, barGap, barWidth, tickLength, tickPad, lineWidth;

  explicit FigureStyle(double dotsPerInch)
      : dpi(dotsPerInch),
        tickSize(px(8)),
        labelSize(px(9)),
        titleSize(px(10)),
        noteSize(px(6.5)),
        margin(std::ceil(px(4))),
        barGap(std::round(px(9))),
        barWidth(std::round(px(10))),
        tickLength(std::max(1.0f, std::round(px(2.5)))),
        tickPad(px(2)),
        lineWidth(std::max(1.0f, std::round(px(0.6)))) {}

  float px(double points) const { return static_cast<float>(points * dpi / 72); }
  /// From one baseline to the next; the embedded font's ascent and descent are 1.164 em.
  float line(float size) const { return std::ceil(1.17f * size); }
  float tickGap() const { return lineWidth + tickLength + tickPad; }
};

/// The text in lines of at most `width` pixels, broken at spaces; what does not fit `most` lines is elided.
std::vector<std::string> wrapText(TextShaper& shaper, const std::string& text, float sizePx, float width, size_t most);
/// A frame around a rectangle, outside of it.
void addFrame(DisplayList& list, const Rect& rect, float lineWidth);

}  // namespace divlens
