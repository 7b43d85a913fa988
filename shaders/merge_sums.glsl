// Merging of two parts of a pair's sums; the order of merges is fixed by the device alone.
#ifndef DIVLENS_MERGE_SUMS_GLSL
#define DIVLENS_MERGE_SUMS_GLSL

// `exponentials`: sumsExponentials(the channel's metric).
SumPartial merged(SumPartial a, SumPartial b, bool exponentials) {
  if (exponentials) {
    float top = a.u > b.u ? a.u : b.u;
    a.z *= expNegative(a.u - top);
    b.z *= expNegative(b.u - top);
  }
  return SumPartial(a.x + b.x, a.y + b.y, a.z + b.z, a.u > b.u ? a.u : b.u, a.w > b.w ? a.w : b.w, a.flags | b.flags);
}
#endif
