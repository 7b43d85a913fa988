#version 450
#extension GL_GOOGLE_include_directive : require
// Colours of the cells, straight from the Grid's storage buffer. Where a pixel holds several cells it shows the largest, so that
// a peak never vanishes; NaN gives way to any value, and infinity to none.
#include "heatmap.h"

layout(std430, set = 0, binding = 0) readonly buffer Cells { uint cells[]; };
layout(std430, set = 0, binding = 1) readonly buffer Colors { uint colors[]; };
layout(std430, set = 0, binding = 2) readonly buffer NextCells { uint nextCells[]; };
layout(std430, set = 0, binding = 3) readonly buffer Edges { float edges[]; };  // of rows, then of columns
layout(push_constant) uniform Push { HeatmapPush push; };
layout(location = 0) out vec4 color;

// First cell of a pixel, of `count` cells over `pixels` pixels, exact where the whole axis is shown.
uint firstCell(uint pixel, uint pixels, float begin, float end, uint count) {
  if (begin == 0.0 && end == float(count)) return pixel * (count / pixels) + (pixel * (count % pixels)) / pixels;
  return uint(clamp(begin + float(pixel) * ((end - begin) / float(pixels)), 0.0, float(count)));
}

// Half-open range of cells of a pixel: the one under its centre, or all that begin in it where there are more cells than pixels.
uvec2 cellsOf(uint pixel, uint pixels, float begin, float end, uint count) {
  if (end - begin > float(pixels)) {
    uint first = firstCell(pixel, pixels, begin, end, count);
    return uvec2(first, max(first + 1u, firstCell(pixel + 1u, pixels, begin, end, count)));
  }
  uint cell = begin == 0.0 && end == float(count) ? ((2u * pixel + 1u) * count) / (2u * pixels)
                                                 : uint(begin + (float(pixel) + 0.5) * ((end - begin) / float(pixels)));
  return uvec2(min(cell, count - 1u), min(cell, count - 1u) + 1u);
}

// First of `count` edges, from `offset` on, that is at `position` or beyond.
uint firstEdge(uint offset, uint count, float position) {
  uint low = 0u;
  for (uint high = count; low < high;) {
    uint middle = (low + high) / 2u;
    if (edges[offset + middle] < position) low = middle + 1u;
    else high = middle;
  }
  return low;
}

// The cells of a pixel where cells differ in size: the one under its centre and all that lie in the pixel altogether.
uvec2 unequalCellsOf(uint pixel, uint pixels, float begin, float end, uint offset, uint count) {
  float size = (end - begin) / float(pixels), from = begin + float(pixel) * size;
  uint centre = clamp(firstEdge(offset, count, from + 0.5 * size), 1u, count - 1u) - 1u;
  uint first = firstEdge(offset, count, from), past = max(firstEdge(offset, count, from + size), 1u) - 1u;
  if (past <= first) return uvec2(centre, centre + 1u);
  return uvec2(min(first, centre), min(max(past, centre + 1u), count - 1u));
}

// Cells that are left out on purpose (kMaskedBits of kernels.h) show the background.
const uint kMasked = 0x7fc0deadu;

// Orders values for the reduction: masked ones lowest, NaN next, then -inf … +inf.
bool larger(uint a, uint b) {
  if (b == kMasked || a == kMasked) return a != kMasked;
  if ((b & 0x7fffffffu) > 0x7f800000u) return true;
  if ((a & 0x7fffffffu) > 0x7f800000u) return false;
  return uintBitsToFloat(a) > uintBitsToFloat(b);
}

int colorOf(uint bits) {
  if ((bits & 0x7fffffffu) > 0x7f800000u) return kColorBad;
  if ((bits & 0x7fffffffu) == 0x7f800000u) return kColorInf;
  float v = uintBitsToFloat(bits);
  if (push.norm.kind == kNormLog && v <= 0.0) return kColorBad;
  if (v < push.norm.vmin) return kColorUnder;
  if (v > push.norm.vmax) return kColorOver;
  return normIndex(push.norm, v);
}

int barColor(uvec2 pixel) {
  float along = push.mode == kDrawBarVertical ? 1.0 - (float(pixel.y) + 0.5) / push.h : (float(pixel.x) + 0.5) / push.w;
  float t = push.rowBegin + along * (push.rowEnd - push.rowBegin);
  return clamp(int(t * 256.0), 0, 255);
}

void main() {
  uvec2 pixel = uvec2(gl_FragCoord.xy - vec2(push.x, push.y));
  if (push.mode != kDrawCells) {
    color = unpackUnorm4x8(colors[barColor(pixel)]);
    return;
  }
  uint height = uint(push.h);
  uint fromTop = push.originUpper != 0u ? pixel.y : height - 1u - pixel.y;
  uvec2 rows = push.rowEdges > 0u ? unequalCellsOf(fromTop, height, push.rowBegin, push.rowEnd, 0u, push.rowEdges)
                                  : cellsOf(fromTop, height, push.rowBegin, push.rowEnd, push.rows);
  uvec2 columns =
      push.columnEdges > 0u
          ? unequalCellsOf(pixel.x, uint(push.w), push.columnBegin, push.columnEnd, push.rowEdges, push.columnEdges)
          : cellsOf(pixel.x, uint(push.w), push.columnBegin, push.columnEnd, push.columns);
  // A pixel belongs to the chunk of its first row; the rest of its rows may lie in the next chunk. A chunk is the largest buffer that
  // the device has: a pixel's rows never fill one.
  uint seam = push.firstRow + push.chunkRows;
  if (rows.x < push.firstRow || rows.x >= seam) discard;
  rows.y = min(rows.y, seam + push.nextRows);
  uint best = kMasked;
  for (uint r = rows.x; r < rows.y; ++r)
    for (uint c = columns.x; c < columns.y; ++c) {
      uint bits = r < seam ? cells[(r - push.firstRow) * push.columns + c] : nextCells[(r - seam) * push.columns + c];
      if (rulePicks(push.rules & 0xffu, push.hiddenValue, uintBitsToFloat(bits))) continue;
      best = larger(bits, best) ? bits : best;
    }
  if (best == kMasked) discard;
  color = unpackUnorm4x8(colors[colorOf(best)]);
  if (rulePicks(push.rules >> 8u, push.dimmedValue, uintBitsToFloat(best))) color.a *= kDimmedAlpha;
}
