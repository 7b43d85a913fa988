#version 450
#extension GL_GOOGLE_include_directive : require
// The k largest elements of each row, third part: the k-th largest key of the list (see top_candidates.glsl) and, among its equals,
// the last id that still belongs (ties go to the lowest ids), as topk_count.comp finds them in the whole row.
#include "kernels.h"

layout(std430, set = 0, binding = 0) readonly buffer Entries { TopEntry entries[]; };
layout(std430, set = 0, binding = 1) buffer States { TopState states[]; };
layout(push_constant) uniform Push { TopRowsPush push; };

const uint kLastId = 0x7fffffffu;
uint list;
bool byId = false;    // the numbers are ids of entries whose key is the threshold, the lowest id the largest number
uint threshold = 0u;

uint numberAt(uint i) {
  TopEntry entry = entries[list + i];
  return !byId ? entry.key : entry.key == threshold ? kLastId - entry.id : 0u;
}
#include "top_search.glsl"

void main() {
  uint row = rowOfGroup();
  if (row >= push.rows) return;
  uint number = push.firstRow + row;
  list = number * push.listed;
  uint count = states[number].count;
  if (count == kBadTops || count == kUnlisted) return;
  const uint kAll = 32u;  // rounds
  threshold = nthLargest(count, push.k, rangeOf(count), kAll);
  uint above = 0u, equal = 0u;
  for (uint i = lane; i < count; i += lanes) {
    uint key = entries[list + i].key;
    above += key > threshold ? 1u : 0u;
    equal += key == threshold ? 1u : 0u;
  }
  if (!kAlone) {
    clearTally(0u);
    atomicAdd(tally[0], above);
    atomicAdd(tally[1], equal);
    barrier();
    above = tally[0];
    equal = tally[1];
  }
  uint bound = kLastId;
  if (above + equal > push.k) {
    byId = true;
    bound = kLastId - nthLargest(count, push.k - above, uvec2(0u, kLastId), kAll);
  }
  if (lane == 0u) states[number] = TopState(threshold, bound, 0u, count);
}
