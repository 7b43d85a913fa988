// The k largest elements of each row, second part: a bound that k groups reach (see top_groups.glsl), and a list of what reaches it in
// these groups. A list that would grow too long, as where many elements are equal, is left empty.
#include "kernels.h"
#include "functions.glsl"
#include "rows.glsl"

layout(constant_id = 2) const uint kDtype = 0;
layout(constant_id = 3) const uint kKind = 0;
layout(constant_id = 4) const bool kMasked = false;
layout(constant_id = 5) const uint kRowLanes = 1;  // of top_groups.glsl

#include "row_words.glsl"
layout(std430, set = 0, binding = 1) readonly buffer Maxima { uint maxima[]; };
layout(std430, set = 0, binding = 2) readonly buffer Allowed { uint allowed[]; };
layout(std430, set = 0, binding = 3) readonly buffer Numbers { uint numbers[]; };
layout(std430, set = 0, binding = 4) writeonly buffer Entries { TopEntry entries[]; };
layout(std430, set = 0, binding = 5) writeonly buffer States { TopState states[]; };
layout(push_constant) uniform Push { TopRowsPush push; };

#include "load_row.glsl"
#include "row_element.glsl"

uint firstMaximum;
#define numberAt(i) maxima[firstMaximum + (i)]
#include "top_search.glsl"

// Devices may take subnormal numbers for 0 when they compare: all of them then reach the bound together.
const uint kBelowSubnormal = 0x7f7fffffu;  // key of -2^-126
const uint kAboveSubnormal = 0x80800000u;  // key of 2^-126
float fromKey(uint key) { return uintBitsToFloat((key & 0x80000000u) != 0u ? key & 0x7fffffffu : ~key); }

const uint kRounds = 3u;  // eight times narrower each: lists of 10 of 50,304 hold 10 to 20 entries

void main() {
  uint row = rowOfGroup();
  if (row >= push.rows) return;
  uint number = push.firstRow + row;
  uint place = numbers[number];
  uint width = push.width;
  uint steps = (width + kLoad - 1u) / kLoad;
  uint groups = push.groups;
  uint reach = push.steps * kRowLanes;
  uint list = number * push.listed;
  uint most = push.listed;
  uint shift = push.shift;
  firstMaximum = number * groups;
  uvec2 range = rangeOf(groups);
  bool bad = range.y == kBadTops;
  uint bound = bad ? kBadTops : nthLargest(groups, push.k, range, kRounds);
  if (bound > kBelowSubnormal && bound < kAboveSubnormal) bound = kBelowSubnormal;
  float lowest = fromKey(bound);
  uint found = 0u;
  uint left = push.trips;
  clearTally(0u);
  for (uint group = lane; group < groups && left > 0u && !bad; group += lanes) {
    bool reaches = maxima[firstMaximum + group] >= bound;
    uint first = group % kRowLanes + group / kRowLanes * reach;
    uint end = !reaches ? 0u : first + reach < steps ? first + reach : steps;
    for (uint step = first; step < end && left > 0u; step += kRowLanes) {
      --left;
      float x[8];
      loadStored(place, step, x);
      uint above = 0u;
      for (uint i = 0u; i < 8u; ++i) above |= x[i] >= lowest ? 1u << i : 0u;
      above &= allowedBits(step, width, kMasked ? allowed[step / 4u] : 0u, kMasked);
      for (; above != 0u && left > 0u; above &= above - 1u) {
        --left;
        uint id = kLoad * step + uint(findLSB(above));
        uint at = kAlone ? found : atomicAdd(tally[0], 1u);
        ++found;
        if (at < most)
          entries[list + at] = TopEntry(topKey(rowElement(place, id), shift), id);
        else
          left = 0u;
      }
    }
  }
  if (left == 0u && !kAlone) atomicAdd(tally[1], 1u);
  if (!kAlone) barrier();
  bool whole = kAlone ? left > 0u : tally[1] == 0u;
  uint count = kAlone ? found : tally[0];
  if (lane == 0u) states[number] = TopState(0u, 0u, 0u, bad ? kBadTops : whole && count >= push.k ? count : kUnlisted);
}
