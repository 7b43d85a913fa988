#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_samplerless_texture_functions : require
// G += sum of v vᵀ over the vectors of a tile, in blocks of the lower triangle. Singular values are roots of its eigenvalues, so that
// float32 sums would drown those below 1e-4 of the largest: products and sums are exact pairs of floats (Knuth's two-sum, Dekker's
// product), about 48 bits. An invocation keeps kGramRows x 4 sums, eight invocations side by side a row of blocks.
#include "kernels.h"
#include "weights_gram.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kExact = 0;  // 1: products of two entries are exact in float32 (F16, BF16)

layout(set = 0, binding = 0) uniform utextureBuffer vectorTexels;
layout(std430, set = 0, binding = 1) buffer Sums { vec4 sums[]; };  // of a row of a block: eight times (sum, what it lost)
layout(push_constant) uniform Push { GramPush push; };

vec4 load(uint at) { return uintBitsToFloat(texelFetch(vectorTexels, int(at))); }

vec4 highOf(vec4 x) { return uintBitsToFloat(floatBitsToUint(x) & 0xfffff000u); }

// What the product's rounding lost: factors are cut into halves of twelve bits, whose products are exact.
vec4 lostBy(vec4 product, float a, float aHigh, vec4 b, vec4 bHigh) {
  precise vec4 low = b - bHigh;
  precise float aLow = a - aHigh;
  precise vec4 lost = ((aHigh * bHigh - product) + aHigh * low + aLow * bHigh) + aLow * low;
  return lost;
}

void add(inout vec4 sum, inout vec4 low, vec4 x) {
  precise vec4 s = sum + x;
  precise vec4 t = s - sum;
  precise vec4 l = low + ((sum - (s - t)) + (x - t));
  sum = s;
  low = l;
}

void main() {
  const uint lanes = kGramBlock / 4u, strips = kGramBlock / kGramRows;
  uint number = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
  uint item = number * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  uint lane = item % lanes, strip = item / lanes % strips, own = item / (lanes * strips);
  if (own >= push.blocks) return;
  uint block = push.firstBlock + own, row = uint(sqrt(2.0 * float(block)));
  while (row * (row + 1u) / 2u > block) --row;
  while ((row + 1u) * (row + 2u) / 2u <= block) ++row;
  uint column = block - row * (row + 1u) / 2u;
  uint at = row * lanes + strip * (kGramRows / 4u), beside = column * lanes + lane;
  vec4 sum[kGramRows], low[kGramRows];
  for (uint i = 0u; i < kGramRows; ++i) sum[i] = low[i] = vec4(0.0);
  for (uint first = 0u; first < push.vectors; first += kGramTrips) {
    uint end = min(first + kGramTrips, push.vectors);
    for (uint k = first; k < end; ++k) {
      vec4 b = load(k * push.texels + beside), bHigh = highOf(b);
      for (uint part = 0u; part < kGramRows / 4u; ++part) {
        vec4 a = load(k * push.texels + at + part), aHigh = highOf(a);
        for (uint j = 0u; j < 4u; ++j) {
          uint i = 4u * part + j;
          precise vec4 product = a[j] * b;
          add(sum[i], low[i], product);
          if (kExact == 0u) low[i] += lostBy(product, a[j], aHigh[j], b, bHigh);
        }
      }
    }
    for (uint i = 0u; i < kGramRows; ++i) {
      precise vec4 s = sum[i] + low[i];
      precise vec4 l = low[i] - (s - sum[i]);
      sum[i] = s;
      low[i] = l;
    }
  }
  uint to = ((own * kGramBlock + strip * kGramRows) * lanes + lane) * 2u;
  for (uint i = 0u; i < kGramRows; ++i, to += 2u * lanes) {
    vec4 s = sums[to], l = sums[to + 1u];
    add(s, l, sum[i]);
    add(s, l, low[i]);
    sums[to] = s;
    sums[to + 1u] = l;
  }
}
