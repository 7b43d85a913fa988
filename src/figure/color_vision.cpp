#include "figure/color_vision.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace divlens {
namespace {

using Triple = std::array<double, 3>;
using Matrix = std::array<Triple, 3>;

// Of linear RGB; the appendix of Machado et al.
constexpr Matrix kProtanopia = {
    {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}}};
constexpr Matrix kDeuteranopia = {
    {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}}};
constexpr Matrix kTritanopia = {
    {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}}};
// Rec. 709, which sRGB shares: the second row of linear RGB → XYZ, three times.
constexpr Triple kLuminance = {0.2126, 0.7152, 0.0722};
constexpr Matrix kGrey = {{kLuminance, kLuminance, kLuminance}};
constexpr Matrix kXyz = {{{0.4124, 0.3576, 0.1805}, {0.2126, 0.7152, 0.0722}, {0.0193, 0.1192, 0.9505}}};
constexpr Triple kWhite = {0.9505, 1, 1.089};

Triple times(const Matrix& m, const Triple& v) {
  Triple out{};
  for (size_t i = 0; i < 3; ++i) out[i] = m[i][0] * v[0] + m[i][1] * v[1] + m[i][2] * v[2];
  return out;
}

double linear(uint8_t channel) {
  const double v = channel / 255.0;
  return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
}

uint8_t encoded(double v) {
  v = std::clamp(v, 0.0, 1.0);
  const double s = v <= 0.0031308 ? 12.92 * v : 1.055 * std::pow(v, 1 / 2.4) - 0.055;
  return static_cast<uint8_t>(std::lround(255 * s));
}

const Matrix& matrixOf(Vision vision) {
  switch (vision) {
    case Vision::Protanopia:
      return kProtanopia;
    case Vision::Deuteranopia:
      return kDeuteranopia;
    case Vision::Tritanopia:
      return kTritanopia;
    case Vision::Grey:
      break;
  }
  return kGrey;
}

Triple labOf(Color color) {
  const Triple xyz = times(kXyz, {linear(color.r), linear(color.g), linear(color.b)});
  Triple f{};
  for (size_t i = 0; i < 3; ++i) {
    const double t = xyz[i] / kWhite[i];
    f[i] = t > 216.0 / 24389 ? std::cbrt(t) : (24389.0 / 27 * t + 16) / 116;
  }
  return {116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])};
}

}  // namespace

const std::vector<VisionRow>& visions() {
  static const std::vector<VisionRow> rows = {{Vision::Grey, "grey"},
                                              {Vision::Protanopia, "protanopia"},
                                              {Vision::Deuteranopia, "deuteranopia"},
                                              {Vision::Tritanopia, "tritanopia"}};
  return rows;
}

Color asSeen(Color color, Vision vision) {
  const Triple seen = times(matrixOf(vision), {linear(color.r), linear(color.g), linear(color.b)});
  return {encoded(seen[0]), encoded(seen[1]), encoded(seen[2]), color.a};
}

bool keepsApart(const ColorTable& table, Vision vision) {
  constexpr size_t kApart = 32;
  constexpr double kLeast = 3;
  std::vector<Triple> seen;
  for (const Color& color : table) seen.push_back(labOf(asSeen(color, vision)));
  for (size_t i = 0; i < seen.size(); ++i)
    for (size_t j = i + kApart; j < seen.size(); ++j)
      if (std::hypot(seen[i][0] - seen[j][0], seen[i][1] - seen[j][1], seen[i][2] - seen[j][2]) < kLeast) return false;
  return true;
}

}  // namespace divlens
