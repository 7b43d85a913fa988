#include "figure/colormap.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "catch.h"
#include "error.h"
#include "figure/named_color.h"

using namespace divlens;

namespace Catch {
template <>
struct StringMaker<Color> {
  static std::string convert(const Color& c) {
    return "(" + std::to_string(c.r) + ", " + std::to_string(c.g) + ", " + std::to_string(c.b) + ", " +
           std::to_string(c.a) + ")";
  }
};
}  // namespace Catch

namespace {

Exit codeOf(const std::string& cmap) {
  try {
    colormap(cmap);
  } catch (const Error& error) {
    return error.code();
  }
  return Exit::Done;
}

std::string messageOf(const std::string& cmap) {
  try {
    colormap(cmap);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("colour maps are matplotlib's and seaborn's tables", "[colormap]") {
  // cmap(i, bytes=True) of matplotlib 3.11 and seaborn 0.13 at these entries.
  constexpr size_t kAt[] = {0, 64, 127, 128, 200, 255};
  const std::vector<std::pair<std::string, std::array<Color, 6>>> expected = {
      {"viridis", {{{68, 1, 84}, {58, 82, 139}, {32, 143, 140}, {32, 144, 140}, {112, 206, 86}, {253, 231, 36}}}},
      {"magma", {{{0, 0, 3}, {80, 18, 123}, {181, 54, 121}, {182, 54, 121}, {253, 151, 104}, {251, 252, 191}}}},
      {"Blues", {{{247, 251, 255}, {197, 218, 238}, {107, 174, 214}, {106, 173, 213}, {26, 104, 174}, {8, 48, 107}}}},
      {"YlOrRd", {{{255, 255, 204}, {254, 216, 117}, {253, 141, 60}, {252, 140, 59}, {216, 18, 30}, {128, 0, 38}}}},
      {"PuOr", {{{127, 59, 8}, {238, 157, 60}, {247, 246, 245}, {246, 246, 246}, {135, 123, 177}, {45, 0, 75}}}},
      {"coolwarm", {{{58, 76, 192}, {141, 175, 253}, {220, 220, 221}, {221, 220, 219}, {240, 139, 109}, {179, 3, 38}}}},
      {"rocket", {{{2, 4, 25}, {97, 30, 82}, {201, 25, 79}, {203, 26, 79}, {245, 149, 108}, {250, 234, 220}}}},
      {"mako", {{{11, 3, 5}, {62, 52, 107}, {52, 121, 162}, {52, 122, 162}, {87, 202, 172}, {222, 244, 228}}}},
      {"vlag", {{{35, 105, 188}, {155, 173, 202}, {249, 245, 244}, {250, 245, 244}, {206, 138, 136}, {168, 54, 58}}}},
      {"icefire", {{{188, 230, 218}, {64, 103, 199}, {30, 30, 30}, {31, 30, 30}, {203, 64, 56}, {254, 211, 172}}}},
      {"turbo", {{{48, 18, 59}, {40, 187, 235}, {161, 252, 61}, {164, 252, 59}, {244, 101, 22}, {122, 4, 2}}}},
      {"twilight", {{{225, 216, 226}, {97, 116, 186}, {47, 19, 55}, {47, 20, 54}, {187, 106, 88}, {225, 216, 225}}}},
  };
  for (const auto& [name, colors] : expected) {
    const ColorTable table = colormap(name), reversed = colormap(name + "_r");
    for (size_t k = 0; k < std::size(kAt); ++k) {
      INFO(name << " at " << kAt[k]);
      CHECK(table[kAt[k]] == colors[k]);
      CHECK(reversed[255 - kAt[k]] == colors[k]);
    }
  }
}

TEST_CASE("a reversed map has matplotlib's roundings, and is not listed", "[colormap]") {
  const std::tuple<const char*, size_t, Color> expected[] = {
      {"Blues_r", 165, {165, 204, 227}}, {"RdBu_r", 170, {247, 183, 153}}, {"gray_r", 11, {244, 244, 244}},
      {"bwr_r", 5, {255, 10, 10}},       {"seismic_r", 64, {255, 1, 1}},   {"Spectral_r", 187, {250, 152, 87}}};
  const std::vector<std::string> names = colormapNames();
  for (const auto& [name, at, color] : expected) {
    INFO(name);
    CHECK(colormap(name)[at] == color);
    CHECK(std::count(names.begin(), names.end(), name) == 0);
    const std::string forward(name, std::strlen(name) - 2);
    const ColorTable table = colormap(forward), reversed = colormap(name);
    for (size_t i = 0; i < 256; ++i) CHECK(std::abs(int(table[255 - i].r) - int(reversed[i].r)) <= 1);
  }
}

TEST_CASE("every listed map loads and goes through many colours", "[colormap]") {
  const auto names = colormapNames();
  for (const char* wanted : {"viridis", "plasma", "Greys", "RdBu", "vlag", "flare", "crest", "hot"})
    CHECK(std::count(names.begin(), names.end(), wanted) == 1);
  for (const std::string& name : names) {
    INFO(name);
    std::set<int> distinct;
    for (const Color& c : colormap(name)) distinct.insert(c.r << 16 | c.g << 8 | c.b);
    CHECK(distinct.size() > 100);
  }
}

TEST_CASE("a list of colours makes 256 entries as matplotlib's from_list", "[colormap]") {
  const ColorTable table = colormap("#2166ac,#f7f7f7,#e08214");
  const std::vector<std::pair<size_t, Color>> expected = {
      {0, {33, 102, 172}},    {1, {34, 103, 172}},    {50, {116, 158, 201}},
      {100, {200, 215, 230}}, {127, {246, 246, 246}}, {128, {246, 246, 246}},
      {200, {233, 180, 117}}, {254, {224, 130, 21}},  {255, {224, 130, 20}}};
  for (const auto& [i, color] : expected) {
    INFO(i);
    CHECK(table[i] == color);
  }
  const ColorTable four = colormap("#123456,#abcdef,#fedcba,#654321");
  CHECK(four[50] == Color{108, 142, 176});
  CHECK(four[100] == Color{185, 207, 229});
  CHECK(four[200] == Color{200, 166, 131});
  CHECK(colormap("black,white")[77] == Color{77, 77, 77});
  CHECK(colormap("black,white")[33] == Color{32, 32, 32});  // matplotlib truncates 32.999…
}

TEST_CASE("unknown maps are usage errors with the nearest name", "[colormap]") {
  CHECK(codeOf("virdis") == Exit::Usage);
  CHECK_THAT(messageOf("virdis"), Catch::Matchers::ContainsSubstring("'viridis'"));
  CHECK_THAT(messageOf("Bleus_r"), Catch::Matchers::ContainsSubstring("'Blues_r'"));
  CHECK(codeOf("#123456") == Exit::Usage);
  CHECK(codeOf("#12345g,#ffffff") == Exit::Usage);
  CHECK(codeOf("/dev/null") == Exit::Usage);
  CHECK(codeOf("/") == Exit::Usage);
  CHECK(codeOf("") == Exit::Usage);
}

TEST_CASE("a map file has bytes, fractions or a few colours", "[colormap]") {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("divlens-test-" + std::to_string(getpid()))).string();
  const auto load = [&](const std::string& text) {
    std::ofstream(path) << text;
    return colormap(path);
  };
  CHECK(load("0,0,0\n255,255,255\n")[128] == Color{128, 128, 128});
  CHECK(load("0.0,0.0,0.0\r\n1.0,0.5,0.0\r\n")[255] == Color{255, 127, 0});
  CHECK_THROWS_AS(load("1,2\n3,4,5\n"), Error);
  CHECK_THROWS_AS(load("1,2,300\n3,4,5\n"), Error);
  CHECK_THROWS_AS(load("1,2,nan\n3,4,5\n"), Error);
  CHECK_THROWS_AS(load("1,2,3\n"), Error);
  std::remove(path.c_str());
}

TEST_CASE("colours by name and by digits", "[colormap]") {
  CHECK(parseColor("#0f8", "--bad-color") == Color{0, 255, 136});
  CHECK(parseColor("#01020304", "--bad-color") == Color{1, 2, 3, 4});
  CHECK(parseColor("LightGrey", "--bad-color") == Color{211, 211, 211});
  CHECK(parseColor("none", "--bad-color").a == 0);
  for (const char* wrong : {"", "#", "#12", "#12345", "#+12345", "reddish-brown", "1.5", "-0.5", "nan", "K", "C", "c1",
                            "Cx", "tab:", "blue ", "0.5.1"}) {
    INFO(wrong);
    CHECK_THROWS_WITH(parseColor(wrong, "--bad-color"), Catch::Matchers::ContainsSubstring("--bad-color"));
  }
}

TEST_CASE("colours have matplotlib's names", "[colormap]") {
  struct Case {
    const char *name, *hex;  // matplotlib.colors.to_hex
  };
  const Case cases[] = {{"crimson", "#dc143c"},  {"steelblue", "#4682b4"}, {"RebeccaPurple", "#663399"},
                        {"k", "#000000"},        {"w", "#ffffff"},         {"g", "#008000"},
                        {"c", "#00bfbf"},        {"m", "#bf00bf"},         {"y", "#bfbf00"},
                        {"green", "#008000"},    {"tab:red", "#d62728"},   {"tab:grey", "#7f7f7f"},
                        {"TAB:CYAN", "#17becf"}, {"C0", "#1f77b4"},        {"C1", "#ff7f0e"},
                        {"C9", "#17becf"},       {"C10", "#1f77b4"},       {"C123", "#d62728"},
                        {"0", "#000000"},        {"1", "#ffffff"},         {"0.5", "#808080"},
                        {".25", "#404040"},      {"1e-1", "#1a1a1a"},      {"0.75", "#bfbfbf"}};
  for (const Case& c : cases) {
    INFO(c.name);
    CHECK(parseColor(c.name, "--bad-color") == parseColor(c.hex, "--bad-color"));
  }
  CHECK_THROWS_WITH(parseColor("steelblu", "--bad-color"), Catch::Matchers::ContainsSubstring("steelblue"));
  CHECK(colormap("k,w") == colormap("#000,#fff"));
  CHECK(colormap("0.2,C3") == colormap("#333,#d62728"));
  for (const char* transparent : {"none,red", "#fff,#00000080"}) CHECK_THROWS_AS(colormap(transparent), Error);
}

TEST_CASE("under and over default to the map's ends", "[colormap]") {
  FigureOptions options;
  CellColors colors = cellColors(options, "viridis");
  CHECK(colors.under == Color{68, 1, 84});
  CHECK(colors.over == Color{253, 231, 36});
  CHECK_FALSE(colors.bad == colors.inf);
  options.cmap = "Blues";
  options.underColor = "red";
  options.badColor = "#00ff00";
  colors = cellColors(options, "viridis");
  CHECK(colors.under == Color{255, 0, 0});
  CHECK(colors.bad == Color{0, 255, 0});
  CHECK(colors.over == Color{8, 48, 107});
}
