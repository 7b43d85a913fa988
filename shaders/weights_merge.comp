#version 450
#extension GL_GOOGLE_include_directive : require
// Neighbouring moments become one, in their order: an invocation a merge. A tensor's parts are merged level by level, so that
// rounding grows with the depth and the bits depend on the number of elements alone.
#include "kernels.h"
#include "weights.h"
#include "weights.glsl"

layout(local_size_x = 64) in;

layout(std430, set = 0, binding = 0) readonly buffer Merges { WeightMerge merges[]; };
layout(std430, set = 0, binding = 1) buffer Moments { WeightMoments moments[]; };
layout(push_constant) uniform Push { WeightMergePush push; };

void main() {
  uint index = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (index >= push.merges) return;
  WeightMerge merge = merges[push.firstMerge + index];
  WeightMoments w = moments[merge.first];
  for (uint i = 1u; i < merge.count; ++i) mergeMoments(w, moments[merge.first + i]);
  moments[merge.to] = w;
}
