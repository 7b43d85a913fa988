#version 450
#extension GL_GOOGLE_include_directive : require
// y = W x for the rows of a tile: a workgroup a row, sums of its invocations added in a tree.
#include "kernels.h"
#include "weights.h"
#include "weights_matrix.h"
#include "functions.glsl"
#include "rows.glsl"
#include "weights.glsl"
#include "weights_matrix.glsl"

shared float sums[gl_WorkGroupSize.x];

void main() {
  uint row = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
  if (row >= push.rows) return;
  uint lane = gl_LocalInvocationID.x;
  float scale = pow2(-push.exponent), sum = 0.0;
  for (uint step = lane; step < push.steps; step += gl_WorkGroupSize.x) {
    float w[8];
    load(row, step, w);
    vec4 a = vec4(w[0], w[1], w[2], w[3]) * scale, b = vec4(w[4], w[5], w[6], w[7]) * scale;
    sum += dot(a, from[2u * step]) + dot(b, from[2u * step + 1u]);
  }
  sums[lane] = sum;
  for (uint part = gl_WorkGroupSize.x / 2u; part > 0u; part /= 2u) {
    barrier();
    if (lane < part) sums[lane] += sums[lane + part];
  }
  if (lane == 0u) to[row] = sums[0];
}
