#version 450
#extension GL_GOOGLE_include_directive : require
// The value of one statistic of each cell from the moments of all its elements (statistics.h).
#include "kernels.h"
#include "weights.h"
#include "functions.glsl"
#include "weights.glsl"
#include "statistics.h"

layout(local_size_x = 64) in;

layout(std430, set = 0, binding = 0) readonly buffer Cells { WeightCell cells[]; };
layout(std430, set = 0, binding = 1) readonly buffer Moments { WeightMoments moments[]; };
layout(std430, set = 0, binding = 2) writeonly buffer Values { uint values[]; };
layout(std430, set = 0, binding = 3) readonly buffer Histograms { uint histograms[]; };
layout(std430, set = 0, binding = 4) readonly buffer Spectra { WeightSpectrumValues spectra[]; };
layout(push_constant) uniform Push { WeightFinishPush push; };

#include "weights_histogram.glsl"

const uint Nothing = 0u;
const uint Reference = 1u;

// What infinite elements make infinite.
float sizeOf(WeightMoments w, float value) {
  return (w.flags & (kCellInfinite | kCellNegativeInfinite)) != 0u ? uintBitsToFloat(0x7f800000u) : value;
}

// a / b · 2^e; 0 / 0 is no number, and what a zero reference is compared with is infinitely far.
float ratio(float a, float b, int e) {
  if (b == 0.0) return uintBitsToFloat(a == 0.0 ? kNanBits : kInfBits);
  return scaled(a / b, e);
}

bool ofSize(uint metric) { return metric >= 202u && metric <= 205u; }

float valueOf(WeightMoments w, uint index) {
  float n = float(w.count);
#define STATISTIC_VALUE(id, enumerator, name, formula, symbol, needs, direction, value) \
  if (push.metric == id) {                                                             \
    if (needs == Reference && (w.flags & kReferenceBad) != 0u) return uintBitsToFloat(kNanBits); \
    return value;                                                                      \
  }
  STATISTICS(STATISTIC_VALUE)
  return uintBitsToFloat(kNanBits);
}

void main() {
  uint index = (gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (index >= push.cells) return;
  WeightCell cell = cells[index];
  uint bits = cell.missing == 2u ? kMaskedBits : kNanBits;
  if (cell.missing == 0u) {
    WeightMoments w = moments[cell.moments];
    bool infinite = (w.flags & (kCellInfinite | kCellNegativeInfinite)) != 0u && !ofSize(push.metric);
    if ((w.flags & kCellNan) == 0u && !infinite) bits = floatBitsToUint(valueOf(w, index));
  }
  values[push.channelOffset + cell.slot] = bits;
}
