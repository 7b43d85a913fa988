#pragma once
#include <string>
#include <vector>

#include "figure/figure_content.h"
#include "figure/figure_style.h"

namespace divlens {

/// A warning that several parts of a figure may have reason for, said once.
void warnOnce(Layout& out, const std::string& text);
/// A warning where text of `sizePx` is under 5 points, which few venues allow; `what` says which text.
void warnOfSmallText(Layout& out, const FigureStyle& style, float sizePx, const char* what);
/// A warning that `what` ("the title", "x tick labels") are not shown whole.
void warnOfShortened(Layout& out, const char* what);

/// A text in lines; `shortened` where something of it is left out.
struct WrappedText {
  std::vector<std::string> lines;
  bool shortened = false;
  bool empty() const { return lines.empty(); }
  float height(const FigureStyle& style, float sizePx) const { return float(lines.size()) * style.line(sizePx); }
};
/// Lines of at most `width` pixels, broken at spaces; what does not fit `most` lines is elided.
WrappedText wrapText(TextShaper& shaper, const std::string& text, float sizePx, float width, size_t most);
/// The same, broken at " · " alone where that does; for lists of facts.
WrappedText wrapFacts(TextShaper& shaper, const std::string& text, float sizePx, float width, size_t most);
/// The text in at most `width` pixels; where it must be elided, with warnOfShortened().
std::string fitted(Layout& out, TextShaper& shaper, const std::string& text, float sizePx, float width,
                   const char* what);

/// Adds a text that is not empty.
void addText(Layout& out, Text text);
/// The title from the top margin on, centred over `inner` where that stays on the page.
void addTitle(Layout& out, TextShaper& shaper, const FigureStyle& style, const WrappedText& title, const Rect& inner);
/// The name of the columns above `bottom`, centred below `inner` where that stays on the page.
void addXLabel(Layout& out, TextShaper& shaper, const FigureStyle& style, const std::string& label, const Rect& inner,
               float bottom);
/// The name of the rows on the left of `right`, turned, centred beside `inner` where it stays within `span`'s height.
void addYLabel(Layout& out, TextShaper& shaper, const FigureStyle& style, const std::string& label, const Rect& inner,
               float right, const Rect& span);
/// The small lines at the foot of the page.
void addFoot(Layout& out, const FigureStyle& style, const WrappedText& foot);

}  // namespace divlens
