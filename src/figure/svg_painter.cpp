// SVG with text as text. cairo would turn it into outlines.
#include <fmt/format.h>

#include <string_view>

#include "figure/png.h"
#include "figure/vector_painter.h"

namespace divlens {
namespace {

std::string xmlEscaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        // Other control characters may not stand in XML, not even escaped.
        out += static_cast<unsigned char>(c) < 32 && c != '\n' ? ' ' : c;
    }
  }
  return out;
}

std::string base64(std::span<const uint8_t> bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve(bytes.size() / 3 * 4 + 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = bytes.size() - i;
    const uint32_t word = uint32_t{bytes[i]} << 16 | (left > 1 ? uint32_t{bytes[i + 1]} << 8 : 0) |
                          (left > 2 ? uint32_t{bytes[i + 2]} : 0);
    out += kDigits[word >> 18];
    out += kDigits[word >> 12 & 63];
    out += left > 1 ? kDigits[word >> 6 & 63] : '=';
    out += left > 2 ? kDigits[word & 63] : '=';
  }
  return out;
}

// Attributes of a fill: opacity only where there is some.
std::string fill(Color c) {
  return fmt::format(R"(fill="#{:02x}{:02x}{:02x}"{})", c.r, c.g, c.b,
                     c.a == 255 ? "" : fmt::format(R"( fill-opacity="{:.3g}")", c.a / 255.0));
}

class SvgPainter {
 public:
  SvgPainter(const VectorParts& parts, const FrameLine& frame) : parts_(parts), frame_(frame) {}
  std::string body;

  void operator()(const FilledRect& item) { rectangle(item.rect.x, item.rect.y, item.rect.w, item.rect.h, item.color); }

  void operator()(const Line& item) {
    body += fmt::format(R"(<line x1="{:.7g}" y1="{:.7g}" x2="{:.7g}" y2="{:.7g}" stroke="#{:02x}{:02x}{:02x}" )"
                        R"(stroke-width="{:.7g}"/>)",
                        item.x0, item.y0, item.x1, item.y1, item.color.r, item.color.g, item.color.b, item.width) +
            "\n";
  }

  void operator()(const Triangle& item) {
    body += fmt::format(R"(<polygon points="{:.7g},{:.7g} {:.7g},{:.7g} {:.7g},{:.7g}" {}/>)", item.x0, item.y0,
                        item.x1, item.y1, item.x2, item.y2, fill(item.color)) +
            "\n";
  }

  // textLength keeps the width where the reader's machine has another font.
  void operator()(const Text& item) {
    const TextExtent extent = parts_.shaper.measure(item.utf8, item.sizePx);
    const TextOrigin origin = textOrigin(item, extent);
    const std::string turn =
        item.rotation == 90 ? fmt::format(" transform=\"rotate(-90 {} {})\"", origin.x, origin.y) : "";
    body += fmt::format(R"(<text x="{}" y="{}" font-size="{:.7g}" textLength="{:.7g}" {}{}>{}</text>)", origin.x,
                        origin.y, item.sizePx, extent.width, fill(item.color), turn, xmlEscaped(item.utf8)) +
            "\n";
  }

  void operator()(const HeatmapArea& item) {
    CellImage cells = parts_.cells(item);
    if (cells.rows < 1 || cells.columns < 1) return;
    turnUpright(cells, item);
    if (!parts_.rectangles) cells = enlarged(cells, item.rect);
    const CellPlacement place = placeCells(item, cells);
    for (const FilledRect& rect : groundUnderFrame(frame_, item.rect)) (*this)(rect);
    const Rect& clip = item.rect;
    body += fmt::format(R"(<svg x="{0:.7g}" y="{1:.7g}" width="{2:.7g}" height="{3:.7g}" )"
                        R"(viewBox="{0:.7g} {1:.7g} {2:.7g} {3:.7g}">)",
                        clip.x, clip.y, clip.w, clip.h) +
            "\n";
    if (parts_.rectangles)
      eachCell(cells, place,
               [&](double x, double y, double w, double h, Color color) { rectangle(x, y, w, h, color); });
    else
      image(cells, place);
    body += "</svg>\n";
  }

  void operator()(const ColorbarArea& item) {
    const CellImage bar = enlarged(barImage(item, parts_.scales[static_cast<size_t>(item.scale)]), item.rect);
    for (const FilledRect& rect : groundUnderFrame(frame_, item.rect)) (*this)(rect);
    image(bar, {item.rect.x, item.rect.y, item.rect.w / static_cast<double>(bar.columns),
                item.rect.h / static_cast<double>(bar.rows)});
  }

 private:
  void rectangle(double x, double y, double w, double h, Color color) {
    body += fmt::format(R"(<rect x="{:.7g}" y="{:.7g}" width="{:.7g}" height="{:.7g}" {}/>)", x, y, w, h, fill(color)) +
            "\n";
  }

  void image(const CellImage& cells, const CellPlacement& place) {
    std::vector<uint8_t> rgba;
    rgba.reserve(cells.colors.size() * 4);
    for (const Color c : cells.colors) rgba.insert(rgba.end(), {c.r, c.g, c.b, c.a});
    const PngHeader header{
        .width = static_cast<int>(cells.columns), .height = static_cast<int>(cells.rows), .channels = 4, .text = {}};
    body += fmt::format(R"(<image x="{:.7g}" y="{:.7g}" width="{:.7g}" height="{:.7g}" preserveAspectRatio="none" )"
                        R"(image-rendering="optimizeSpeed" style="image-rendering:pixelated" )"
                        R"(xlink:href="data:image/png;base64,{}"/>)",
                        place.x, place.y, place.cellWidth * static_cast<double>(cells.columns),
                        place.cellHeight * static_cast<double>(cells.rows),
                        base64(encodePng(header, rgba, static_cast<size_t>(cells.columns) * 4))) +
            "\n";
  }

  const VectorParts& parts_;
  FrameLine frame_;
};

}  // namespace

std::string svgMetadata(FigureMetadata metadata) {
  std::string title, lines;
  for (const auto& [key, value] : metadata) {
    if (key == "Title")
      title = fmt::format("<title>{}</title>\n", xmlEscaped(value));
    else
      lines += fmt::format("{}={}\n", xmlEscaped(key), xmlEscaped(value));
  }
  return fmt::format("{}<desc>{}</desc>\n", title, lines);
}

std::vector<uint8_t> paintSvg(const DisplayList& list, const VectorParts& parts) {
  SvgPainter painter(parts, list.frame);
  if (list.background.a > 0)
    painter(FilledRect{{0, 0, static_cast<float>(list.width), static_cast<float>(list.height)}, list.background});
  for (const DisplayItem& item : list.items) std::visit(painter, item);
  // Points: a rasteriser that rounds up must not add a pixel for what a double is off.
  const double shorter = list.page.width > 0 ? 1e-4 : 0;
  const std::string svg = fmt::format(
      R"(<?xml version="1.0" encoding="UTF-8"?>)"
      "\n"
      R"(<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{:.7g}pt" )"
      R"(height="{:.7g}pt" viewBox="0 0 {} {}" preserveAspectRatio="none" xml:space="preserve" font-family="DejaVu Sans, sans-serif">)"
      "\n{}{}</svg>\n",
      list.pageWidth() - shorter, list.pageHeight() - shorter, list.width, list.height, svgMetadata(parts.metadata),
      painter.body);
  return {svg.begin(), svg.end()};
}

}  // namespace divlens
