#include "figure/vector_painter.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <fmt/chrono.h>
#include <fmt/core.h>
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

void setMetadata(cairo_surface_t* surface, std::span<const std::pair<std::string, std::string>> metadata) {
  const std::string date = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(creationTime()));
  cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, date.c_str());
  cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, "divlens");
  std::string keywords;
  for (const auto& [key, value] : metadata) {
    if (key == "Title")
      cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, value.c_str());
    else if (key == "Description")
      cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_SUBJECT, value.c_str());
    else
      keywords += (keywords.empty() ? "" : "; ") + key + "=" + value;
  }
  cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_KEYWORDS, keywords.c_str());
}

std::string xmlEscaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<' || c == '>' || c == '&')
      out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : "&amp;";
    else
      out += static_cast<unsigned char>(c) < 32 && c != '\n' ? ' ' : c;
  }
  return out;
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
void insertMetadata(std::vector<uint8_t>& svg, std::span<const std::pair<std::string, std::string>> metadata) {
  std::string title, lines;
  for (const auto& [key, value] : metadata) {
    if (key == "Title")
      title = fmt::format("<title>{}</title>\n", xmlEscaped(value));
    else
      lines += fmt::format("{}={}\n", xmlEscaped(key), xmlEscaped(value));
  }
  const std::string_view text(reinterpret_cast<const char*>(svg.data()), svg.size());
  const size_t root = text.find("<svg"), end = root == text.npos ? root : text.find('>', root);
  if (end == text.npos) return;
  const std::string block = fmt::format("\n{}<desc>{}</desc>", title, lines);
  svg.insert(svg.begin() + static_cast<std::ptrdiff_t>(end) + 1, block.begin(), block.end());
}

// Replays items; coordinates are the list's pixels, scaled to points.
class Painter {
 public:
  Painter(cairo_t* cr, TextShaper& shaper, const CellColors& colors,
          const std::function<CellImage(const HeatmapArea&)>& cells)
      : cr_(cr), shaper_(shaper), colors_(colors), cells_(cells) {}

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
    const TextOrigin origin = textOrigin(item, shaper_.measure(item.utf8, item.sizePx));
    PangoLayout* layout = shaper_.layout(item.utf8, item.sizePx);
    cairo_save(cr_);
    cairo_translate(cr_, origin.x, origin.y);
    if (item.rotation == 90) cairo_rotate(cr_, -std::acos(0.0));
    source(item.color);
    cairo_move_to(cr_, 0, 0);
    pango_cairo_show_layout_line(cr_, pango_layout_get_line_readonly(layout, 0));
    cairo_restore(cr_);
  }

  void operator()(const HeatmapArea& item) {
    CellImage image = cells_(item);
    if (image.rows < 1 || image.columns < 1) return;
    if (!item.originUpper)
      for (int64_t row = 0; row < image.rows / 2; ++row)
        std::swap_ranges(image.colors.begin() + row * image.columns, image.colors.begin() + (row + 1) * image.columns,
                         image.colors.begin() + (image.rows - 1 - row) * image.columns);
    // The image holds whole cells; what is visible of the first and last one is cut.
    const double firstRow = std::floor(item.rowBegin), firstColumn = std::floor(item.columnBegin);
    const double cellWidth = item.rect.w / (item.columnEnd - item.columnBegin),
                 cellHeight = item.rect.h / (item.rowEnd - item.rowBegin);
    const double x = item.rect.x - (item.columnBegin - firstColumn) * cellWidth;
    const double upper = item.rect.y - (item.rowBegin - firstRow) * cellHeight;
    const double lower =
        item.rect.bottom() + (item.rowBegin - firstRow) * cellHeight - cellHeight * static_cast<double>(image.rows);
    stretched(image, item.rect, {x, item.originUpper ? upper : lower, cellWidth, cellHeight});
  }

  void operator()(const ColorbarArea& item) {
    constexpr int kSteps = 512;
    CellImage image{item.vertical ? kSteps : 1, item.vertical ? 1 : kSteps, {}};
    for (int i = 0; i < kSteps; ++i) {
      const float at = (static_cast<float>(item.vertical ? kSteps - 1 - i : i) + 0.5f) / kSteps;
      const float t = item.tBegin + at * (item.tEnd - item.tBegin);
      image.colors.push_back(colors_.table[static_cast<size_t>(std::clamp(t * 256.0f, 0.0f, 255.0f))]);
    }
    stretched(image, item.rect,
              {item.rect.x, item.rect.y, item.rect.w / static_cast<double>(image.columns),
               item.rect.h / static_cast<double>(image.rows)});
  }

 private:
  struct Grid {
    double x, y, cellWidth, cellHeight;
  };

  void source(Color c) { cairo_set_source_rgba(cr_, c.r / 255.0, c.g / 255.0, c.b / 255.0, c.a / 255.0); }

  void stretched(const CellImage& image, const Rect& clip, const Grid& grid) {
    if (image.rows > 32767 || image.columns > 32767 ||
        std::cmp_not_equal(image.colors.size(), image.rows * image.columns))
      throw Error(Exit::Output,
                  fmt::format("an image of {} × {} cells does not go into a vector file", image.rows, image.columns));
    Surface surface(
        cairo_image_surface_create(CAIRO_FORMAT_ARGB32, static_cast<int>(image.columns), static_cast<int>(image.rows)));
    check(cairo_surface_status(surface.get()));
    const int stride = cairo_image_surface_get_stride(surface.get());
    for (int64_t y = 0; y < image.rows; ++y) {
      auto* row = reinterpret_cast<uint32_t*>(cairo_image_surface_get_data(surface.get()) + y * stride);
      for (int64_t x = 0; x < image.columns; ++x) {
        const Color c = image.colors[static_cast<size_t>(y * image.columns + x)];
        const auto scaled = [&](uint32_t v) { return (v * c.a + 127) / 255; };
        row[x] = uint32_t{c.a} << 24 | scaled(c.r) << 16 | scaled(c.g) << 8 | scaled(c.b);
      }
    }
    cairo_surface_mark_dirty(surface.get());
    cairo_save(cr_);
    cairo_rectangle(cr_, clip.x, clip.y, clip.w, clip.h);
    cairo_clip(cr_);
    cairo_translate(cr_, grid.x, grid.y);
    cairo_scale(cr_, grid.cellWidth, grid.cellHeight);
    cairo_set_source_surface(cr_, surface.get(), 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr_), CAIRO_FILTER_NEAREST);
    cairo_paint(cr_);
    cairo_restore(cr_);
  }

  cairo_t* cr_;
  TextShaper& shaper_;
  const CellColors& colors_;
  const std::function<CellImage(const HeatmapArea&)>& cells_;
};

}  // namespace

std::vector<uint8_t> paintVector(VectorFormat format, const DisplayList& list, TextShaper& shaper,
                                 const CellColors& colors, const std::function<CellImage(const HeatmapArea&)>& cells,
                                 std::span<const std::pair<std::string, std::string>> metadata) {
  std::vector<uint8_t> bytes;
  const double scale = 72 / list.dpi;
  const double width = list.width * scale, height = list.height * scale;
  Surface surface(format == VectorFormat::Pdf ? cairo_pdf_surface_create_for_stream(append, &bytes, width, height)
                                              : cairo_svg_surface_create_for_stream(append, &bytes, width, height));
  check(cairo_surface_status(surface.get()));
  if (format == VectorFormat::Pdf) setMetadata(surface.get(), metadata);
  {
    Context cr(cairo_create(surface.get()));
    cairo_scale(cr.get(), scale, scale);
    Painter painter(cr.get(), shaper, colors, cells);
    if (list.background.a > 0)
      painter(FilledRect{{0, 0, static_cast<float>(list.width), static_cast<float>(list.height)}, list.background});
    for (const DisplayItem& item : list.items) std::visit(painter, item);
    check(cairo_status(cr.get()));
  }
  cairo_surface_finish(surface.get());
  check(cairo_surface_status(surface.get()));
  if (format == VectorFormat::Svg) {
    renumber(bytes);
    insertMetadata(bytes, metadata);
  }
  return bytes;
}

}  // namespace divlens
