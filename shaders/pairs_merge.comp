#version 450
#extension GL_GOOGLE_include_directive : require
// Values of pairs: the partial sums of one channel merged in a fixed order, then the metric's finish; one invocation a pair.
#include "kernels.h"
#include "metrics.h"
#include "functions.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kMetric = 0;
layout(constant_id = 2) const uint kChannel = 0;
layout(constant_id = 3) const uint kReferenceDtype = 0;
layout(constant_id = 4) const uint kUnitKind = 0;   // 0 plain, 1 information, 2 its square root
layout(constant_id = 5) const bool kNeedsReference = true;

layout(std430, set = 0, binding = 0) readonly buffer Partials { SumPartial partials[]; };
layout(std430, set = 0, binding = 1) readonly buffer Entries { PairEntry entries[]; };
layout(std430, set = 0, binding = 2) readonly buffer CellStats { RowStats cellStats[]; };
layout(std430, set = 0, binding = 3) readonly buffer ReferenceStats { RowStats referenceStats[]; };
layout(std430, set = 0, binding = 4) writeonly buffer Values { uint values[]; };
layout(push_constant) uniform Push { PairsPush push; };

#include "metric_ids.glsl"
#include "merge_sums.glsl"

float finished(vec3 s, vec2 m, RowStats P, RowStats Q, float a, float c) {
  float width = float(push.allowed);
  switch (kMetric) {
#define METRIC(id, enumerator, name, formula, symbol, needs, direction, unit, sums, term, finish_) \
  case id: return finish_;
    METRICS(METRIC)
#undef METRIC
#define CONVENTION(tool, id, name, formula, symbol, needs, direction, unit, sums, term, finish_, difference) \
  case id: return finish_;
    CONVENTIONS(CONVENTION)
#undef CONVENTION
  case kUserMetric: return s.x;
  }
  return 0.0;
}

void main() {
  uint pair = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (pair >= push.pairs) return;
  PairEntry entry = entries[pair];
  uint at = push.channelStride * (push.firstChannel + kChannel) + entry.slot;
  if (entry.missing == 2u || (kNeedsReference && entry.missing == 1u)) {
    values[at] = entry.missing == 2u ? kMaskedBits : kNanBits;
    return;
  }
  uint first = (pair * push.channels + kChannel) * push.parts;
  SumPartial part = partials[first];
  for (uint i = 1u; i < push.parts; ++i) part = merged(part, partials[first + i], sumsExponentials(kMetric));
  RowStats Q = cellStats[entry.cell];
  RowStats P = RowStats(0.0, 0.0, 1.0, 0u, 0.0, 0.0, 0u);
  if (kReferenceDtype <= kF32) P = referenceStats[push.firstReferenceStats + entry.reference];
  uint flags = part.flags | (Q.flags & kBadRow) | (kNeedsReference ? P.flags & kBadRow : 0u);
  bool infinite = (flags & kInfinite) != 0u;
  vec2 m = infinite ? vec2(1.0) : vec2(part.u, part.w);
  // An infinite sum keeps the sign that the metric gives it (logprob of an impossible target is -inf).
  float value = finished(infinite ? vec3(1.0, 0.0, 0.0) : vec3(part.x, part.y, part.z), m, P, Q, push.parameters[kChannel], push.complements[kChannel]);
  if (kUnitKind == 1u) value *= push.unitScale;
  if (kUnitKind == 2u) value *= sqrt(push.unitScale);
  values[at] = (flags & (kBadRow | kNan)) != 0u ? kNanBits : infinite ? (kInfBits | (value < 0.0 ? 0x80000000u : 0u)) : floatBitsToUint(value);
}
