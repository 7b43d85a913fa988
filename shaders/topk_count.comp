#version 450
#extension GL_GOOGLE_include_directive : require
// One step of a search, bit by bit, for the k-th largest element of each row and, among its equals, for the last id that still
// belongs to the k largest (ties go to the lowest ids). Counts what lies beyond the candidate; whole numbers add up the same in any
// order. One workgroup a row.
#include "kernels.h"
#include "functions.glsl"
#include "rows.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kDtype = 0;
layout(constant_id = 2) const uint kKind = 0;
layout(constant_id = 3) const bool kMasked = false;

layout(std430, set = 0, binding = 0) readonly buffer Rows { uvec4 rows[]; };
layout(std430, set = 0, binding = 1) buffer States { TopState states[]; };
layout(std430, set = 0, binding = 2) readonly buffer Allowed { uint allowed[]; };
layout(push_constant) uniform Push { TopPush push; };

#define rowWords(i) rows[i]
#include "load_row.glsl"

void main() {
  uint row = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
  if (row >= push.rows) return;
  TopState s = states[push.firstRow + row];
  uint keyCandidate = s.threshold | push.bit;
  uint idCandidate = s.bound | push.bit;
  uint found = 0u;
  uint steps = (push.width + kLoad - 1u) / kLoad;
  for (uint step = gl_LocalInvocationID.x; step < steps; step += gl_WorkGroupSize.x) {
    float x[8];
    loadStored(row * rowVectors, step, x);
    uint counts = allowedBits(step, push.width, kMasked ? allowed[step / 4u] : 0u, kMasked);
    for (uint i = 0u; i < 8u; ++i) {
      uint key = topKey(x[i], push.shift);
      bool beyond = push.mode == kTopKey    ? key >= keyCandidate
                    : push.mode == kTopRest ? key > s.threshold
                                            : key == s.threshold && kLoad * step + i < idCandidate;
      found += beyond && (counts >> i & 1u) != 0u ? 1u : 0u;
    }
  }
  if (found != 0u) atomicAdd(states[push.firstRow + row].count, found);
}
