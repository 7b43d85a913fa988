#version 450
#extension GL_GOOGLE_include_directive : require
// One digit of a radix select over the ordered bits of the finite cells: for each prefix, how often each value of the next
// digit follows it. Whole numbers: the sums do not depend on their order.
#include "percentiles.h"

layout(local_size_x_id = 0) in;
layout(std430, set = 0, binding = 0) readonly buffer Cells { uint cells[]; };
layout(std430, set = 0, binding = 1) buffer Counts { uint counts[]; };
layout(push_constant) uniform Push { PercentilesPush push; };

shared uint found[kMostPrefixes * kDigits];

// Which count a cell belongs to; kMostPrefixes * kDigits: none.
uint countOf(uint bits) {
  const uint none = kMostPrefixes * kDigits;
  if ((bits & 0x7f800000u) == 0x7f800000u) return none;
  uint key = orderedKey(bits);
  uint at = none;
  for (uint i = 0u; i < push.prefixes; ++i)
    if (((key ^ push.prefix[i]) & push.mask) == 0u) at = i * kDigits + ((key >> push.shift) & (kDigits - 1u));
  return rulePicks(push.hiddenOp, push.hiddenValue, uintBitsToFloat(bits)) ? none : at;
}

void main() {
  uint used = push.prefixes * kDigits;
  for (uint i = gl_LocalInvocationID.x; i < used; i += gl_WorkGroupSize.x) found[i] = 0u;
  barrier();
  uint begin = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * kCellsPerGroup;
  uint end = min(begin + kCellsPerGroup, push.cells);
  // Cells that follow each other are alike in their first digits: runs are added at once.
  uint last = kMostPrefixes * kDigits;
  uint run = 0u;
  for (uint i = begin + gl_LocalInvocationID.x; i < end; i += gl_WorkGroupSize.x) {
    uint at = countOf(cells[i]);
    if (at != last) {
      if (last < used) atomicAdd(found[last], run);
      last = at;
      run = 0u;
    }
    ++run;
  }
  if (last < used) atomicAdd(found[last], run);
  barrier();
  for (uint i = gl_LocalInvocationID.x; i < used; i += gl_WorkGroupSize.x)
    if (found[i] != 0u) atomicAdd(counts[push.firstCount + i], found[i]);
}
