#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "figure/cell_rule.h"

namespace divlens {

/// Pixels of the figure, y downwards from its top left corner; cell edges may fall between pixels.
struct Rect {
  float x = 0, y = 0, w = 0, h = 0;
  float right() const { return x + w; }
  float bottom() const { return y + h; }
};

/// 8-bit sRGB with straight alpha.
struct Color {
  uint8_t r = 0, g = 0, b = 0, a = 255;
  bool operator==(const Color&) const = default;
};

enum class HAlign : uint8_t { Left, Center, Right };
enum class VAlign : uint8_t { Top, Middle, Baseline, Bottom };

struct FilledRect {
  Rect rect;
  Color color;
};

/// A line with butt ends; horizontal and vertical ones cover whole pixels.
struct Line {
  float x0 = 0, y0 = 0, x1 = 0, y1 = 0, width = 1;
  Color color;
};

/// One line of text. The alignment is that of the unrotated text about its anchor (x, y); then the text turns about the
/// anchor by `rotation` (0 or 90 degrees, counter-clockwise). text.h: textBox, textOrigin.
struct Text {
  std::string utf8;
  float x = 0, y = 0, sizePx = 0;
  HAlign hAlign = HAlign::Left;
  VAlign vAlign = VAlign::Baseline;
  int rotation = 0;
  Color color;
};

/// Edges of the cells of axes whose cells are not all alike, in cells from 0 to their number; empty: they are.
struct AxisEdges {
  std::vector<float> rows, columns;
};

/// Where the cells of a panel are drawn: [columnBegin, columnEnd) × [rowBegin, rowEnd), fractions of a cell allowed.
struct HeatmapArea {
  Rect rect;
  int panel = 0;
  int scale = 0;            ///< index of its colours
  CellReduction reduction;  ///< how cells share a pixel, and which show the background
  bool originUpper = true;  ///< true: rowBegin is the top edge; false: the bottom edge
  double rowBegin = 0, rowEnd = 0, columnBegin = 0, columnEnd = 0;
  const AxisEdges* edges = nullptr;  ///< of the display list; null: all cells are alike
  CellRule dimmed;                   ///< cells that are faded
};

/// The colour bar's gradient: the colour map at tBegin (bottom or left) … tEnd (top or right), linear in between.
struct ColorbarArea {
  Rect rect;
  int scale = 0;
  bool vertical = true;
  float tBegin = 0, tEnd = 1;
  double vmin = 0, vmax = 1;
};

/// A filled triangle: the arrows of the colour bar.
struct Triangle {
  float x0 = 0, y0 = 0, x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  Color color;
};

using DisplayItem = std::variant<FilledRect, Line, Text, HeatmapArea, ColorbarArea, Triangle>;

/// The line around cells and bars, outside of them; width 0: none.
struct FrameLine {
  float width = 0;
  Color color;
};

struct PageSize {
  double width = 0, height = 0;  ///< inches
};

/// Everything that a figure shows, in drawing order; painters only replay it.
struct DisplayList {
  int width = 0, height = 0;  ///< pixels
  double dpi = 0;             ///< pixels an inch
  PageSize page;              ///< of a vector file, over which the pixels are spread; 0: as dpi says
  double points(int pixels, double inches) const { return inches > 0 ? inches * 72 : pixels * 72 / dpi; }
  double pageWidth() const { return points(width, page.width); }     ///< points
  double pageHeight() const { return points(height, page.height); }  ///< points
  FrameLine frame;
  Color background{255, 255, 255, 255};
  std::vector<DisplayItem> items;
  std::shared_ptr<const AxisEdges> edges;  ///< what the areas point to: all panels share their axes
};

}  // namespace divlens
