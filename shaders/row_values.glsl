// Metrics that are known once each row's normaliser, entropy and largest entry are (row_stats); one invocation a pair. A difference
// of entropies that has lost digits is marked for pairs.comp.
#include "kernels.h"
#include "metrics.h"
#include "functions.glsl"
#include "rows.glsl"
#include "metric_ids.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kMetric = 0;
layout(constant_id = 2) const uint kUnitKind = 0;  // 0 plain, 1 information
layout(constant_id = 3) const uint kDtype = 0;     // of the cells
const uint kKind = kLogits;

#include "row_words.glsl"
layout(std430, set = 0, binding = 1) readonly buffer Entries { PairEntry entries[]; };
layout(std430, set = 0, binding = 2) readonly buffer Stats { RowStats stats[]; };
layout(std430, set = 0, binding = 3) writeonly buffer Values { uint values[]; };
layout(std430, set = 0, binding = 4) writeonly buffer Redo { uint redo[]; };
layout(std430, set = 0, binding = 5) readonly buffer Numbers { uint numbers[]; };
layout(push_constant) uniform Push { SharedPush push; };

#include "row_element.glsl"

// Bits of ln q of one entry.
uint logProbability(PairEntry pair, RowStats Q) {
  float y = rowElement(numbers[pair.cell], pair.reference);
  if (isNegativeInfinity(y)) return 0xff800000u;
  return floatBitsToUint(((y - Q.offset) * push.inverseTemperature - Q.logSum) * push.unitScale);
}

// -ln q of a target in bits: 0 rather than -0.
uint negative(uint bits) { return (bits & 0x7fffffffu) == 0u ? 0u : bits ^ 0x80000000u; }

void main() {
  uint number = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (number >= push.pairs) return;
  PairEntry pair = entries[number];
  RowStats Q = stats[pair.cell];
  uint bits = kNanBits;
  uint again = 0u;
  bool known = pair.missing == 0u || (pair.missing == 1u && (kMetric == kEntropyId || kMetric == kMaxProbId));
  if (pair.missing == 2u) bits = kMaskedBits;
  if (known && (Q.flags & kBadRow) == 0u) {
    switch (kMetric) {
    case kEntropyId: bits = floatBitsToUint(Q.entropy * push.unitScale); break;
    case kMaxProbId: bits = floatBitsToUint(Q.scale); break;
    case kLogprobId: bits = logProbability(pair, Q); break;
    case kKlId:
    case kCrossEntropyId: bits = negative(logProbability(pair, Q)); break;
    case kEntropyDifferenceId: {
      RowStats P = stats[push.firstReferenceStats + pair.reference];
      float value = Q.entropy - P.entropy;
      if ((P.flags & kBadRow) == 0u) bits = floatBitsToUint(value * push.unitScale);
      again = abs(value) < 0.1 * max(Q.entropy, P.entropy) ? 1u : 0u;
      break;
    }
    case kTop1AgreeId: {
      RowStats P = stats[push.firstReferenceStats + pair.reference];
      if ((P.flags & kBadRow) == 0u) bits = floatBitsToUint(P.entry == Q.entry ? 1.0 : 0.0);
      break;
    }
    }
  }
  values[push.valueStart + pair.slot] = bits;
  redo[push.redoStart + number] = again;
}
