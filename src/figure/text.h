#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "figure/display_list.h"

typedef struct _PangoLayout PangoLayout;  // NOLINT(bugprone-reserved-identifier): Pango's own name

namespace divlens {

/// Size of one line of text in pixels; ascent and descent are the font's, equal for all texts in the embedded font.
struct TextExtent {
  float width = 0, ascent = 0, descent = 0;
};

/// One line of text as pixels: rows of straight-alpha RGBA, its top left at (left, top) from the origin of the
/// baseline.
struct TextImage {
  int width = 0, height = 0;
  int left = 0, top = 0;
  bool colored =
      false;  ///< false: RGB is white and the painter multiplies by the text's colour; true: emoji, as they are
  std::vector<uint8_t> rgba;
};

/// Shapes and draws text with Pango in the embedded DejaVu Sans; the system's fonts are looked at only for characters
/// that it lacks. Unhinted metrics: the same for every output. Not thread-safe.
class TextShaper {
 public:
  TextShaper();
  ~TextShaper();
  TextShaper(TextShaper&&) noexcept;
  TextShaper& operator=(TextShaper&&) noexcept;

  /// Size of `utf8` (one line; invalid bytes become U+FFFD) with an em of `sizePx` pixels.
  TextExtent measure(std::string_view utf8, float sizePx);
  /// Pixels of the text; `rotation` is 0 or 90 (counter-clockwise about the origin).
  TextImage rasterise(std::string_view utf8, float sizePx, int rotation = 0);
  /// The longest beginning-and-end of `utf8` with "…" in the middle that is at most `width` pixels wide.
  std::string elide(std::string_view utf8, float sizePx, float width);
  /// A shaped layout for cairo painters (pango_cairo_update_layout not needed); owned by the shaper, valid until the
  /// next call.
  PangoLayout* layout(std::string_view utf8, float sizePx);
  /// Characters that no font had so far, each once, as "U+1F9FF", for stderr.
  std::vector<std::string> missingCharacters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct TextOrigin {
  int x = 0, y = 0;
};

/// Where the baseline of `text` begins, on whole pixels: a TextImage's left and top count from here.
TextOrigin textOrigin(const Text& text, const TextExtent& extent);
/// The box that the text may cover: advance width × (ascent + descent), rotated and placed.
Rect textBox(const Text& text, const TextExtent& extent);

}  // namespace divlens
