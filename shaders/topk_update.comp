#version 450
#extension GL_GOOGLE_include_directive : require
// Takes or leaves the bit that topk_count has just tried; one invocation a row.
#include "kernels.h"

layout(local_size_x_id = 0) in;
layout(std430, set = 0, binding = 0) buffer States { TopState states[]; };
layout(push_constant) uniform Push { TopPush push; };

void main() {
  uint row = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (row >= push.rows) return;
  TopState s = states[push.firstRow + row];
  if (push.mode == kTopStart) s = TopState(0u, 0u, push.k, 0u);
  if (push.mode == kTopKey && s.count >= push.k) s.threshold |= push.bit;
  if (push.mode == kTopRest) s.need = push.k - s.count;
  if (push.mode == kTopId && s.count < s.need) s.bound |= push.bit;
  s.count = 0u;
  states[push.firstRow + row] = s;
}
