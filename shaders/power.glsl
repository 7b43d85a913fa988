// 2^t by a polynomial: the sums of many powers need no better.
#ifndef DIVLENS_POWER_GLSL
#define DIVLENS_POWER_GLSL

const float kOctave = 1.44269504;  // 1 / ln 2

// 2^t for |t| < 127, relative error about 1e-7. A polynomial by weighted least squares on Chebyshev nodes.
float power(float t) {
  float n = roundEven(t);
  float r = t - n;
  float e = fma(r, 0.00132647273, 0.00967151299);
  e = fma(r, e, 0.0555073358);
  e = fma(r, e, 0.240222424);
  e = fma(r, e, 0.693147004);
  e = fma(r, e, 1.0);
  return uintBitsToFloat(floatBitsToUint(e) + (uint(int(n)) << 23));
}
vec4 power(vec4 t) {
  vec4 n = roundEven(t);
  vec4 r = t - n;
  vec4 e = fma(r, vec4(0.00132647273), vec4(0.00967151299));
  e = fma(r, e, vec4(0.0555073358));
  e = fma(r, e, vec4(0.240222424));
  e = fma(r, e, vec4(0.693147004));
  e = fma(r, e, vec4(1.0));
  return uintBitsToFloat(floatBitsToUint(e) + (uvec4(ivec4(n)) << 23));
}
#endif
