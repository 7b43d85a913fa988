// THE table of colour norms: read by C++ (names, checks, colour bar) and by GLSL (colours of cells), one row each.
//
// NORM(id, enumerator, name, formula, forward, inverse)
//   forward  f(v) with the parameters `p`; t = (f(v) − p.origin + p.shift) / p.span
//   inverse  v from u = t·p.span − p.shift + p.origin
// Only what both languages have: float, ?:, abs, sign, exp, pow, sinh, and normLog, normPower, normAsinh, which the
// built-in functions of some devices are too coarse for. Sources: matplotlib.colors,
// version 3. `edges` are the boundaries of classes, which only the norm of that name has.
#ifndef DIVLENS_NORMS_H
#define DIVLENS_NORMS_H

#ifdef __cplusplus
#include <cmath>
namespace divlens {
using NormEdges = const float*;
inline float normEdge(NormEdges edges, int i) { return edges[i]; }
using std::abs, std::exp, std::pow, std::sinh, std::isnan, std::isinf;
inline float normLog(float v) { return std::log(v); }
inline float normPower(float v, float exponent) { return std::pow(v, exponent); }
inline float normAsinh(float v) { return std::asinh(v); }
inline float sign(float v) { return v > 0.0f ? 1.0f : v < 0.0f ? -1.0f : 0.0f; }
#define NORM_FUNCTION inline
#else
#include "functions.glsl"
float normLog(float v) { return logPositive(v); }
float normPower(float v, float exponent) { return v > 0.0 ? expAny(exponent * logPositive(v)) : 0.0; }
// ln(|v| + √(v² + 1)), without cancellation and overflow.
float normAsinh(float v) {
  float x = abs(v);
  return sign(v) * (x > 1e9 ? logPositive(x) + kLn2 : log1pPositive(x + x * x / (1.0 + sqrt(1.0 + x * x))));
}
#define NORM_FUNCTION
#define NormEdges int
float normEdge(NormEdges edges, int i);  // whoever calls the functions below says where they are
#endif

// symlog: a = linthresh; 10/9 = linscale/(1 − 1/base), 2.302585 = ln(base). power: a = vmin, b = vmax − vmin, c =
// gamma. two-slope: a = vmin, b = center, c = vmax. asinh: a = linear width. boundaries: a = number of classes.
// clang-format off
#define NORMS(NORM)                                                                                                    \
  NORM(0, Linear, "linear", "t = (v − vmin)/(vmax − vmin)", v, u)                                                      \
  NORM(1, Log, "log", "t linear in log(v)", normLog(v), exp(u))                                                            \
  NORM(2, Symlog, "symlog", "t linear in v to ±linthresh, in log10 beyond",                                            \
       abs(v) <= p.a ? v * (10.0f / 9.0f) : sign(v) * p.a * (10.0f / 9.0f + normLog(abs(v) / p.a) / 2.302585093f),         \
       abs(u) <= p.a * (10.0f / 9.0f) ? u / (10.0f / 9.0f)                                                             \
                                      : sign(u) * p.a * exp((abs(u) / p.a - 10.0f / 9.0f) * 2.302585093f))             \
  NORM(3, Power, "power", "t = ((v − vmin)/(vmax − vmin))^gamma",                                                      \
       v <= p.a ? (v - p.a) / p.b : normPower((v - p.a) / p.b, p.c), u <= 0.0f ? u * p.b + p.a : pow(u, 1.0f / p.c) * p.b + p.a) \
  NORM(4, TwoSlope, "two-slope", "t = 0 … 0.5 from vmin to center, 0.5 … 1 from center to vmax",                       \
       v < p.b ? 0.5f * (v - p.a) / (p.b - p.a) : 0.5f + 0.5f * (v - p.b) / (p.c - p.b),                               \
       u < 0.5f ? p.a + 2.0f * u * (p.b - p.a) : p.b + (2.0f * u - 1.0f) * (p.c - p.b))                                \
  NORM(5, Centered, "centered", "t = (v − center + r)/(2r), vmin and vmax = center ∓ r", v, u)                         \
  NORM(6, Asinh, "asinh", "t linear in asinh(v/linthresh)", p.a * normAsinh(v / p.a), p.a * sinh(u / p.a))   \
  NORM(7, Boundaries, "boundaries", "t = class / classes; all of a class have one colour",                             \
       normPlace(p, edges, v), normUnplace(p, edges, u))
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
const int kNormBoundaries = 7;

// What a value is: bad (NaN, or not positive under a log norm), infinite, under vmin, over vmax or inside.
NORM_FUNCTION int normClass(NormParams p, float v) {
  if (isnan(v)) return kCellBad;
  if (isinf(v)) return kCellInf;
  if (p.kind == kNormLog && v <= 0.0f) return kCellBad;
  if (v < p.vmin) return kCellUnder;
  if (v > p.vmax) return kCellOver;
  return kCellInside;
}

// The class k with edge k ≤ v < edge k + 1, and how far v is to the next one: k + (v − edge k)/(width of k).
NORM_FUNCTION float normPlace(NormParams p, NormEdges edges, float v) {
  int low = 0;
  int high = int(p.a) - 1;
  while (low < high) {
    int middle = (low + high + 1) / 2;
    if (v >= normEdge(edges, middle))
      low = middle;
    else
      high = middle - 1;
  }
  float begin = normEdge(edges, low);
  return float(low) + (v - begin) / (normEdge(edges, low + 1) - begin);
}

NORM_FUNCTION float normUnplace(NormParams p, NormEdges edges, float u) {
  int k = u >= p.a ? int(p.a) - 1 : u > 0.0f ? int(u) : 0;
  float begin = normEdge(edges, k);
  return begin + (u - float(k)) * (normEdge(edges, k + 1) - begin);
}

NORM_FUNCTION float normTransform(NormParams p, NormEdges edges, float v) {
#define NORM(id, enumerator, name, formula, forward, inverse) \
  if (p.kind == id) return forward;
  NORMS(NORM)
#undef NORM
  return v;
}

// 0 … 1 for values inside vmin … vmax (narrower with a center).
NORM_FUNCTION float normT(NormParams p, NormEdges edges, float v) {
  return (normTransform(p, edges, v) - p.origin + p.shift) / p.span;
}

NORM_FUNCTION float normInverse(NormParams p, NormEdges edges, float t) {
  float u = t * p.span - p.shift + p.origin;
  float v = u;
#define NORM(id, enumerator, name, formula, forward, inverse) \
  if (p.kind == id) return inverse;
  NORMS(NORM)
#undef NORM
  return v;
}

// Entry of the 256-entry colour table at u ≥ 0 of `steps` equal steps: classes spread over the whole of it, one alone
// takes the middle.
NORM_FUNCTION int normStep(NormParams p, float u, int steps) {
  int i = u >= float(steps - 1) ? steps - 1 : u > 0.0f ? int(u) : 0;
  return p.kind != kNormBoundaries ? i : steps == 1 ? 127 : 255 * i / (steps - 1);
}

NORM_FUNCTION int normIndex(NormParams p, NormEdges edges, float v) {
  if (p.kind == kNormBoundaries) return normStep(p, normTransform(p, edges, v), int(p.a));
  return normStep(p, normT(p, edges, v) * 256.0f, 256);
}

// The same at t along the colour bar.
NORM_FUNCTION int normBarIndex(NormParams p, float t) {
  int steps = p.kind == kNormBoundaries ? int(p.a) : 256;
  return normStep(p, t * float(steps), steps);
}

#ifdef __cplusplus
static_assert(sizeof(NormParams) == 48);
}  // namespace divlens
#endif
#undef NORM_FUNCTION
#endif
