#include "figure/text.h"

#include <fmt/core.h>
#include <pango/pangocairo.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "figure/font_config.h"
#include "figure/label_text.h"

namespace divlens {
namespace {

constexpr const char* kFamily = "DejaVu Sans";

struct Unref {
  void operator()(gpointer object) const { g_object_unref(object); }
};
template <typename T>
using Owned = std::unique_ptr<T, Unref>;

// Metrics that no hinting rounds: a label is as wide in a PNG as in a PDF.
cairo_font_options_t* fontOptions() {
  cairo_font_options_t* options = cairo_font_options_create();
  cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
  cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
  return options;
}

// A font configuration with one reusable layout.
struct Face {
  FontConfig config;
  Owned<PangoFontMap> map;
  Owned<PangoContext> context;
  Owned<PangoLayout> layout;

  explicit Face(FontConfig fonts) : config(std::move(fonts)) {
    use();
    map.reset(pango_cairo_font_map_new_for_font_type(CAIRO_FONT_TYPE_FT));
    context.reset(pango_font_map_create_context(map.get()));
    cairo_font_options_t* options = fontOptions();
    pango_cairo_context_set_font_options(context.get(), options);
    cairo_font_options_destroy(options);
    pango_context_set_round_glyph_positions(context.get(), FALSE);
    pango_context_set_language(context.get(), pango_language_from_string("en"));
    layout.reset(pango_layout_new(context.get()));
    pango_layout_set_single_paragraph_mode(layout.get(), TRUE);
  }

  // Pango asks fontconfig's current configuration; without one it would read the system's, with warnings where that
  // lacks.
  void use() { FcConfigSetCurrent(config.get()); }

  void set(const std::string& utf8, float sizePx) {
    use();
    PangoFontDescription* description = pango_font_description_new();
    pango_font_description_set_family_static(description, kFamily);
    pango_font_description_set_absolute_size(description, std::max(1.0, double(sizePx) * PANGO_SCALE));
    pango_layout_set_font_description(layout.get(), description);
    pango_font_description_free(description);
    pango_layout_set_text(layout.get(), utf8.data(), static_cast<int>(utf8.size()));
  }

  bool complete() { return pango_layout_get_unknown_glyphs_count(layout.get()) == 0; }
};

// NUL ends a text for Pango and broken UTF-8 makes it print warnings.
std::string cleaned(std::string_view text) {
  std::string out(text.substr(0, std::min<size_t>(text.size(), 1 << 16)));
  std::replace(out.begin(), out.end(), '\0', ' ');
  gchar* valid = g_utf8_make_valid(out.data(), static_cast<gssize>(out.size()));
  out = valid;
  g_free(valid);
  return out;
}

struct SurfaceDeleter {
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
};
using Surface = std::unique_ptr<cairo_surface_t, SurfaceDeleter>;

enum class Drawing { Outlines, Glyphs };

// Outlines keep fractional glyph positions, which cairo 1.16 rounds for glyphs; only glyphs can have colours.
Surface drawn(PangoLayout* layout, const TextImage& box, Drawing drawing) {
  Surface surface(cairo_image_surface_create(CAIRO_FORMAT_ARGB32, box.width, box.height));
  cairo_t* cr = cairo_create(surface.get());
  cairo_set_antialias(cr, CAIRO_ANTIALIAS_BEST);
  cairo_move_to(cr, -box.left, -box.top);
  PangoLayoutLine* line = pango_layout_get_line_readonly(layout, 0);
  if (drawing == Drawing::Outlines) {
    pango_cairo_layout_line_path(cr, line);
    cairo_fill(cr);
  } else {
    pango_cairo_show_layout_line(cr, line);
  }
  cairo_destroy(cr);
  cairo_surface_flush(surface.get());
  return surface;
}

const uint32_t* rowOf(const Surface& surface, int y) {
  const unsigned char* data = cairo_image_surface_get_data(surface.get());
  return reinterpret_cast<const uint32_t*>(data +
                                           static_cast<ptrdiff_t>(y) * cairo_image_surface_get_stride(surface.get()));
}

// The text is drawn black: any other colour comes from the font.
bool hasColors(const Surface& surface, const TextImage& box) {
  for (int y = 0; y < box.height; ++y) {
    const uint32_t* row = rowOf(surface, y);
    if (std::any_of(row, row + box.width, [](uint32_t pixel) { return (pixel & 0xFFFFFF) != 0; })) return true;
  }
  return false;
}

// Premultiplied ARGB words → straight RGBA bytes, or white with coverage.
void unpack(const Surface& surface, TextImage& image) {
  image.rgba.resize(static_cast<size_t>(image.width) * static_cast<size_t>(image.height) * 4);
  uint8_t* out = image.rgba.data();
  for (int y = 0; y < image.height; ++y) {
    const uint32_t* row = rowOf(surface, y);
    for (int x = 0; x < image.width; ++x, out += 4) {
      const uint32_t alpha = row[x] >> 24;
      const auto straight = [&](int shift) {
        if (!image.colored) return uint8_t{255};
        const uint32_t value = (row[x] >> shift) & 255;
        return static_cast<uint8_t>(alpha ? std::min<uint32_t>(255, (value * 255 + alpha / 2) / alpha) : 0);
      };
      out[0] = straight(16), out[1] = straight(8), out[2] = straight(0), out[3] = static_cast<uint8_t>(alpha);
    }
  }
}

// A quarter turn counter-clockwise about the origin moves whole pixels: (x, y) → (y, −x).
TextImage turned(const TextImage& flat) {
  TextImage image{.width = flat.height, .height = flat.width, .colored = flat.colored};
  image.left = flat.top;
  image.top = -(flat.left + flat.width);
  image.rgba.resize(flat.rgba.size());
  for (int y = 0; y < flat.height; ++y) {
    for (int x = 0; x < flat.width; ++x) {
      const size_t from = (static_cast<size_t>(y) * static_cast<size_t>(flat.width) + static_cast<size_t>(x)) * 4;
      const size_t to =
          (static_cast<size_t>(flat.width - 1 - x) * static_cast<size_t>(image.width) + static_cast<size_t>(y)) * 4;
      std::copy_n(flat.rgba.data() + from, 4, image.rgba.data() + to);
    }
  }
  return image;
}

}  // namespace

struct TextShaper::Impl {
  EmbeddedFontFile file;
  Face own{embeddedFonts(file)};
  std::optional<Face> system;
  std::set<uint32_t> missing;
  float ascent = 0, descent = 0;  ///< of an em of 1 pixel

  Impl() {
    own.set("0", 1000);
    ascent = static_cast<float>(pango_layout_get_baseline(own.layout.get())) / PANGO_SCALE / 1000;
    PangoRectangle logical;
    pango_layout_get_extents(own.layout.get(), nullptr, &logical);
    descent = static_cast<float>(logical.height) / PANGO_SCALE / 1000 - ascent;
  }

  // The face that has all characters: the embedded font where it can, else the system's fonts.
  Face& shape(std::string_view text, float sizePx) {
    const std::string utf8 = cleaned(text);
    own.set(utf8, sizePx);
    if (own.complete()) return own;
    if (!system) system.emplace(systemFonts(file));
    system->set(utf8, sizePx);
    if (!system->complete()) note(system->layout.get());
    return *system;
  }

  void note(PangoLayout* layout) {
    PangoLayoutIter* iter = pango_layout_get_iter(layout);
    do {
      const PangoLayoutRun* run = pango_layout_iter_get_run_readonly(iter);
      for (int i = 0; run && i < run->glyphs->num_glyphs; ++i) {
        const PangoGlyph glyph = run->glyphs->glyphs[i].glyph;
        if (glyph & PANGO_GLYPH_UNKNOWN_FLAG) missing.insert(glyph & ~PANGO_GLYPH_UNKNOWN_FLAG);
      }
    } while (pango_layout_iter_next_run(iter));
    pango_layout_iter_free(iter);
  }
};

TextShaper::TextShaper() : impl_(std::make_unique<Impl>()) {}
TextShaper::~TextShaper() = default;
TextShaper::TextShaper(TextShaper&&) noexcept = default;
TextShaper& TextShaper::operator=(TextShaper&&) noexcept = default;

TextExtent TextShaper::measure(std::string_view utf8, float sizePx) {
  Face& face = impl_->shape(utf8, sizePx);
  PangoRectangle logical;
  pango_layout_get_extents(face.layout.get(), nullptr, &logical);
  TextExtent extent{static_cast<float>(logical.width) / PANGO_SCALE, impl_->ascent * sizePx, impl_->descent * sizePx};
  if (&face != &impl_->own) {
    const float ascent = static_cast<float>(pango_layout_get_baseline(face.layout.get())) / PANGO_SCALE;
    extent.ascent = std::max(extent.ascent, ascent);
    extent.descent = std::max(extent.descent, static_cast<float>(logical.height) / PANGO_SCALE - ascent);
  }
  return extent;
}

TextImage TextShaper::rasterise(std::string_view utf8, float sizePx, int rotation) {
  Face& face = impl_->shape(utf8, sizePx);
  PangoRectangle ink;
  pango_layout_line_get_extents(pango_layout_get_line_readonly(face.layout.get(), 0), &ink, nullptr);
  TextImage image;
  if (ink.width <= 0 || ink.height <= 0) return image;
  image.left = PANGO_PIXELS_FLOOR(ink.x) - 1;
  image.top = PANGO_PIXELS_FLOOR(ink.y) - 1;
  image.width = PANGO_PIXELS_CEIL(ink.x + ink.width) + 1 - image.left;
  image.height = PANGO_PIXELS_CEIL(ink.y + ink.height) + 1 - image.top;
  Surface surface;
  if (&face != &impl_->own) surface = drawn(face.layout.get(), image, Drawing::Glyphs);
  image.colored = surface && hasColors(surface, image);
  if (!image.colored) surface = drawn(face.layout.get(), image, Drawing::Outlines);
  unpack(surface, image);
  return rotation == 90 ? turned(image) : image;
}

std::string TextShaper::elide(std::string_view utf8, float sizePx, float width) {
  if (measure(utf8, sizePx).width <= width) return std::string(utf8);
  size_t fits = 0, tooMany = utf8.size();
  while (fits + 1 < tooMany) {
    const size_t middle = (fits + tooMany) / 2;
    (measure(elideMiddle(utf8, middle), sizePx).width <= width ? fits : tooMany) = middle;
  }
  return fits > 0 ? elideMiddle(utf8, fits) : "";
}

PangoLayout* TextShaper::layout(std::string_view utf8, float sizePx) { return impl_->shape(utf8, sizePx).layout.get(); }

std::vector<std::string> TextShaper::missingCharacters() const {
  std::vector<std::string> names;
  for (const uint32_t c : impl_->missing) names.push_back(fmt::format("U+{:04X}", c));
  return names;
}

namespace {

// From the anchor to the beginning of the baseline, before the rotation.
struct Offset {
  float x, y;
};

Offset toOrigin(const Text& text, const TextExtent& extent) {
  const float x[] = {0, -extent.width / 2, -extent.width};
  const float y[] = {extent.ascent, (extent.ascent - extent.descent) / 2, 0, -extent.descent};
  return {x[static_cast<int>(text.hAlign)], y[static_cast<int>(text.vAlign)]};
}

}  // namespace

TextOrigin textOrigin(const Text& text, const TextExtent& extent) {
  const Offset o = toOrigin(text, extent);
  const bool turnedText = text.rotation == 90;
  const float x = text.x + (turnedText ? o.y : o.x), y = text.y + (turnedText ? -o.x : o.y);
  return {static_cast<int>(std::lround(x)), static_cast<int>(std::lround(y))};
}

Rect textBox(const Text& text, const TextExtent& extent) {
  const Offset o = toOrigin(text, extent);
  const float height = extent.ascent + extent.descent;
  if (text.rotation != 90) return {text.x + o.x, text.y + o.y - extent.ascent, extent.width, height};
  return {text.x + o.y - extent.ascent, text.y - o.x - extent.width, height, extent.width};
}

}  // namespace divlens
