#version 450
#extension GL_GOOGLE_include_directive : require
// Mean distribution of some rows: probability by probability, in the order of the rows, so that tiles change no bit. A later
// dispatch goes on where an earlier one stopped. One invocation holds eight entries of the vocabulary.
#include "kernels.h"
#include "functions.glsl"
#include "rows.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kDtype = 0;
layout(constant_id = 2) const uint kKind = 0;

layout(std430, set = 0, binding = 0) readonly buffer Rows { uvec4 rows[]; };
layout(std430, set = 0, binding = 1) readonly buffer Stats { RowStats stats[]; };
layout(std430, set = 0, binding = 2) buffer Mean { float mean[]; };
layout(push_constant) uniform Push { MeanPush push; };

#define rowWords(i) rows[i]
#include "load_row.glsl"

float probability(float x, RowStats s) {
  if ((s.flags & kBadRow) != 0u) return uintBitsToFloat(kNanBits);
  if (kKind == kProbs) return x * s.scale;
  if (kKind == kLogOfProbs) x = logOfProbability(x);
  return isNegativeInfinity(x) ? 0.0 : expNegative((x - s.offset) * push.inverseTemperature) * s.scale;
}

void main() {
  uint step = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (step * kLoad >= push.width) return;
  float sum[8];
  for (int i = 0; i < 8; ++i) sum[i] = push.first != 0u ? 0.0 : mean[step * kLoad + uint(i)];
  for (uint row = 0u; row < push.rows; ++row) {
    float x[8];
    loadStored(row * rowVectors, step, x);
    RowStats s = stats[row];
    for (int i = 0; i < 8; ++i) sum[i] += probability(x[i], s) * push.weight;
  }
  for (int i = 0; i < 8; ++i) mean[step * kLoad + uint(i)] = sum[i];
}
