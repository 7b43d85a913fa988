#version 450
#extension GL_GOOGLE_include_directive : require
// One level of the pairwise tree over a cell's entries: node i takes in node i + stride. Squared deviations merge by Chan, Golub,
// LeVeque (1979), as roots, so that they neither overflow nor vanish. The tree depends on the entries' order alone, so that tiles and devices' ranks change no bit.
#include "kernels.h"
#include "reduce_node.glsl"

layout(local_size_x_id = 0) in;
layout(std430, set = 0, binding = 0) buffer Nodes { ReduceNode nodes[]; };
layout(push_constant) uniform Push { ReducePush push; };

void main() {
  uint i = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  uint pairs = (push.chosen + 2u * push.stride - 1u) / (2u * push.stride);
  if (i >= push.cells * pairs) return;
  uint at = (i % pairs) * 2u * push.stride;
  if (at + push.stride >= push.chosen) return;
  uint base = (i / pairs) * push.chosen;
  ReduceNode a = nodes[base + at];
  ReduceNode b = nodes[base + at + push.stride];
  uint others = a.others + b.others;
  if (b.count == 0u) {
    nodes[base + at].others = others;
    return;
  }
  if (a.count != 0u) {
    float na = float(a.count);
    float nb = float(b.count);
    float low = min(a.low, b.low);
    float high = max(a.high, b.high);
    float toA = unitOf(a) / unitOf(low, high);
    float toB = unitOf(b) / unitOf(low, high);
    vec2 meanA = meanOf(a) * toA;
    vec2 meanB = meanOf(b) * toB;
    precise float delta = (meanB.x - meanA.x) + (meanB.y - meanA.y);
    vec2 sum = added(vec2(a.sum, a.rest) * toA, vec2(b.sum, b.rest) * toB);
    float spread = length3(a.spread * toA, b.spread * toB, abs(delta) * sqrt(na * nb / (na + nb)));
    b = ReduceNode(sum.x, sum.y, spread, low, high, a.count + b.count, others);
  }
  b.others = others;
  nodes[base + at] = b;
}
