// The fastest that rows can be read: every word once, folded so that none can be left out. What other kernels' rates are compared
// with.
#include "kernels.h"

layout(local_size_x_id = 0) in;

#include "row_words.glsl"
layout(std430, set = 0, binding = 1) writeonly buffer Out { uint folded[]; };
layout(push_constant) uniform Push { RowsPush push; };

void main() {
  uint row = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
  if (row >= push.rows) return;
  uvec4 all = uvec4(0u);
  for (uint i = gl_LocalInvocationID.x; i < push.rowVectors; i += gl_WorkGroupSize.x) all ^= rowWords(row * push.rowVectors + i);
  uint word = all.x ^ all.y ^ all.z ^ all.w;
  if (word == 0x9e3779b9u) folded[0] = row;
}
