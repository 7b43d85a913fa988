#version 450
#extension GL_GOOGLE_include_directive : require
// One level of a grid's pyramid from the level below it: a node is what stands for eight of them.
#include "pyramid.h"
#include "pyramid.glsl"

layout(local_size_x_id = 0) in;
layout(std430, set = 0, binding = 0) readonly buffer Cells { uint cells[]; };
layout(std430, set = 0, binding = 1) buffer Levels { uint levels[]; };
layout(push_constant) uniform Push { PyramidPush push; };

uvec2 source(uint at) {
  if (push.source == kFromCells) return nodeOf(cells[at], push.hiddenOp, push.hiddenValue);
  uint word = (push.source + at) * kNodeWords;
  return uvec2(levels[word], kNodeWords > 1u ? levels[word + 1u] : 0u);
}

void main() {
  uint i = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (i >= push.targetRows * push.targetColumns) return;
  uint row = i / push.targetColumns, column = i % push.targetColumns;
  bool down = push.alongRows != 0u;
  uint first = down ? (row << kLevelBits) * push.sourceStride + column : row * push.sourceStride + (column << kLevelBits);
  uint count = down ? min(8u, push.sourceRows - (row << kLevelBits)) : min(8u, push.sourceColumns - (column << kLevelBits));
  uint step = down ? push.sourceStride : 1u;
  uvec2 node = source(first);
  for (uint k = 1u; k < count; ++k) node = joined(node, source(first + k * step), push.center);
  uint word = (push.target + row * push.targetStride + column) * kNodeWords;
  levels[word] = node.x;
  if (kNodeWords > 1u) levels[word + 1u] = node.y;
}
