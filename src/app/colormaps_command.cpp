#include "app/colormaps_command.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "app/session.h"
#include "divergence/grid.h"
#include "dump/escape.h"
#include "error.h"
#include "figure/atomic_file.h"
#include "figure/color_vision.h"
#include "figure/colormap_sheet.h"
#include "figure/overlay.h"
#include "figure/png.h"
#include "figure/vector_painter.h"

namespace divlens {
namespace {

const std::vector<std::pair<std::string, std::string>>& metadata() {
  static const std::vector<std::pair<std::string, std::string>> pairs = {{"Title", "Colormaps"},
                                                                         {"Software", "divlens " DIVLENS_VERSION}};
  return pairs;
}

std::vector<uint8_t> pngSheet(const ColormapSheet& sheet, TextShaper& shaper, const Settings& settings) {
  const gpu::Context context({.device = settings.device});
  const Grid grid(context, 1, 1, 1);
  const std::vector<uint8_t> pixels = drawOffscreen(context, sheet.list, shaper, grid, sheet.scales);
  PngHeader header{.width = sheet.list.width, .height = sheet.list.height, .dpi = sheet.list.dpi, .text = {}};
  for (const auto& [key, value] : metadata()) header.text.push_back({key, value});
  return encodePng(header, pixels, size_t(sheet.list.width) * 4);
}

std::vector<uint8_t> picture(const ColormapSheet& sheet, TextShaper& shaper, const Settings& settings, Writer writer) {
  if (writer == Writer::Png) return pngSheet(sheet, shaper, settings);
  const VectorParts parts{.shaper = shaper,
                          .scales = sheet.scales,
                          .cells = [](const HeatmapArea&) { return CellImage{}; },
                          .metadata = metadata()};
  if (writer == Writer::Pdf) return paintVector(VectorFormat::Pdf, sheet.list, parts);
  return settings.figure.svgText == "path" ? paintVector(VectorFormat::Svg, sheet.list, parts)
                                           : paintSvg(sheet.list, parts);
}

/// Names, and of each whether colours that are far apart stay so in grey and without one kind of cones.
std::string colormapsJson(const std::vector<std::string>& names) {
  nlohmann::ordered_json distinct;
  for (const std::string& name : names)
    for (const VisionRow& row : visions()) distinct[name][row.name] = keepsApart(colormap(name), row.vision);
  return nlohmann::ordered_json{{"colormaps", names}, {"distinct", distinct}}.dump(1) + "\n";
}

}  // namespace

std::string colormapsText(const Settings& settings) {
  const std::vector<std::string> names = colormapNames();
  if (settings.json) return colormapsJson(names);
  std::string text;
  for (const std::string& name : names) text += name + "\n";
  return text;
}

std::string drawColormaps(const Settings& settings) {
  TextShaper shaper;
  const ColormapSheet sheet = colormapSheet(settings.figure, shaper);
  std::vector<std::unique_ptr<AtomicFile>> files;
  std::string standardOutput;
  for (const Output& output : settings.outputs) {
    if (!output.format->figure)
      throw Error(Exit::Usage, fmt::format("-o {}: the maps are a picture: .png, .pdf or .svg; without -o their names "
                                           "go to standard output",
                                           escapedPath(output.path)));
    const std::vector<uint8_t> bytes = picture(sheet, shaper, settings, output.format->writer);
    if (output.path == "-") {
      standardOutput.assign(bytes.begin(), bytes.end());
      continue;
    }
    files.push_back(std::make_unique<AtomicFile>(output.path));
    files.back()->write(std::as_bytes(std::span(bytes)));
  }
  for (const auto& file : files) file->commit();
  return standardOutput;
}

}  // namespace divlens
