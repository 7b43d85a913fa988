// THE table of colour norms: read by C++ (names, checks, colour bar) and by GLSL (colours of cells), one row each.
//
// NORM(id, enumerator, name, formula, forward, inverse)
//   forward  f(v) with the parameters `p`; t = (f(v) − p.origin + p.shift) / p.span
//   inverse  v from u = t·p.span − p.shift + p.origin
// Only what both languages have: float, ?:, abs, sign, log, exp, pow, asinh, sinh. Sources: matplotlib.colors,
// version 3.
#ifndef DIVLENS_NORMS_H
#define DIVLENS_NORMS_H

#ifdef __cplusplus
#include <cmath>
namespace divlens {
using std::abs, std::log, std::exp, std::pow, std::asinh, std::sinh, std::isnan, std::isinf;
inline float sign(float v) { return v > 0.0f ? 1.0f : v < 0.0f ? -1.0f : 0.0f; }
#define NORM_FUNCTION inline
#else
#define NORM_FUNCTION
#endif

// symlog: a = linthresh; 10/9 = linscale/(1 − 1/base), 2.302585 = ln(base). power: a = vmin, b = vmax − vmin, c =
// gamma. two-slope: a = vmin, b = center, c = vmax. asinh: a = linear width.
// clang-format off
#define NORMS(NORM)                                                                                                    \
  NORM(0, Linear, "linear", "t = (v − vmin)/(vmax − vmin)", v, u)                                                      \
  NORM(1, Log, "log", "t linear in log(v)", log(v), exp(u))                                                            \
  NORM(2, Symlog, "symlog", "t linear in v to ±linthresh, in log10 beyond",                                            \
       abs(v) <= p.a ? v * (10.0f / 9.0f) : sign(v) * p.a * (10.0f / 9.0f + log(abs(v) / p.a) / 2.302585093f),         \
       abs(u) <= p.a * (10.0f / 9.0f) ? u / (10.0f / 9.0f)                                                             \
                                      : sign(u) * p.a * exp((abs(u) / p.a - 10.0f / 9.0f) * 2.302585093f))             \
  NORM(3, Power, "power", "t = ((v − vmin)/(vmax − vmin))^gamma",                                                      \
       v <= p.a ? (v - p.a) / p.b : pow((v - p.a) / p.b, p.c), u <= 0.0f ? u * p.b + p.a : pow(u, 1.0f / p.c) * p.b + p.a) \
  NORM(4, TwoSlope, "two-slope", "t = 0 … 0.5 from vmin to center, 0.5 … 1 from center to vmax",                       \
       v < p.b ? 0.5f * (v - p.a) / (p.b - p.a) : 0.5f + 0.5f * (v - p.b) / (p.c - p.b),                               \
       u < 0.5f ? p.a + 2.0f * u * (p.b - p.a) : p.b + (2.0f * u - 1.0f) * (p.c - p.b))                                \
  NORM(5, Centered, "centered", "t = (v − center + r)/(2r), vmin and vmax = center ∓ r", v, u)                         \
  NORM(6, Asinh, "asinh", "t linear in asinh(v/linthresh)", p.a * asinh(v / p.a), p.a * sinh(u / p.a))
// clang-format on

// 48 bytes in both languages; vmin and vmax are what under and over are compared with.
struct NormParams {
  int kind;
  float vmin;
  float vmax;
  float origin;
  float shift;
  float span;
  float a;
  float b;
  float c;
  float pad0;
  float pad1;
  float pad2;
};

const int kCellInside = 0;
const int kCellBad = 1;
const int kCellInf = 2;
const int kCellUnder = 3;
const int kCellOver = 4;
const int kNormLog = 1;

// What a value is: bad (NaN, or not positive under a log norm), infinite, under vmin, over vmax or inside.
NORM_FUNCTION int normClass(NormParams p, float v) {
  if (isnan(v)) return kCellBad;
  if (isinf(v)) return kCellInf;
  if (p.kind == kNormLog && v <= 0.0f) return kCellBad;
  if (v < p.vmin) return kCellUnder;
  if (v > p.vmax) return kCellOver;
  return kCellInside;
}

NORM_FUNCTION float normTransform(NormParams p, float v) {
#define NORM(id, enumerator, name, formula, forward, inverse) \
  if (p.kind == id) return forward;
  NORMS(NORM)
#undef NORM
  return v;
}

// 0 … 1 for values inside vmin … vmax (narrower with a center).
NORM_FUNCTION float normT(NormParams p, float v) { return (normTransform(p, v) - p.origin + p.shift) / p.span; }

NORM_FUNCTION float normInverse(NormParams p, float t) {
  float u = t * p.span - p.shift + p.origin;
  float v = u;
#define NORM(id, enumerator, name, formula, forward, inverse) \
  if (p.kind == id) return inverse;
  NORMS(NORM)
#undef NORM
  return v;
}

// Entry of the 256-entry colour table.
NORM_FUNCTION int normIndex(NormParams p, float v) {
  float i = normT(p, v) * 256.0f;
  return i >= 255.0f ? 255 : i > 0.0f ? int(i) : 0;
}

#ifdef __cplusplus
static_assert(sizeof(NormParams) == 48);
}  // namespace divlens
#endif
#undef NORM_FUNCTION
#endif
