#version 450
#extension GL_GOOGLE_include_directive : require
// First step of a reduction: the chosen entries of each cell become nodes of a tree; NaN and infinity become empty nodes.
#include "kernels.h"
#include "functions.glsl"
#include "reduce_node.glsl"

layout(local_size_x_id = 0) in;
layout(std430, set = 0, binding = 0) readonly buffer Values { uint values[]; };
layout(std430, set = 0, binding = 1) readonly buffer Chosen { uint chosen[]; };
layout(std430, set = 0, binding = 2) writeonly buffer Nodes { ReduceNode nodes[]; };
layout(push_constant) uniform Push { ReducePush push; };

void main() {
  uint i = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (i >= push.cells * push.chosen) return;
  uint cell = i / push.chosen;
  uint bits = values[push.firstValue + cell * push.entries + chosen[i % push.chosen]];
  float v = uintBitsToFloat(bits);
  if (isFiniteBits(bits))
    nodes[i] = ReduceNode(v / unitOf(v, v), 0.0, 0.0, v, v, 1u, 0u);
  else
    nodes[i] = ReduceNode(0.0, 0.0, 0.0, 3.4e38, -3.4e38, 0u, bits == kMaskedBits ? 0u : 1u);
}
