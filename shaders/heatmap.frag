#version 450
#extension GL_GOOGLE_include_directive : require
// Colours of the cells that view.comp left for each pixel, straight from device memory, and of the colour bar.
#include "heatmap.h"

layout(std430, set = 0, binding = 0) readonly buffer View { uint view[]; };
layout(std430, set = 0, binding = 1) readonly buffer Colors { uint colors[]; };
layout(std430, set = 0, binding = 2) readonly buffer Pixels { uint pixels[]; };  // the view's row of each from the top, then columns
layout(push_constant) uniform Push { HeatmapPush push; };
layout(location = 0) out vec4 color;

float normEdge(NormEdges edges, int i) { return uintBitsToFloat(colors[edges + i]); }

// Cells that are left out on purpose (kMaskedBits of kernels.h) show the background.
const uint kMasked = 0x7fc0deadu;

// The value in a view of means: the sum and the number of the finite cells, and which others there are.
uint meanBits(uint sum, uint count) {
  uint finite = count & 0x3fffffffu;
  if (finite > 0u) return floatBitsToUint(uintBitsToFloat(sum) / float(finite) * kMeanUnit);
  if ((count & 0x80000000u) != 0u) return 0x7f800000u;
  return count != 0u ? 0x7fc00000u : kMasked;
}

int colorOf(uint bits) {
  if ((bits & 0x7fffffffu) > 0x7f800000u) return kColorBad;
  if ((bits & 0x7fffffffu) == 0x7f800000u) return kColorInf;
  float v = uintBitsToFloat(bits);
  if (push.norm.kind == kNormLog && v <= 0.0) return kColorBad;
  if (v < push.norm.vmin) return kColorUnder;
  if (v > push.norm.vmax) return kColorOver;
  return normIndex(push.norm, kFirstEdge, v);
}

int barColor(uvec2 pixel) {
  float along = push.mode == kDrawBarVertical ? 1.0 - (float(pixel.y) + 0.5) / push.h : (float(pixel.x) + 0.5) / push.w;
  float t = push.tBegin + along * (push.tEnd - push.tBegin);
  return normBarIndex(push.norm, t);
}

void main() {
  uvec2 pixel = uvec2(gl_FragCoord.xy - vec2(push.x, push.y));
  if (push.mode != kDrawCells) {
    color = unpackUnorm4x8(colors[barColor(pixel)]);
    return;
  }
  uint row = pixels[pixel.y];
  if (row < push.firstRow || row >= push.firstRow + push.bandRows) discard;
  uint at = (row - push.firstRow) * push.columns + pixels[uint(push.h) + pixel.x];
  uint bits = push.means != 0u ? meanBits(view[2u * at], view[2u * at + 1u]) : view[at];
  if (bits == kMasked) discard;
  color = unpackUnorm4x8(colors[colorOf(bits)]);
  if (rulePicks(push.dimmedOp, push.dimmedValue, uintBitsToFloat(bits))) color.a *= kDimmedAlpha;
}
