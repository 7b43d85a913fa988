#version 450
#extension GL_GOOGLE_include_directive : require
// Differences of two grids, in place; NaN or infinite where either is.
#include "kernels.h"
#include "functions.glsl"

layout(local_size_x_id = 0) in;
layout(std430, set = 0, binding = 0) buffer Left { uint left[]; };
layout(std430, set = 0, binding = 1) readonly buffer Right { uint right[]; };
layout(push_constant) uniform Push { ReducePush push; };

void main() {
  uint i = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (i >= push.cells) return;
  uint a = left[i];
  uint b = right[i];
  if (isFiniteBits(a) && isFiniteBits(b))
    left[i] = floatBitsToUint(uintBitsToFloat(a) - uintBitsToFloat(b));
  else if (isFiniteBits(a))
    left[i] = (b & 0x7fffffffu) == kInfBits ? b ^ 0x80000000u : b;
  else if ((a & 0x7fffffffu) == kInfBits && !isFiniteBits(b))
    left[i] = a == (b ^ 0x80000000u) ? a : kNanBits;
}
