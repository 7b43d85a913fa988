#include "figure/figure_style.h"

#include "figure/label_text.h"

namespace divlens {

std::vector<std::string> wrapText(TextShaper& shaper, const std::string& text, float sizePx, float width, size_t most) {
  // Line feeds of a title are wished-for breaks; other control characters are shown as escapes.
  std::vector<std::string> lines(1);
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find_first_of(" \n", at), text.size());
    const std::string word = end > at ? displayLabel(text.substr(at, end - at), false, 400) : "";
    const std::string joined = lines.back().empty() ? word : lines.back() + " " + word;
    const bool full = lines.size() == most;
    if (full || lines.back().empty() || shaper.measure(joined, sizePx).width <= width)
      lines.back() = joined;
    else
      lines.push_back(word);
    if (end < text.size() && text[end] == '\n' && lines.size() < most) lines.emplace_back();
    at = end + 1;
  }
  for (std::string& line : lines) line = shaper.elide(line, sizePx, width);
  std::erase(lines, std::string());
  return lines;
}

void addFrame(DisplayList& list, const Rect& rect, float w) {
  list.items.push_back(FilledRect{{rect.x - w, rect.y - w, rect.w + 2 * w, w}, kInk});
  list.items.push_back(FilledRect{{rect.x - w, rect.bottom(), rect.w + 2 * w, w}, kInk});
  list.items.push_back(FilledRect{{rect.x - w, rect.y, w, rect.h}, kInk});
  list.items.push_back(FilledRect{{rect.right(), rect.y, w, rect.h}, kInk});
}

}  // namespace divlens
