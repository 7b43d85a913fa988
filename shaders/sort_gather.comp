#version 450
#extension GL_GOOGLE_include_directive : require
// First step of a quantile: the chosen entries of each cell as sortable keys, padded to a power of two; NaN and infinity
// behind them, masked entries last.
#include "kernels.h"
#include "functions.glsl"

layout(local_size_x_id = 0) in;
layout(std430, set = 0, binding = 0) readonly buffer Values { uint values[]; };
layout(std430, set = 0, binding = 1) readonly buffer Chosen { uint chosen[]; };
layout(std430, set = 0, binding = 2) writeonly buffer Keys { uint keys[]; };
layout(push_constant) uniform Push { ReducePush push; };

// Keys order like the floats that they stand for.
uint keyOf(uint bits) { return (bits & 0x80000000u) != 0u ? ~bits : bits | 0x80000000u; }

void main() {
  uint i = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (i >= push.cells * push.stride) return;
  uint entry = i % push.stride;
  keys[i] = 0xffffffffu;
  if (entry >= push.chosen) return;
  uint bits = values[push.firstValue + (i / push.stride) * push.entries + chosen[entry]];
  if (bits != kMaskedBits) keys[i] = isFiniteBits(bits) ? keyOf(bits) : 0xfffffffeu;
}
