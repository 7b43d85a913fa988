// One element of the row that starts at uvec4 number `base`, as stored. Include after row_words.glsl, kDtype being declared.
#ifndef DIVLENS_ROW_ELEMENT_GLSL
#define DIVLENS_ROW_ELEMENT_GLSL

float rowElement(uint base, uint entry) {
  if (kDtype == kF32) return uintBitsToFloat(rowWords(base + entry / 4u)[entry % 4u]);
  vec2 two = decodePair(rowWords(base + entry / 8u)[(entry / 2u) % 4u], kDtype);
  return (entry & 1u) == 0u ? two.x : two.y;
}
#endif
