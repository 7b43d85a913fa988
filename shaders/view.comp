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

const uint kNumber = (1u << kSegmentBits) - 1u;

uvec2 nodeAt(uint rowSegment, uint columnSegment) {
  uint i = rowSegment >> kSegmentBits, j = columnSegment >> kSegmentBits;
  uint row = rowSegment & kNumber, column = columnSegment & kNumber;
  if (i + j == 0u) return nodeOf(cells[row * push.cellColumns + column], push.hiddenOp, push.hiddenValue);
  uint width = (push.cellColumns + (1u << (kLevelBits * j)) - 1u) >> (kLevelBits * j);
  uint word = kLevelHeader + (levels[i * kMostLevels + j] + row * width + column) * kNodeWords;
  return uvec2(levels[word], kNodeWords > 1u ? levels[word + 1u] : 0u);
}

void main() {
  uint i = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (i >= push.rows * push.columns) return;
  uint row = i / push.columns, column = i % push.columns;
  uint word = ((push.firstRow + row) * push.columns + column) * kNodeWords;
  uvec2 node = uvec2(kNothing, 0u);
  if (push.join != 0u) node = uvec2(view[word], kNodeWords > 1u ? view[word + 1u] : 0u);
  uint columnBegin = spans[push.columnSpans + column], columnEnd = spans[push.columnSpans + column + 1u];
  for (uint r = spans[push.rowSpans + row]; r < spans[push.rowSpans + row + 1u]; ++r)
    for (uint c = columnBegin; c < columnEnd; ++c) node = joined(node, nodeAt(spans[r], spans[c]), push.center);
  view[word] = node.x;
  if (kNodeWords > 1u) view[word + 1u] = node.y;
}
