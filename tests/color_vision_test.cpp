// Colours as they are seen in grey and with colour-vision deficiencies, and which maps survive it.
#include "figure/color_vision.h"

#include <cstdlib>

#include "catch.h"

using namespace divlens;

namespace {

bool near(Color a, Color b) { return std::abs(a.r - b.r) <= 1 && std::abs(a.g - b.g) <= 1 && std::abs(a.b - b.b) <= 1; }

}  // namespace

TEST_CASE("greys stay, and pure colours become what the literature has", "[figure][colormap]") {
  for (const VisionRow& row : visions()) {
    INFO(row.name);
    for (const uint8_t v : {0, 60, 128, 255}) CHECK(near(asSeen({v, v, v}, row.vision), {v, v, v}));
  }
  // Linear 0.2126 and 0.7152 are sRGB 127 and 220.
  CHECK(near(asSeen({255, 0, 0}, Vision::Grey), {127, 127, 127}));
  CHECK(near(asSeen({0, 255, 0}, Vision::Grey), {220, 220, 220}));
  // First column of the matrices: linear 0.3673, 0.2801, 0 and 0.1523, 0.1145, 0.
  CHECK(near(asSeen({255, 0, 0}, Vision::Deuteranopia), {163, 144, 0}));
  CHECK(near(asSeen({255, 0, 0}, Vision::Protanopia), {109, 95, 0}));
}

TEST_CASE("maps made for all eyes keep their colours apart, others do not", "[figure][colormap]") {
  for (const char* name : {"viridis", "cividis", "magma", "Blues", "Greys", "rocket"})
    for (const VisionRow& row : visions()) {
      INFO(name << " in " << row.name);
      CHECK(keepsApart(colormap(name), row.vision));
    }
  // Both ends of a diverging map are the same grey; turbo is dark at both ends.
  CHECK_FALSE(keepsApart(colormap("RdBu"), Vision::Grey));
  CHECK(keepsApart(colormap("RdBu"), Vision::Deuteranopia));
  CHECK_FALSE(keepsApart(colormap("turbo"), Vision::Grey));
}
