// PDF and SVG as other programs read them: poppler, qpdf and librsvg (tools/setup --dev).
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "catch.h"
#include "picture.h"
#include "program.h"

using namespace divlens::test;

namespace {

/// Runs a tool of the system and returns what it prints; fails where it is missing or fails.
std::string tool(const Folder& folder, const std::string& command) {
  INFO(command << " (tools/setup --dev installs it)");
  const std::string out = folder / "tool.txt";
  REQUIRE(std::system(fmt::format("{} > '{}' 2>&1", command, out).c_str()) == 0);
  return readBytes(out);
}

void draw(const Folder& folder, const std::vector<std::string>& more) {
  std::vector<std::string> words = {
      "render", example("lens.safetensors"), "--metric", "kl", "--norm", "symlog", "--linthresh", "1", "--dpi", "300"};
  words.insert(words.end(), more.begin(), more.end());
  for (const char* suffix : {"png", "pdf", "svg"})
    words.insert(words.end(), {"-o", folder / (std::string("figure.") + suffix)});
  const Ran ran = run(words);
  INFO(ran.err);
  REQUIRE(ran.code == 0);
}

/// Every cell has the PNG's colour, and few pixels in all differ much: text is drawn by other rasterisers.
void compareRaster(const Picture& png, const std::string& path) {
  INFO(path);
  const Picture other = readPicture(path);
  REQUIRE(std::abs(other.width - png.width) <= 1);
  REQUIRE(std::abs(other.height - png.height) <= 1);
  const Frame frame = findFrame(png);
  size_t different = 0, cells = 0;
  for (int y = 0; y < std::min(png.height, other.height); ++y)
    for (int x = 0; x < std::min(png.width, other.width); ++x) {
      const Pixel a = png.at(x, y), b = other.at(x, y);
      int step = 0;
      for (size_t c = 0; c < 3; ++c) step = std::max(step, std::abs(int(a[c]) - int(b[c])));
      different += step > 96;
    }
  CHECK(double(different) < 0.01 * double(png.width) * double(png.height));
  for (long row = 0; row < 11; ++row)
    for (long column = 0; column < 8; ++column) {
      const Pixel a = cellPixel(png, frame, {row, column}, {11, 8}),
                  b = cellPixel(other, frame, {row, column}, {11, 8});
      for (size_t c = 0; c < 3; ++c) cells += std::abs(int(a[c]) - int(b[c])) > 1;
    }
  CHECK(cells == 0);
}

/// Cells alone, as f.pdf and f.svg.
void drawBare(const Folder& folder, std::vector<std::string> words) {
  words.insert(words.begin(), "render");
  words.insert(words.end(), {"--no-cbar", "--note", "", "--xlabel", "", "--ylabel", "", "--xticklabels", "none",
                             "--yticklabels", "none", "-o", folder / "f.pdf", "-o", folder / "f.svg"});
  const Ran ran = run(words);
  INFO(ran.err);
  REQUIRE(ran.code == 0);
}

/// Calls `check(picture, dpi)` with f.pdf and f.svg as poppler and librsvg draw them at several resolutions.
template <typename Check>
void eachRaster(const Folder& folder, Check check) {
  for (const int dpi : {72, 96, 110, 150, 300}) {
    tool(folder, fmt::format("pdftoppm -r {} -png -singlefile '{}' '{}'", dpi, folder / "f.pdf", folder / "pdf"));
    tool(folder, fmt::format("rsvg-convert -d {0} -p {0} -o '{1}' '{2}'", dpi, folder / "svg.png", folder / "f.svg"));
    for (const char* name : {"pdf.png", "svg.png"}) {
      INFO(name << " at " << dpi);
      check(readPicture(folder / name), dpi);
    }
  }
}

/// From the first dark pixel to the last one of a row (or column) of pixels all are dark.
void checkDark(const Picture& picture, int x, int y, bool across) {
  std::vector<bool> dark;
  for (; x < picture.width && y < picture.height; across ? ++x : ++y) {
    const Pixel p = picture.at(x, y);
    dark.push_back(int(p[0]) + p[1] + p[2] < 3 * 100);
  }
  const auto from = std::find(dark.begin(), dark.end(), true);
  const auto to = std::find(dark.rbegin(), dark.rend(), true).base();
  REQUIRE(to - from > 50);
  CHECK(std::count(from, to, true) == to - from);
}

}  // namespace

TEST_CASE("a PDF is sound, has embedded TrueType fonts and the PNG's pixels", "[vector][files]") {
  for (const char* cells : {"image", "vector"}) {
    const Folder folder;
    draw(folder, {"--cells", cells});
    const std::string pdf = folder / "figure.pdf";
    CHECK(has(tool(folder, fmt::format("qpdf --check '{}'", pdf)), "No syntax or stream encoding errors found"));
    std::istringstream fonts(tool(folder, fmt::format("pdffonts '{}'", pdf)));
    std::string line;
    std::getline(fonts, line);
    std::getline(fonts, line);
    int count = 0;
    for (; std::getline(fonts, line); ++count) {
      INFO(line);
      CHECK(has(line, "TrueType"));
      CHECK(has(line, "yes yes"));  // embedded, a subset
    }
    CHECK(count > 0);
    const std::string about = tool(folder, fmt::format("pdfinfo '{}'", pdf));
    CHECK(has(about, "PDF version:     1.5"));
    CHECK_FALSE(has(about, "/" + std::string(example("").substr(1, 4))));  // no path
    CHECK(has(tool(folder, fmt::format("pdftotext '{}' -", pdf)), "Logit lens"));
    tool(folder, fmt::format("pdftoppm -r 300 -png -singlefile '{}' '{}'", pdf, folder / "raster"));
    compareRaster(readPicture(folder / "figure.png"), folder / "raster.png");
  }
}

TEST_CASE("a vector figure is as large as asked for, whatever --dpi", "[vector][files]") {
  struct Size {
    std::vector<std::string> words;
    double width, height;  // points; height 0: as the grid says
  };
  const std::vector<Size> sizes = {{{"--figsize", "84mm,60.5mm"}, 84 / 25.4 * 72, 60.5 / 25.4 * 72},
                                   {{"--figsize", "3.333,2.111"}, 3.333 * 72, 2.111 * 72},
                                   {{"--figsize", "251.7pt,160.3pt", "--style", "dark"}, 251.7, 160.3},
                                   {{"--size", "icml"}, 234, 0},
                                   {{"--figsize", "301px,200px", "--dpi", "150"}, 301 * 72 / 150.0, 96}};
  for (const Size& size : sizes)
    for (const char* dpi : {"72", "150", "301"}) {
      INFO(size.words[1] << " at " << dpi);
      const Folder folder;
      const std::string text = size.words[0] == "--size" ? "path" : "text";
      std::vector<std::string> words = {"render", example("steps.csv"), "--svg-text", text,
                                        "-o",     folder / "f.pdf",     "-o",         folder / "f.svg"};
      words.insert(words.end(), size.words.begin(), size.words.end());
      if (size.words.size() < 4 || size.words[2] != "--dpi") words.insert(words.end(), {"--dpi", dpi});
      const Ran ran = run(words);
      INFO(ran.err);
      REQUIRE(ran.code == 0);
      const std::string about = tool(folder, fmt::format("pdfinfo '{}'", folder / "f.pdf"));
      double width = 0, height = 0;
      REQUIRE(std::sscanf(about.c_str() + about.find("Page size:"), "Page size: %lf x %lf", &width, &height) == 2);
      CHECK(std::abs(width - size.width) < 0.001);
      if (size.height > 0) CHECK(std::abs(height - size.height) < 0.001);
      const std::string svg = readBytes(folder / "f.svg");
      double svgWidth = 0, svgHeight = 0;
      REQUIRE(std::sscanf(svg.c_str() + svg.find("width=\""), "width=\"%lfpt\" height=\"%lfpt", &svgWidth,
                          &svgHeight) == 2);
      CHECK(std::abs(svgWidth - size.width) < 0.001);
      CHECK(std::abs(svgHeight - height) < 0.001);
    }
}

TEST_CASE("an SVG is parsed and drawn with the PNG's pixels", "[vector][files]") {
  for (const char* text : {"text", "path"})
    for (const char* cells : {"image", "vector"}) {
      INFO(text << ' ' << cells);
      const Folder folder;
      draw(folder, {"--svg-text", text, "--cells", cells});
      // Its size is in points, 72 an inch, and librsvg counts 96 pixels an inch unless told otherwise.
      tool(folder,
           fmt::format("rsvg-convert -d 300 -p 300 -o '{}' '{}'", folder / "raster.png", folder / "figure.svg"));
      compareRaster(readPicture(folder / "figure.png"), folder / "raster.png");
    }
}

TEST_CASE("no light shows between cells and their frame", "[vector][files]") {
  const Folder folder;
  const std::string dark = folder.write("t.csv", "r,a,b,c\nx,0,0,0\ny,0,0,0\n");
  for (const char* size : {"2,1.5", "2.03,1.57", "1.91,1.33"}) {
    INFO(size);
    drawBare(folder, {dark, "--vmin", "0", "--vmax", "1", "--figsize", size});
    eachRaster(folder, [](const Picture& picture, int) {
      checkDark(picture, 0, picture.height / 2, true);
      checkDark(picture, picture.width / 2, 0, false);
    });
  }
}

TEST_CASE("no light shows between bars beside the cells", "[vector][files]") {
  const Folder folder;
  const std::string dark = folder.write("t.csv", "r,a,b,c,d,e\nx,1,1,1,1,1\ny,1,1,1,1,1\n");
  drawBare(folder, {dark, "--vmin", "1", "--vmax", "2", "--figsize", "2.03,1.57", "--marginals"});
  // Bars of the columns, 18 points from the upper edge.
  eachRaster(folder, [](const Picture& picture, int dpi) { checkDark(picture, 0, 18 * dpi / 72, true); });
}
