// The k largest elements of each row, first part of three: the largest element of each group of a row's steps. As the k-th largest of
// these has k elements of the row at or above it, only groups whose largest is not below it hold any of the k largest: the second
// part (top_candidates.glsl) reads a few of a hundred groups again, where a search over the whole row (topk_count.comp) reads it
// once for each bit. One workgroup a row; group g holds the steps lane + lanes (n (g / lanes) + i), i < n, of lane g % lanes.
#include "kernels.h"
#include "functions.glsl"
#include "rows.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kDtype = 0;
layout(constant_id = 2) const uint kKind = 0;
layout(constant_id = 3) const bool kMasked = false;

#include "row_words.glsl"
layout(std430, set = 0, binding = 1) writeonly buffer Maxima { uint maxima[]; };
layout(std430, set = 0, binding = 2) readonly buffer Allowed { uint allowed[]; };
layout(std430, set = 0, binding = 3) readonly buffer Numbers { uint numbers[]; };
layout(push_constant) uniform Push { TopRowsPush push; };

#include "load_row.glsl"

void main() {
  uint row = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
  if (row >= push.rows) return;
  uint place = numbers[push.firstRow + row];
  uint width = push.width;
  uint groups = push.groups;
  uint reach = push.steps * gl_WorkGroupSize.x;
  uint steps = (width + kLoad - 1u) / kLoad;
  uint lane = gl_LocalInvocationID.x;
  uint at = (push.firstRow + row) * groups;
  // As in row_stats.glsl: what is NaN, +inf or a negative probability shows in the largest bits.
  int largestSigned = 0;
  uint largestUnsigned = 0u;
  uint first = lane;
  for (uint group = lane; group < groups; group += gl_WorkGroupSize.x) {
    float top = -3.40282347e38;  // no element but -inf is below
    uint end = first + reach < steps ? first + reach : steps;
    for (uint step = first; step < end; step += gl_WorkGroupSize.x) {
      float x[8];
      loadStored(place, step, x);
      if (kMasked) exclude(allowedBits(step, width, allowed[step / 4u], true), kKind, x);
      for (int i = 0; i < 8; ++i) {
        int bits = floatBitsToInt(x[i]);
        largestSigned = bits > largestSigned ? bits : largestSigned;
        largestUnsigned = uint(bits) > largestUnsigned ? uint(bits) : largestUnsigned;
        top = x[i] > top ? x[i] : top;
      }
    }
    maxima[at + group] = topKey(top, 0u);
    first += reach;
  }
  if (largestSigned >= 0x7f800000 || largestUnsigned > (kKind == kLogits ? 0xff800000u : 0x80000000u)) maxima[at + lane] = kBadTops;
}
