#version 450
#extension GL_GOOGLE_include_directive : require
// Moments of a block of a tensor, and of its difference from the reference: one workgroup a block, one WeightMoments an
// invocation, merged by weights_merge.comp. Each invocation reads its elements twice, the second time from cache: first their
// range and mean, then powers of the deviations from that mean, scaled by the range's power of two.
#include "kernels.h"
#include "weights.h"
#include "functions.glsl"
#include "rows.glsl"
#include "weights.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kCellType = 0;
layout(constant_id = 2) const uint kReferenceType = 0;  // kUniform: there is no reference

layout(std430, set = 0, binding = 0) readonly buffer Rows { uvec4 rows[]; };
layout(std430, set = 0, binding = 1) readonly buffer Blocks { WeightBlock blocks[]; };
layout(std430, set = 0, binding = 2) writeonly buffer Moments { WeightMoments moments[]; };
layout(push_constant) uniform Push { WeightPush push; };

const bool kCompares = kReferenceType != kUniform;

void load(uint base, uint step, uint type, out float x[8]) {
  if (type == kF32)
    decodeFloats(rows[base + 2u * step], rows[base + 2u * step + 1u], x);
  else
    decodeHalves(rows[base + step], type, x);
}

float magnitude(float x) { return uintBitsToFloat(floatBitsToUint(x) & 0x7fffffffu); }
bool finite(float x) { return (floatBitsToUint(x) & 0x7f800000u) != 0x7f800000u; }

// Elements past the end, and those that are no numbers, count as 0; `flags` says what was there.
void clean(inout float x[8], uint count, bool reference, inout uint flags) {
  for (uint i = 0u; i < 8u; ++i) {
    uint bits = floatBitsToUint(x[i]);
    bool bad = (bits & 0x7f800000u) == 0x7f800000u;
    if (bad && i < count) {
      bool nan = (bits & 0x007fffffu) != 0u;
      flags |= reference ? kReferenceBad : nan ? kCellNan : (bits >> 31) != 0u ? kCellNegativeInfinite : kCellInfinite;
    }
    x[i] = bad || i >= count ? 0.0 : x[i];
  }
}

float sumOfEight(float x[8]) {
  return ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]));
}

void main() {
  uint index = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
  if (index >= push.blocks) return;
  WeightBlock block = blocks[index];
  uint lane = gl_LocalInvocationID.x;
  uint steps = (block.count + kWeightStep - 1u) / kWeightStep;
  WeightMoments w = noMoments();
  float largest = 0.0, largestReference = 0.0, largestDifference = 0.0, plain = 0.0;
  for (uint step = lane; step < steps; step += gl_WorkGroupSize.x) {
    uint count = min(block.count - step * kWeightStep, kWeightStep);
    float x[8], y[8], halves[8];
    load(block.cell, step, kCellType, x);
    clean(x, count, false, w.flags);
    if (kCompares) {
      load(block.reference, step, kReferenceType, y);
      clean(y, count, true, w.flags);
    }
    w.count += count;
    for (uint i = 0u; i < 8u; ++i) {
      largest = magnitude(x[i]) > largest ? magnitude(x[i]) : largest;
      w.low = i < count && x[i] < w.low ? x[i] : w.low;
      w.high = i < count && x[i] > w.high ? x[i] : w.high;
      halves[i] = x[i] * 0.0009765625;  // 2^-10: the plain sum cannot overflow
      for (uint k = 0u; k < kMostThresholds; ++k)
        w.small[k] += i < count && magnitude(x[i]) <= push.thresholds[k] ? 1u : 0u;
      if (!kCompares) continue;
      float difference = magnitude(x[i] - y[i]);
      largestReference = magnitude(y[i]) > largestReference ? magnitude(y[i]) : largestReference;
      largestDifference = difference > largestDifference ? difference : largestDifference;
      w.flips += (x[i] > 0.0 && y[i] < 0.0) || (x[i] < 0.0 && y[i] > 0.0) ? 1u : 0u;
    }
    plain += sumOfEight(halves);
  }
  if (w.count == 0u) {
    moments[block.out_ + lane] = w;
    return;
  }
  w.exponent = exponentOf(largest);
  w.referenceExponent = exponentOf(largestReference);
  w.differenceExponent = exponentOf(finite(largestDifference) ? largestDifference : 3.4e38);
  float a = pow2(-w.exponent), b = pow2(-w.referenceExponent), c = pow2(-w.differenceExponent);
  float center = plain / float(w.count) * 1024.0 * a;
  float s1 = 0.0, s2 = 0.0, s3 = 0.0, s4 = 0.0;
  for (uint step = lane; step < steps; step += gl_WorkGroupSize.x) {
    uint count = min(block.count - step * kWeightStep, kWeightStep);
    float x[8], y[8], z1[8], z2[8], z3[8], z4[8], q[8], m[8], r[8], d[8], p[8];
    uint ignored = 0u;
    load(block.cell, step, kCellType, x);
    clean(x, count, false, ignored);
    if (kCompares) {
      load(block.reference, step, kReferenceType, y);
      clean(y, count, true, ignored);
    }
    for (uint i = 0u; i < 8u; ++i) {
      float v = x[i] * a;
      float z = i < count ? v - center : 0.0;
      z1[i] = z;
      z2[i] = z * z;
      z3[i] = z * z * z;
      z4[i] = z2[i] * z2[i];
      q[i] = v * v;
      m[i] = abs(v);
      if (kCompares) {
        float u = y[i] * b;
        float difference = (x[i] - y[i]) * c;
        r[i] = u * u;
        d[i] = difference * difference;
        p[i] = v * u;
      }
      x[i] = v;
    }
    s1 += sumOfEight(z1);
    s2 += sumOfEight(z2);
    s3 += sumOfEight(z3);
    s4 += sumOfEight(z4);
    addExactly(w.sum, w.sumLow, sumOfEight(x));
    w.squares += sumOfEight(q);
    w.l1 += sumOfEight(m);
    if (kCompares) {
      w.referenceSquares += sumOfEight(r);
      w.differenceSquares += sumOfEight(d);
      addExactly(w.cross, w.crossLow, sumOfEight(p));
    }
  }
  // The center was the mean but for rounding: a small shift makes the moments central.
  float n = float(w.count), shift = s1 / n;
  w.m2 = max(s2 - s1 * shift, 0.0);
  w.m3 = s3 - 3.0 * shift * s2 + 2.0 * shift * shift * s1;
  w.m4 = max(s4 - 4.0 * shift * s3 + 6.0 * shift * shift * s2 - 3.0 * shift * shift * shift * s1, 0.0);
  moments[block.out_ + lane] = w;
}
