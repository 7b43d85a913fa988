#version 450
#extension GL_GOOGLE_include_directive : require
// What each pixel of a heatmap shows: the cells of its exact span, from as few nodes of the pyramid as cover it.
#include "pyramid.h"
#include "pyramid.glsl"

layout(local_size_x_id = 0) in;
layout(std430, set = 0, binding = 0) readonly buffer Cells { uint cells[]; };
layout(std430, set = 0, binding = 1) readonly buffer Levels { uint levels[]; };
layout(std430, set = 0, binding = 2) readonly buffer Spans { uint spans[]; };
layout(std430, set = 0, binding = 3) buffer View { uint view[]; };
layout(push_constant) uniform Push { ViewPush push; };

// Neighbours that share the longer of the two lists of nodes take the same steps.
layout(constant_id = 2) const uint kAlongRows = 0u;

void main() {
  uint i = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (i >= push.rows * push.columns) return;
  uint row = kAlongRows != 0u ? i % push.rows : i / push.columns;
  uint column = kAlongRows != 0u ? i / push.rows : i % push.columns;
  uint word = ((push.firstRow + row) * push.columns + column) * kNodeWords;
  uvec2 node = uvec2(kNothing, 0u);
  if (push.join != 0u) node = uvec2(view[word], kNodeWords > 1u ? view[word + 1u] : 0u);
  uint columnBegin = spans[push.columnSpans + column], columnEnd = spans[push.columnSpans + column + 1u];
  uint rowEnd = spans[push.rowSpans + row + 1u];
  for (uint r = spans[push.rowSpans + row]; r < rowEnd; r += 2u) {
    uint firstCell = spans[r], firstNode = spans[r + 1u];
    uint cellsEnd = firstCell == kNoCells ? 0u : push.cellColumns;
    for (uint c = columnBegin; c < columnEnd; ++c) {
      uint at = spans[c];
      uvec2 next;
      if (at < cellsEnd) {
        next = nodeOf(cells[firstCell + at], push.hiddenOp, push.hiddenValue);
      } else {
        uint from = (firstNode + at) * kNodeWords;
        next = uvec2(levels[from], kNodeWords > 1u ? levels[from + 1u] : 0u);
      }
      node = joined(node, next, push.center);
    }
  }
  view[word] = node.x;
  if (kNodeWords > 1u) view[word + 1u] = node.y;
}
