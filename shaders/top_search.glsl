// The search for the n-th largest of many numbers: each round counts how many reach each of seven thresholds, eight times narrowing
// the range. One invocation a row where kAlone, else a workgroup. Include after defining `numberAt(i)`.
#ifndef DIVLENS_TOP_SEARCH_GLSL
#define DIVLENS_TOP_SEARCH_GLSL

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const bool kAlone = false;  // lavapipe: a barrier costs more than the work that it would share

shared uint tally[kTopThresholds + 1u];
uint lane = kAlone ? 0u : gl_LocalInvocationID.x;
uint lanes = kAlone ? 1u : gl_WorkGroupSize.x;

uint rowOfGroup() {
  uint group = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
  return kAlone ? group * gl_WorkGroupSize.x + gl_LocalInvocationID.x : group;
}

void clearTally(uint value) {
  if (kAlone) return;
  barrier();
  if (lane <= kTopThresholds) tally[lane] = value;
  barrier();
}

// The smallest and the largest of `count` numbers.
uvec2 rangeOf(uint count) {
  uint low = 0xffffffffu;
  uint high = 0u;
  for (uint i = lane; i < count; i += lanes) {
    uint number = numberAt(i);
    low = number < low ? number : low;
    high = number > high ? number : high;
  }
  if (kAlone) return uvec2(low, high);
  clearTally(0xffffffffu);
  atomicMin(tally[0], low);
  atomicMin(tally[1], ~high);
  barrier();
  return uvec2(tally[0], ~tally[1]);
}

// The n-th largest of `count` >= n numbers in `range`, below 0xfffffff0; after `rounds` a lower bound of it.
uint nthLargest(uint count, uint n, uvec2 range, uint rounds) {
  for (uint round = 0u; round < rounds && range.x < range.y; ++round) {
    uint step = (range.y - range.x) / (kTopThresholds + 1u) + 1u;
    uint reached[kTopThresholds];
    for (uint t = 0u; t < kTopThresholds; ++t) reached[t] = 0u;
    for (uint i = lane; i < count; i += lanes) {
      uint number = numberAt(i);
      for (uint t = 0u; t < kTopThresholds; ++t) reached[t] += number >= range.x + (t + 1u) * step ? 1u : 0u;
    }
    if (!kAlone) {
      clearTally(0u);
      for (uint t = 0u; t < kTopThresholds; ++t) atomicAdd(tally[t], reached[t]);
      barrier();
      for (uint t = 0u; t < kTopThresholds; ++t) reached[t] = tally[t];
    }
    uint passed = 0u;
    for (uint t = 0u; t < kTopThresholds; ++t) passed += reached[t] >= n ? 1u : 0u;
    range.x += passed * step;
    uint end = range.x + step - 1u;
    range.y = end < range.y ? end : range.y;
  }
  return range.x;
}
#endif
