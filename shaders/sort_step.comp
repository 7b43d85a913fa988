#version 450
#extension GL_GOOGLE_include_directive : require
// One compare-exchange step of the bitonic sorting network (Batcher 1968) over each cell's keys.
#include "kernels.h"

layout(local_size_x_id = 0) in;
layout(std430, set = 0, binding = 0) buffer Keys { uint keys[]; };
layout(push_constant) uniform Push { ReducePush push; };

void main() {
  uint i = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (i >= push.cells * push.stride) return;
  uint entry = i % push.stride;
  uint partner = entry ^ push.firstValue;  // the step's distance
  if (partner <= entry) return;
  uint other = i - entry + partner;
  bool ascending = (entry & push.firstOut) == 0u;  // the run's length
  uint a = keys[i];
  uint b = keys[other];
  if ((a > b) != ascending) return;
  keys[i] = b;
  keys[other] = a;
}
