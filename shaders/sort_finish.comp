#version 450
#extension GL_GOOGLE_include_directive : require
// A quantile of each cell from its sorted keys, linear between neighbours (numpy's default).
#include "kernels.h"

layout(local_size_x_id = 0) in;
layout(std430, set = 0, binding = 0) readonly buffer Keys { uint keys[]; };
layout(std430, set = 0, binding = 1) writeonly buffer Cells { uint cells[]; };
layout(push_constant) uniform Push { ReducePush push; };

float valueOf(uint key) { return uintBitsToFloat((key & 0x80000000u) != 0u ? key & 0x7fffffffu : ~key); }

// Number of keys that stand for finite values: they come first.
uint finiteKeys(uint base) {
  uint low = 0u;
  uint high = push.chosen;
  while (low < high) {
    uint middle = (low + high) / 2u;
    if (keys[base + middle] >= 0xfffffffeu)
      high = middle;
    else
      low = middle + 1u;
  }
  return low;
}

void main() {
  uint i = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (i >= push.cells) return;
  uint base = i * push.stride;
  uint count = finiteKeys(base);
  if (count == 0u) {
    cells[push.firstOut + i] = keys[base] == 0xffffffffu ? kMaskedBits : kNanBits;
    return;
  }
  float at = push.quantile * float(count - 1u);
  uint lower = min(uint(floor(at)), count - 1u);
  uint upper = min(lower + 1u, count - 1u);
  float a = valueOf(keys[base + lower]);
  float b = valueOf(keys[base + upper]);
  float part = at - float(lower);
  bool far = (floatBitsToUint(b - a) & 0x7f800000u) == 0x7f800000u;
  cells[push.firstOut + i] = floatBitsToUint(far ? a * (1.0 - part) + b * part : a + (b - a) * part);
}
