#version 450
#extension GL_GOOGLE_include_directive : require
// Normaliser of each row, second part: the lanes' partials merged in a fixed order; one invocation a row.
#include "kernels.h"
#include "functions.glsl"
#include "merge_stats.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kKind = 0;
layout(constant_id = 2) const bool kListed = false;  // only the rows of the list

layout(std430, set = 0, binding = 0) readonly buffer Partials { StatsPartial partials[]; };
layout(std430, set = 0, binding = 1) writeonly buffer Stats { RowStats stats[]; };
layout(std430, set = 0, binding = 2) readonly buffer List { uint list[]; };
layout(push_constant) uniform Push { RowsPush push; };

void main() {
  uint row = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (row >= push.rows) return;
  row = push.firstRow + (kListed ? list[row] : row);
  // A loop over a count that only the host knows is not unrolled: eight copies cost lavapipe 0.3 s to compile.
  StatsPartial s = partials[row * push.parts];
  for (uint i = 1u; i < push.parts; ++i) s = mergeStats(s, partials[row * push.parts + i], kKind == kProbs, push.inverseTemperature);
  RowStats result = RowStats(s.top, 0.0, 0.0, s.flags, s.low, 0.0, s.entry);
  if (kKind == kProbs) {
    if (s.top > 0.0) {
      result.logSum = log1pPositive(s.rest / s.top);
      result.scale = 1.0 / (s.top + s.rest);
    } else {
      result.flags |= kBadRow;
    }
  } else if (s.count > 0.0) {
    float rest = (s.count - 1.0) + s.rest;
    result.logSum = log1pPositive(rest);
    result.scale = 1.0 / (1.0 + rest);
    result.entropy = result.logSum + s.heat / (1.0 + rest);
  } else {
    result.flags |= kBadRow;
  }
  stats[row] = result;
}
