#include "figure/vector_painter.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <fmt/chrono.h>
#include <fmt/core.h>
#include <fmt/format.h>
#include <pango/pangocairo.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "dump/escape.h"
#include "error.h"

namespace divlens {
namespace {

struct SurfaceDeleter {
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
};
using Surface = std::unique_ptr<cairo_surface_t, SurfaceDeleter>;
struct ContextDeleter {
  void operator()(cairo_t* cr) const { cairo_destroy(cr); }
};
using Context = std::unique_ptr<cairo_t, ContextDeleter>;

void check(cairo_status_t status) {
  if (status != CAIRO_STATUS_SUCCESS)
    throw Error(Exit::Output, fmt::format("cannot draw the figure: {}", cairo_status_to_string(status)));
}

cairo_status_t append(void* closure, const unsigned char* data, unsigned int length) {
  auto* bytes = static_cast<std::vector<uint8_t>*>(closure);
  bytes->insert(bytes->end(), data, data + length);
  return CAIRO_STATUS_SUCCESS;
}

// Seconds since 1970 that the file says it was made: never the clock's, which would make each run's bytes differ.
std::time_t creationTime() {
  std::time_t seconds = 0;
  if (const char* epoch = std::getenv("SOURCE_DATE_EPOCH")) {
    const std::string_view text(epoch);
    std::from_chars(text.data(), text.data() + text.size(), seconds);
  }
  return std::clamp<std::time_t>(seconds, 0, 253402300799);  // the year 9999
}

void setMetadata(cairo_surface_t* surface, FigureMetadata metadata) {
  const std::string date = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(creationTime()));
  cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, date.c_str());
  cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, "divlens");
  std::string keywords;
  for (const auto& [key, text] : metadata) {
    const std::string value = validUtf8(text);
    if (key == "Title")
      cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, value.c_str());
    else if (key == "Description")
      cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_SUBJECT, value.c_str());
    else
      keywords += fmt::format("{}{}={}", keywords.empty() ? "" : "; ", key, value);
  }
  cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_KEYWORDS, keywords.c_str());
}

// cairo numbers surfaces and images over the life of the process: counted anew from 0 in each file, so that the bytes
// of a figure do not depend on what was drawn before.
void renumber(std::vector<uint8_t>& svg) {
  const std::string text(svg.begin(), svg.end());
  std::map<std::string, size_t> numbers;
  std::string out;
  for (size_t at = 0; at < text.size();) {
    out += text[at];
    const bool opens = text[at] == '"' || text[at] == '#';
    ++at;
    if (!opens) continue;
    for (const std::string_view prefix : {"surface", "image", "source-"}) {
      if (text.compare(at, prefix.size(), prefix) != 0) continue;
      const size_t digits = at + prefix.size(), end = text.find_first_not_of("0123456789", digits);
      if (end == digits || end == text.npos) continue;
      const size_t number = numbers.emplace(text.substr(at, end - at), numbers.size()).first->second;
      out += fmt::format("{}{}", prefix, number);
      at = end;
      break;
    }
  }
  svg.assign(out.begin(), out.end());
}

// cairo writes no metadata into SVG: a title and a description go behind the root's opening tag.
void insertMetadata(std::vector<uint8_t>& svg, FigureMetadata metadata) {
  const std::string_view text(reinterpret_cast<const char*>(svg.data()), svg.size());
  const size_t root = text.find("<svg"), end = root == text.npos ? root : text.find('>', root);
  if (end == text.npos) return;
  const std::string block = "\n" + svgMetadata(metadata);
  svg.insert(svg.begin() + static_cast<std::ptrdiff_t>(end) + 1, block.begin(), block.end());
}

// Replays items; coordinates are the list's pixels, scaled to points.
class Painter {
 public:
  Painter(cairo_t* cr, const VectorParts& parts, const FrameLine& frame, bool smoothed)
      : cr_(cr), parts_(parts), frame_(frame), smoothed_(smoothed) {}

  void operator()(const FilledRect& item) {
    source(item.color);
    cairo_rectangle(cr_, item.rect.x, item.rect.y, item.rect.w, item.rect.h);
    cairo_fill(cr_);
  }

  void operator()(const Line& item) {
    source(item.color);
    cairo_set_line_width(cr_, item.width);
    cairo_move_to(cr_, item.x0, item.y0);
    cairo_line_to(cr_, item.x1, item.y1);
    cairo_stroke(cr_);
  }

  void operator()(const Triangle& item) {
    source(item.color);
    cairo_move_to(cr_, item.x0, item.y0);
    cairo_line_to(cr_, item.x1, item.y1);
    cairo_line_to(cr_, item.x2, item.y2);
    cairo_close_path(cr_);
    cairo_fill(cr_);
  }

  void operator()(const Text& item) {
    const TextOrigin origin = textOrigin(item, parts_.shaper.measure(item.utf8, item.sizePx));
    if (drawnInColor(item, origin)) return;
    PangoLayout* layout = parts_.shaper.layout(item.utf8, item.sizePx);
    cairo_save(cr_);
    cairo_translate(cr_, origin.x, origin.y);
    if (item.rotation == 90) cairo_rotate(cr_, -std::acos(0.0));
    source(item.color);
    cairo_move_to(cr_, 0, 0);
    pango_cairo_show_layout_line(cr_, pango_layout_get_line_readonly(layout, 0));
    cairo_restore(cr_);
  }

  void operator()(const HeatmapArea& item) {
    CellImage image = parts_.cells(item);
    if (image.rows < 1 || image.columns < 1) return;
    checkSize(image);
    turnUpright(image, item);
    if (smoothed_ && !parts_.rectangles) image = enlarged(image, item.rect);
    const CellPlacement place = placeCells(item, image);
    for (const FilledRect& rect : groundUnderFrame(frame_, item.rect)) (*this)(rect);
    if (parts_.rectangles)
      rectangles(image, item.rect, place);
    else
      stretched(image, item.rect, place);
  }

  void operator()(const ColorbarArea& item) {
    CellImage image = barImage(item, parts_.scales[static_cast<size_t>(item.scale)]);
    if (smoothed_) image = enlarged(image, item.rect);
    for (const FilledRect& rect : groundUnderFrame(frame_, item.rect)) (*this)(rect);
    stretched(image, item.rect,
              {item.rect.x, item.rect.y, item.rect.w / static_cast<double>(image.columns),
               item.rect.h / static_cast<double>(image.rows)});
  }

 private:
  void source(Color c) { cairo_set_source_rgba(cr_, c.r / 255.0, c.g / 255.0, c.b / 255.0, c.a / 255.0); }

  static void checkSize(const CellImage& image) {
    if (image.rows > 32767 || image.columns > 32767 ||
        std::cmp_not_equal(image.colors.size(), image.rows * image.columns))
      throw Error(Exit::Output,
                  fmt::format("an image of {} × {} cells does not go into a vector file", image.rows, image.columns));
  }

  void stretched(const CellImage& image, const Rect& clip, const CellPlacement& place) {
    Surface surface(
        cairo_image_surface_create(CAIRO_FORMAT_ARGB32, static_cast<int>(image.columns), static_cast<int>(image.rows)));
    check(cairo_surface_status(surface.get()));
    const int stride = cairo_image_surface_get_stride(surface.get());
    for (int64_t y = 0; y < image.rows; ++y) {
      auto* row = reinterpret_cast<uint32_t*>(cairo_image_surface_get_data(surface.get()) + y * stride);
      for (int64_t x = 0; x < image.columns; ++x) row[x] = premultiplied(image.color(y, x));
    }
    cairo_surface_mark_dirty(surface.get());
    show(surface.get(), clip, place);
  }

  void rectangles(const CellImage& image, const Rect& clip, const CellPlacement& place) {
    cairo_save(cr_);
    cairo_rectangle(cr_, clip.x, clip.y, clip.w, clip.h);
    cairo_clip(cr_);
    eachCell(image, place, [&](double x, double y, double w, double h, Color color) {
      source(color);
      cairo_rectangle(cr_, x, y, w, h);
      cairo_fill(cr_);
    });
    cairo_restore(cr_);
  }

  // Fonts with colours become bitmap fonts (Type 3) in a PDF: such text is drawn as an image, at three times the size.
  bool drawnInColor(const Text& item, const TextOrigin& origin) {
    constexpr int kFiner = 3;
    const TextImage text = parts_.shaper.rasterise(item.utf8, item.sizePx * kFiner, item.rotation);
    if (!text.colored) return false;
    CellImage image{text.height, text.width, {}};
    for (size_t i = 0; i + 3 < text.rgba.size(); i += 4)
      image.colors.push_back({text.rgba[i], text.rgba[i + 1], text.rgba[i + 2], text.rgba[i + 3]});
    const auto part = [&](int pixels) { return static_cast<float>(pixels) / kFiner; };
    const Rect box{static_cast<float>(origin.x) + part(text.left), static_cast<float>(origin.y) + part(text.top),
                   part(text.width), part(text.height)};
    stretched(image, box, {box.x, box.y, 1.0 / kFiner, 1.0 / kFiner});
    return true;
  }

  static uint32_t premultiplied(Color c) {
    const auto scaled = [&](uint32_t v) { return (v * c.a + 127) / 255; };
    return uint32_t{c.a} << 24 | scaled(c.r) << 16 | scaled(c.g) << 8 | scaled(c.b);
  }

  void show(cairo_surface_t* surface, const Rect& clip, const CellPlacement& place) {
    cairo_save(cr_);
    // Filled, not painted through a clip: cairo would move that to whole points.
    cairo_rectangle(cr_, clip.x, clip.y, clip.w, clip.h);
    cairo_translate(cr_, place.x, place.y);
    cairo_scale(cr_, place.cellWidth, place.cellHeight);
    cairo_set_source_surface(cr_, surface, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr_), CAIRO_FILTER_NEAREST);
    cairo_fill(cr_);
    cairo_restore(cr_);
  }

  cairo_t* cr_;
  const VectorParts& parts_;
  FrameLine frame_;
  bool smoothed_;  ///< viewers of the format smooth images
};

}  // namespace

std::vector<uint8_t> paintVector(VectorFormat format, const DisplayList& list, const VectorParts& parts) {
  std::vector<uint8_t> bytes;
  // A rasteriser of SVG that rounds up must not add a pixel for what a double is off.
  const double shorter = format == VectorFormat::Svg && list.page.width > 0 ? 1e-4 : 0;
  const double width = list.pageWidth() - shorter, height = list.pageHeight() - shorter;
  Surface surface(format == VectorFormat::Pdf ? cairo_pdf_surface_create_for_stream(append, &bytes, width, height)
                                              : cairo_svg_surface_create_for_stream(append, &bytes, width, height));
  check(cairo_surface_status(surface.get()));
  if (format == VectorFormat::Pdf) setMetadata(surface.get(), parts.metadata);
  {
    Context cr(cairo_create(surface.get()));
    cairo_scale(cr.get(), width / list.width, height / list.height);
    Painter painter(cr.get(), parts, list.frame, format == VectorFormat::Svg);
    if (list.background.a > 0)
      painter(FilledRect{{0, 0, static_cast<float>(list.width), static_cast<float>(list.height)}, list.background});
    for (const DisplayItem& item : list.items) std::visit(painter, item);
    check(cairo_status(cr.get()));
  }
  cairo_surface_finish(surface.get());
  check(cairo_surface_status(surface.get()));
  if (format == VectorFormat::Svg) {
    renumber(bytes);
    insertMetadata(bytes, parts.metadata);
  }
  return bytes;
}

}  // namespace divlens
