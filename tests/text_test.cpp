#include "figure/text.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "catch.h"

using namespace divlens;
using Catch::Approx;

namespace {

int coverage(const TextImage& image) {
  int sum = 0;
  for (size_t i = 3; i < image.rgba.size(); i += 4) sum += image.rgba[i];
  return sum;
}

}  // namespace

TEST_CASE("metrics are the font's and scale with the size", "[text]") {
  TextShaper shaper;
  // DejaVu Sans: 2048 units an em, a digit is 1303 wide, ascent 1901, descent 483.
  const TextExtent digits = shaper.measure("0123456789", 100);
  CHECK(digits.width == Approx(10 * 1303 / 2048.0 * 100).epsilon(0.001));
  CHECK(digits.ascent == Approx(1901 / 2048.0 * 100).epsilon(0.01));
  CHECK(digits.descent == Approx(483 / 2048.0 * 100).epsilon(0.01));
  CHECK(shaper.measure("Layer", 8).width == Approx(shaper.measure("Layer", 80).width / 10).epsilon(0.01));
  CHECK(shaper.measure("", 10).width == 0);
  CHECK(shaper.measure("\xff\xfe", 10).width > 0);
}

TEST_CASE("glyphs are white with coverage inside the image", "[text]") {
  TextShaper shaper;
  const TextImage image = shaper.rasterise("Hg", 40);
  REQUIRE(image.width > 20);
  REQUIRE(image.rgba.size() == static_cast<size_t>(image.width * image.height * 4));
  CHECK_FALSE(image.colored);
  CHECK(image.top < -28);               // the H stands on the baseline
  CHECK(image.top + image.height > 8);  // the g hangs below it
  bool white = true;
  int opaque = 0;
  for (size_t i = 0; i < image.rgba.size(); i += 4) {
    white = white && image.rgba[i] == 255 && image.rgba[i + 1] == 255 && image.rgba[i + 2] == 255;
    opaque += image.rgba[i + 3] == 255;
  }
  CHECK(white);
  CHECK(opaque > 100);
  for (int x = 0; x < image.width; ++x) CHECK(image.rgba[static_cast<size_t>(x) * 4 + 3] == 0);  // nothing is cut off
  CHECK(shaper.rasterise(" ", 40).rgba.empty());
}

TEST_CASE("a quarter turn keeps every pixel", "[text]") {
  TextShaper shaper;
  const TextImage flat = shaper.rasterise("Layer", 20), turned = shaper.rasterise("Layer", 20, 90);
  CHECK(turned.width == flat.height);
  CHECK(turned.height == flat.width);
  CHECK(coverage(turned) == coverage(flat));
  CHECK(turned.left == flat.top);
  CHECK(turned.top + turned.height == -flat.left);
  const auto alpha = [](const TextImage& image, int x, int y) {
    return image.rgba[(static_cast<size_t>(y) * static_cast<size_t>(image.width) + static_cast<size_t>(x)) * 4 + 3];
  };
  for (int y = 0; y < flat.height; ++y)
    for (int x = 0; x < flat.width; ++x) REQUIRE(alpha(turned, y, flat.width - 1 - x) == alpha(flat, x, y));
}

TEST_CASE("the same text gives the same pixels", "[text]") {
  TextShaper one, two;
  two.measure("something else", 33);
  CHECK(one.rasterise("10⁻³ · Layer ∞", 17.3f).rgba == two.rasterise("10⁻³ · Layer ∞", 17.3f).rgba);
}

TEST_CASE("characters of no font are named", "[text]") {
  TextShaper shaper;
  shaper.measure("plain ↵⇥∅…·∞−‖⁻³", 12);
  CHECK(shaper.missingCharacters().empty());
  shaper.measure("\U0010FFFD", 12);  // private use, plane 16
  CHECK(shaper.missingCharacters() == std::vector<std::string>{"U+10FFFD"});
  // The embedded font is used again afterwards.
  CHECK(shaper.measure("0", 100).width == Approx(1303 / 2048.0 * 100).epsilon(0.01));
}

TEST_CASE("texts are elided to a width", "[text]") {
  TextShaper shaper;
  const std::string text = "a rather long label of some layer";
  for (const float width : {5.0f, 20.0f, 60.0f, 150.0f, 400.0f}) {
    const std::string cut = shaper.elide(text, 12, width);
    CHECK(shaper.measure(cut, 12).width <= width);
  }
  CHECK(shaper.elide(text, 12, 400) == text);
  CHECK_THAT(shaper.elide(text, 12, 100), Catch::Matchers::ContainsSubstring("…"));
}

TEST_CASE("boxes follow alignment and rotation", "[text]") {
  const TextExtent extent{40, 9, 3};
  Text text{"x", 100, 50, 12, HAlign::Right, VAlign::Top, 0, {}};
  Rect box = textBox(text, extent);
  CHECK((box.x == 60 && box.y == 50 && box.w == 40 && box.h == 12));
  CHECK(textOrigin(text, extent).y == 59);
  text.rotation = 90;  // reads upwards, ends at the anchor, hangs to its right
  box = textBox(text, extent);
  CHECK((box.x == 100 && box.y == 50 && box.w == 12 && box.h == 40));
  CHECK(textOrigin(text, extent).x == 109);
  CHECK(textOrigin(text, extent).y == 90);
  text.hAlign = HAlign::Center;
  text.vAlign = VAlign::Middle;
  box = textBox(text, extent);
  CHECK((box.x == 94 && box.y == 30));
}
