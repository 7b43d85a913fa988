#pragma once
#include <imgui.h>

#include <map>
#include <string>
#include <tuple>

#include "figure/display_list.h"
#include "figure/text.h"

namespace divlens {

/// Every text of a display list as pixels in ImGui's font atlas, each distinct text once.
class TextAtlas {
 public:
  /// Packs and fills the atlas; call before the font texture is made.
  TextAtlas(ImFontAtlas& atlas, const DisplayList& list, TextShaper& shaper);
  /// Adds the text, on whole pixels, to a draw list.
  void draw(ImDrawList& drawing, const Text& text, TextShaper& shaper) const;

 private:
  using Key = std::tuple<std::string, float, int>;
  struct Entry {
    TextImage image;
    int rect = -1;  ///< of the atlas; -1: nothing to draw
  };
  static Key keyOf(const Text& text) { return {text.utf8, text.sizePx, text.rotation}; }
  void fill(const Entry& entry, unsigned char* pixels, int width) const;

  ImFontAtlas& atlas_;
  std::map<Key, Entry> entries_;
};

}  // namespace divlens
