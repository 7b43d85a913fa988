#version 450
#extension GL_GOOGLE_include_directive : require
// Wᵀy over kMatrixRows rows of a tile: an invocation eight columns. The processor adds the parts in double precision.
#include "kernels.h"
#include "weights.h"
#include "weights_matrix.h"
#include "functions.glsl"
#include "rows.glsl"
#include "weights.glsl"
#include "weights_matrix.glsl"

void main() {
  uint group = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
  uint groups = (push.steps + gl_WorkGroupSize.x - 1u) / gl_WorkGroupSize.x;
  uint part = group / groups, step = group % groups * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  uint first = part * kMatrixRows;
  if (step >= push.steps || first >= push.rows) return;
  uint count = min(push.rows - first, kMatrixRows);
  float scale = pow2(-push.exponent);
  vec4 a = vec4(0.0), b = vec4(0.0);
  for (uint i = 0u; i < count; ++i) {
    uint row = first + i;
    float w[8], y = from[row / 4u][row % 4u];
    load(row, step, w);
    a += vec4(w[0], w[1], w[2], w[3]) * scale * y;
    b += vec4(w[4], w[5], w[6], w[7]) * scale * y;
  }
  uint at = (part * push.steps + step) * 8u;
  for (uint i = 0u; i < 4u; ++i) {
    to[at + i] = a[i];
    to[at + 4u + i] = b[i];
  }
}
