// --marginals: bars beside the cells; and lines between groups of rows and columns.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <regex>

#include "catch.h"
#include "program.h"

using namespace divlens::test;

namespace {

struct Bar {
  double x, y, width, height;
};

/// Rectangles of that colour in an SVG, without the narrow ones under two neighbours.
std::vector<Bar> bars(const std::string& svg, const std::string& fill) {
  const std::regex rect(
      fmt::format(R"-(<rect x="([-0-9.]+)" y="([-0-9.]+)" width="([0-9.]+)" height="([0-9.]+)" fill="{}")-", fill));
  std::vector<Bar> out;
  for (std::sregex_iterator it(svg.begin(), svg.end(), rect), end; it != end; ++it)
    out.push_back({std::stod((*it)[1]), std::stod((*it)[2]), std::stod((*it)[3]), std::stod((*it)[4])});
  std::erase_if(out, [](const Bar& bar) { return bar.width == 2 || bar.height == 2; });
  return out;
}

std::string drawn(const Folder& folder, const std::string& table, const std::vector<std::string>& more = {}) {
  std::vector<std::string> words = {"render", folder.write("t.csv", table), "--marginals", "-o", folder / "t.svg"};
  words.insert(words.end(), more.begin(), more.end());
  const Ran ran = run(words);
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  return readBytes(folder / "t.svg");
}

// The map's ends, of the least and the largest cell, and its middle.
const std::string kLow = "#440154", kHigh = "#fde724", kMiddle = "#20908c";

}  // namespace

TEST_CASE("bars beside rows and columns are as long as their means, in their colours", "[marginals]") {
  const Folder folder;
  const std::string svg = drawn(folder, "r,a,b\nx,1,1\ny,3,3\n");
  const std::vector<Bar> low = bars(svg, kLow), high = bars(svg, kHigh), middle = bars(svg, kMiddle);
  REQUIRE(low.size() == 1);   // the mean 1 of the upper row
  REQUIRE(high.size() == 1);  // the mean 3 of the lower one
  REQUIRE(middle.size() == 2);
  CHECK(std::abs(low[0].width - high[0].width / 3) <= 1);
  CHECK(low[0].x == high[0].x);
  CHECK(low[0].y + low[0].height == high[0].y);
  for (const Bar& column : middle) {
    CHECK(std::abs(column.height - high[0].width * 2 / 3) <= 1);
    CHECK(column.y + column.height < low[0].y);
  }
  CHECK(middle[0].x + middle[0].width == middle[1].x);
  CHECK(has(svg, "bars: means of rows and columns"));
}

TEST_CASE("means leave out what is no number and what --mask hides", "[marginals]") {
  const Folder folder;
  // Means of the rows: 1 and 3; of the columns: 2 and 2.
  const std::string svg = drawn(folder, "r,a,b,c\nx,1,nan,inf\ny,3,3,90\n", {"--mask", ">50", "--vmax", "3"});
  REQUIRE(bars(svg, kHigh).size() == 2);  // the lower row, and column b
  CHECK(bars(svg, kLow).size() == 1);
  CHECK(bars(svg, kMiddle).size() == 1);
}

TEST_CASE("bars need room of their own: the cells are as large as without, and the colour bar as high", "[marginals]") {
  const Folder folder;
  const std::string table = folder.write("t.csv", "r,a,b,c\nx,1,2,3\ny,3,4,5\nz,1,2,3\n");
  // Upright sides of frames, the cells' two and the colour bar's.
  const auto sides = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {"render", table, "-o", folder / "t.svg"};
    words.insert(words.end(), more.begin(), more.end());
    REQUIRE(run(words).code == 0);
    std::vector<Bar> found = bars(readBytes(folder / "t.svg"), "#1a1a1a");
    std::erase_if(found, [](const Bar& bar) { return bar.height < 20 * bar.width; });
    std::sort(found.begin(), found.end(), [](const Bar& a, const Bar& b) { return a.x < b.x; });
    // What lies under a frame is wider than it.
    const double line = std::min_element(found.begin(), found.end(), [](const Bar& a, const Bar& b) {
                          return a.width < b.width;
                        })->width;
    std::erase_if(found, [&](const Bar& bar) { return bar.width > line + 0.5; });
    return found;
  };
  const std::vector<Bar> without = sides({}), with = sides({"--marginals"});
  REQUIRE(without.size() == 4);
  REQUIRE(with.size() == 5);  // and the zero of the rows' bars
  CHECK(std::abs(with[0].height - without[0].height) <= 1);
  CHECK(std::abs((with[1].x - with[0].x) - (without[1].x - without[0].x)) <= 1);
  for (const Bar& side : with) {
    CHECK(std::abs(side.y - with[0].y) <= 1);
    CHECK(std::abs(side.height - with[0].height) <= 2);
  }
}

TEST_CASE("negative means reach to the other side of zero, and nothing is drawn of nothing", "[marginals]") {
  const Folder folder;
  const std::string svg = drawn(folder, "r,a,b\nx,-2,-2\ny,2,2\n", {"--cmap", "viridis", "--origin", "lower"});
  REQUIRE(bars(svg, kLow).size() == 1);
  REQUIRE(bars(svg, kHigh).size() == 1);
  const Bar low = bars(svg, kLow)[0], high = bars(svg, kHigh)[0];
  CHECK(low.x + low.width == high.x);
  CHECK(std::abs(low.width - high.width) <= 1);
  CHECK(low.y > high.y);  // the first row is the lowest
  CHECK(bars(drawn(folder, "r,a\nx,nan\n"), kHigh).empty());
  drawn(folder, "r,a\nx,0\n");
}

TEST_CASE("groups of rows and of columns are parted by lines, whatever is selected", "[marginals]") {
  const Folder folder;
  const std::string dump = folder.write("t.csv", "row,a,b,c\n0,1,2,3\n1,4,5,6\n2,7,8,9\n3,1,2,3\n");
  const std::string groups = folder.write("g.csv", "row,group\n0,x\n1,x\n2,y\n3,y\n");
  const auto lines = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {"render", dump, "--rows", "row", "--columns", "column", "-o", folder / "t.svg"};
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = run(words);
    INFO(ran.err);
    REQUIRE(ran.code == 0);
    return bars(readBytes(folder / "t.svg"), "#1a1a1a");
  };
  const std::vector<Bar> without = lines({}), with = lines({"--groups", groups});
  REQUIRE(with.size() == without.size() + 1);
  // Half-way down four rows: the frame's left and right sides are as high as the cells.
  const auto tallest =
      std::max_element(without.begin(), without.end(), [](const Bar& a, const Bar& b) { return a.height < b.height; });
  CHECK(std::any_of(with.begin(), with.end(), [&](const Bar& bar) {
    return bar.width > 100 && std::abs(bar.y + bar.height / 2 - (tallest->y + tallest->height / 2)) <= 1.5;
  }));
  CHECK(lines({"--groups", groups, "--select", "row=0:2"}).size() == lines({"--select", "row=0:2"}).size());
}

TEST_CASE("shares of cells beyond a threshold are bars from 0 to 1", "[marginals]") {
  const Folder folder;
  const std::string table = folder.write("t.csv", "r,a,b\nx,1,1\ny,3,3\nz,inf,nan\n");
  const auto render = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {"render", table, "-o", folder / "t.svg"};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  };
  REQUIRE(render({"--threshold", "2", "--marginals=beyond"}).code == 0);
  const std::string svg = readBytes(folder / "t.svg");
  CHECK(has(svg, "outlined: 2 or more"));
  // Rows: 0, 1 and 1 (infinity is beyond, NaN no cell); columns: 2/3 and 1/2.
  std::vector<Bar> found = bars(svg, "#6e6e6e");
  CAPTURE(svg);
  REQUIRE(found.size() == 5);
  const double longest = found[1].width;
  CHECK(found[0].width == 0);
  CHECK(found[2].width == longest);
  CHECK(std::abs(found[3].height - longest * 2 / 3) <= 1);
  CHECK(std::abs(found[4].height - longest / 2) <= 1);
  CHECK(render({"--marginals=beyond"}).code == 2);
  CHECK(render({"--marginals=median"}).code == 2);
}
