#version 450
#extension GL_GOOGLE_include_directive : require
// Counts NaN, infinite and masked values before any reduction.
#include "kernels.h"
#include "functions.glsl"

layout(local_size_x_id = 0) in;
layout(std430, set = 0, binding = 0) readonly buffer Values { uint values[]; };
layout(std430, set = 0, binding = 1) buffer Counts { uint nans; uint infinities; uint masked; };
layout(push_constant) uniform Push { ReducePush push; };

void main() {
  uint i = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (i >= push.cells) return;
  uint bits = values[push.firstValue + i];
  if (isFiniteBits(bits)) return;
  if (bits == kMaskedBits)
    atomicAdd(masked, 1u);
  else if ((bits & 0x007fffffu) != 0u)
    atomicAdd(nans, 1u);
  else
    atomicAdd(infinities, 1u);
}
