// Decoding of stored rows: eight elements at a time, whatever the element type. Include after declaring the buffer's loader.
#ifndef DIVLENS_ROWS_GLSL
#define DIVLENS_ROWS_GLSL

const uint kLoad = 8u;  // elements of one step: one uvec4 of F16 or BF16, two of F32

// Two F16 or BF16 elements from one word.
vec2 decodePair(uint word, uint dtype) {
  if (dtype == kF16) return unpackHalf2x16(word);
  return vec2(uintBitsToFloat(word << 16), uintBitsToFloat(word & 0xffff0000u));
}

void decodeHalves(uvec4 words, uint dtype, out float x[8]) {
  for (int i = 0; i < 4; ++i) {
    vec2 pair = decodePair(words[i], dtype);
    x[2 * i] = pair.x;
    x[2 * i + 1] = pair.y;
  }
}

void decodeFloats(uvec4 a, uvec4 b, out float x[8]) {
  for (int i = 0; i < 4; ++i) {
    x[i] = uintBitsToFloat(a[i]);
    x[4 + i] = uintBitsToFloat(b[i]);
  }
}

// Bits that contribute nothing: -inf for logits, 0 for probabilities.
uvec4 padding(uint kind) { return uvec4(kind == kLogits ? 0xff800000u : 0u); }

// Probabilities whose logarithm serves as logit; 0 becomes -inf, what is negative, infinite or NaN becomes NaN.
float logOfProbability(float v) {
  uint bits = floatBitsToUint(v);
  if ((bits & 0x7fffffffu) == 0u) return uintBitsToFloat(0xff800000u);
  return bits >= 0x7f800000u ? uintBitsToFloat(kNanBits) : logPositive(v);
}

// Bits of the entries of a step that count: inside the width and, with --vocab-mask, listed there.
uint allowedBits(uint step, uint width, uint word, bool masked) {
  uint left = width - kLoad * step;
  uint bits = left >= kLoad ? 0xffu : (1u << left) - 1u;
  return masked ? bits & (word >> (kLoad * (step % 4u))) : bits;
}

void exclude(uint bits, uint kind, inout float x[8]) {
  for (int i = 0; i < 8; ++i) x[i] = (bits >> i & 1u) != 0u ? x[i] : uintBitsToFloat(padding(kind).x);
}
#endif
