#version 450
#extension GL_GOOGLE_include_directive : require
// The statistic of each cell from the root of its tree: mean, min, max, std and sem (n - 1), count of finite entries.
#include "kernels.h"
#include "reduce_node.glsl"

layout(local_size_x_id = 0) in;
layout(std430, set = 0, binding = 0) readonly buffer Nodes { ReduceNode nodes[]; };
layout(std430, set = 0, binding = 1) writeonly buffer Cells { uint cells[]; };
layout(push_constant) uniform Push { ReducePush push; };

uint statistic(ReduceNode n) {
  float count = float(n.count);
  if (n.count == 0u && n.others == 0u) return kMaskedBits;
  if (push.how == kCount) return floatBitsToUint(count);
  if (n.count == 0u) return kNanBits;
  if (push.how == kMean) {
    vec2 mean = meanOf(n);
    return floatBitsToUint((mean.x + mean.y) * unitOf(n));
  }
  if (push.how == kMin) return floatBitsToUint(n.low);
  if (push.how == kMax) return floatBitsToUint(n.high);
  if (n.count == 1u) return kNanBits;
  float std = n.spread / sqrt(count - 1.0);
  return floatBitsToUint((push.how == kStd ? std : std / sqrt(count)) * unitOf(n));
}

void main() {
  uint i = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (i < push.cells) cells[push.firstOut + i] = statistic(nodes[i * push.chosen]);
}
