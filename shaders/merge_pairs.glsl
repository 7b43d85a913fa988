// Values of pairs from the partials that kernels of shared_rows.glsl leave, merged in a fixed order; one invocation a pair.
// The metric's formula is of the shader that includes this: finished() gives the value, and a verdict on it.
#ifndef DIVLENS_MERGE_PAIRS_GLSL
#define DIVLENS_MERGE_PAIRS_GLSL

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kMetric = 0;
layout(constant_id = 2) const uint kUnitKind = 0;  // 0 plain, 1 information, 2 its square root

layout(std430, set = 0, binding = 0) readonly buffer Partials { SharedPartial partials[]; };
layout(std430, set = 0, binding = 1) readonly buffer Entries { PairEntry entries[]; };
layout(std430, set = 0, binding = 2) readonly buffer Stats { RowStats stats[]; };
layout(std430, set = 0, binding = 3) writeonly buffer Values { uint values[]; };
layout(std430, set = 0, binding = 4) writeonly buffer Redo { uint redo[]; };
layout(push_constant) uniform Push { SharedPush push; };

#include "metric_ids.glsl"

// Of rows as they are stored: no row has statistics.
const bool kStored = kMetric == kCosineId || kMetric == kL2Id || kMetric == kRankId;

// True while the parts of a difference are not so large that their rounding reaches its sixth digit.
bool keeps(float value, float parts, float most) { return parts <= most * value; }

// Whether no difference of the pair is beyond what its sums carry.
bool safe(SharedPartial s) { return s.high <= kSafeHigh && s.low >= kSafeLow; }

float finished(PairEntry pair, SharedPartial s, RowStats P, out uint verdict);

void main() {
  uint pair = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (pair >= push.pairs) return;
  PairEntry entry = entries[pair];
  uint at = push.valueStart + entry.slot;
  redo[push.redoStart + pair] = kKept;
  RowStats P = RowStats(0.0, 0.0, 1.0, 0u, 0.0, 0.0, 0u);
  if (!kStored) P = stats[push.firstReferenceStats + (entry.missing == 0u ? entry.reference : 0u)];
  bool bad = entry.missing == 0u && (P.flags & kBadRow) != 0u;
  if (entry.missing != 0u || bad) {
    values[at] = entry.missing == 2u ? kMaskedBits : kNanBits;
    return;
  }
  SharedPartial s = partials[pair * push.parts];
  for (uint i = 1u; i < push.parts; ++i) {
    SharedPartial t = partials[pair * push.parts + i];
    s = SharedPartial(s.s0 + t.s0, s.s1 + t.s1, s.s2 + t.s2, s.s3 + t.s3, s.s4 + t.s4, s.high > t.high ? s.high : t.high,
                      s.low < t.low ? s.low : t.low);
  }
  uint verdict;
  float value = finished(entry, s, P, verdict);
  redo[push.redoStart + pair] = verdict;
  if (kUnitKind == 1u) value *= push.unitScale;
  if (kUnitKind == 2u) value *= sqrt(push.unitScale);
  uint bits = floatBitsToUint(value);
  values[at] = bits == 0x80000000u ? 0u : bits;
}
#endif
