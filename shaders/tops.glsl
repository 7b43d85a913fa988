// Which entries are among the k largest of their row.
#ifndef DIVLENS_TOPS_GLSL
#define DIVLENS_TOPS_GLSL

bool isTop(uint key, uint id, TopState top) { return key > top.threshold || (key == top.threshold && id <= top.bound); }

// The k largest entries of the uniform row are its first k allowed ones; of a one-hot row the target and the first k - 1 others.
TopState topsOfMade(bool even, uint target, uint shift, uint lastOfK, uint lastBeforeK) {
  if (even) return TopState(topKey(0.0, shift), lastOfK, 0u, 0u);
  if (target > lastOfK && lastBeforeK == kNoEntry) return TopState(topKey(0.0, shift), target, 0u, 0u);
  uint key = topKey(uintBitsToFloat(0xff800000u), shift);
  return TopState(key, target <= lastOfK ? lastOfK : lastBeforeK, 0u, 0u);
}
#endif
