// The share of the k largest entries that two rows have in common: the cell's are listed (top_candidates.glsl), and for each the
// reference's element says whether it is one there too. One invocation a pair. Pairs with a row whose list is empty are marked for
// pairs.comp.
#include "kernels.h"
#include "functions.glsl"
#include "rows.glsl"
#include "tops.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kDtype = 0;  // of the reference

#include "row_words.glsl"
layout(std430, set = 0, binding = 1) readonly buffer Pairs { PairEntry pairs[]; };
layout(std430, set = 0, binding = 2) readonly buffer Entries { TopEntry entries[]; };
layout(std430, set = 0, binding = 3) readonly buffer States { TopState states[]; };
layout(std430, set = 0, binding = 4) writeonly buffer Values { uint values[]; };
layout(std430, set = 0, binding = 5) writeonly buffer Redo { uint redo[]; };
layout(std430, set = 0, binding = 6) readonly buffer Numbers { uint numbers[]; };
layout(push_constant) uniform Push { OverlapPush push; };

#include "row_element.glsl"

uint referenceKey(uint place, PairEntry pair, uint id) {
  uint shift = push.shift;
  if (kDtype == kUniform) return topKey(0.0, shift);
  if (kDtype == kOneHot) return topKey(id == pair.reference ? 0.0 : uintBitsToFloat(0xff800000u), shift);
  return topKey(rowElement(place, id), shift);
}

void main() {
  uint number = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (number >= push.pairs) return;
  PairEntry pair = pairs[number];
  uint bits = pair.missing == 2u ? kMaskedBits : kNanBits;
  uint again = 0u;
  if (pair.missing == 0u) {
    TopState Q = states[pair.cell];
    TopState P = TopState(0u, 0u, 0u, 1u);
    uint place = 0u;
    if (kDtype <= kF32) {
      P = states[push.firstReference + pair.reference];
      place = numbers[push.firstReference + pair.reference];
    } else {
      uint count = P.count;
      P = topsOfMade(kDtype == kUniform, pair.reference, push.shift, push.lastOfK, push.lastBeforeK);
      P.count = count;
    }
    bool bad = P.count == kBadTops || Q.count == kBadTops;
    again = !bad && (P.count == kUnlisted || Q.count == kUnlisted) ? 1u : 0u;
    if (!bad && again == 0u) {
      uint both = 0u;
      uint list = pair.cell * push.listed;
      for (uint i = 0u; i < Q.count; ++i) {
        TopEntry entry = entries[list + i];
        both += isTop(entry.key, entry.id, Q) && isTop(referenceKey(place, pair, entry.id), entry.id, P) ? 1u : 0u;
      }
      bits = floatBitsToUint(float(both) / push.k);
    }
  }
  values[push.valueStart + pair.slot] = bits;
  redo[push.redoStart + number] = again;
}
