// exp, expm1, log and log1p of our own: the built-in log may be off by 2^-21 near 1, and built-in precision differs from device
// to device. Errors measured against double precision are in tests/functions_test.cpp.
#ifndef DIVLENS_FUNCTIONS_GLSL
#define DIVLENS_FUNCTIONS_GLSL

const float kLn2 = 0.69314718056;

bool isNegativeInfinity(float x) { return floatBitsToUint(x) == 0xff800000u; }
// NaN or +inf, told from the bits alone: implementations may assume that neither occurs in arithmetic.
bool isBad(float x) {
  uint bits = floatBitsToUint(x);
  return (bits & 0x7fffffffu) > 0x7f800000u || bits == 0x7f800000u;
}
bool isFiniteBits(uint bits) { return (bits & 0x7f800000u) != 0x7f800000u; }

// e^r - 1 for |r| <= ln(2)/2, relative error about 1e-7 (Taylor to r^7).
float expm1Kernel(float r) {
  float s = 1.0 / 5040.0;
  s = fma(s, r, 1.0 / 720.0);
  s = fma(s, r, 1.0 / 120.0);
  s = fma(s, r, 1.0 / 24.0);
  s = fma(s, r, 1.0 / 6.0);
  s = fma(s, r, 0.5);
  return fma(s * r, r, r);
}
vec4 expm1Kernel(vec4 r) {
  vec4 s = vec4(1.0 / 5040.0);
  s = fma(s, r, vec4(1.0 / 720.0));
  s = fma(s, r, vec4(1.0 / 120.0));
  s = fma(s, r, vec4(1.0 / 24.0));
  s = fma(s, r, vec4(1.0 / 6.0));
  s = fma(s, r, vec4(0.5));
  return fma(s * r, r, r);
}

// e^x for x <= 0 (and a little above); 0 below -87. Cody-Waite reduction: n ln 2 is subtracted in two parts.
float expNegative(float x) {
  float clamped = x > -87.0 ? x : -87.0;
  float n = roundEven(clamped * 1.44269504);
  float r = fma(n, -0.693359375, clamped);
  r = fma(n, 2.12194440e-4, r);
  float value = (1.0 + expm1Kernel(r)) * uintBitsToFloat(uint(int(n) + 127) << 23);
  return x > -87.0 ? value : 0.0;
}
vec4 expNegative(vec4 x) {
  vec4 clamped = mix(vec4(-87.0), x, greaterThan(x, vec4(-87.0)));
  vec4 n = roundEven(clamped * 1.44269504);
  vec4 r = fma(n, vec4(-0.693359375), clamped);
  r = fma(n, vec4(2.12194440e-4), r);
  vec4 value = (1.0 + expm1Kernel(r)) * uintBitsToFloat(uvec4(ivec4(n) + 127) << 23);
  return mix(vec4(0.0), value, greaterThan(x, vec4(-87.0)));
}

// e^x for any x; +inf above 88.7.
float expAny(float x) {
  if (x <= 0.0) return expNegative(x);
  if (x > 88.7) return uintBitsToFloat(0x7f800000u);
  float n = roundEven(x * 1.44269504) - 1.0;
  float r = fma(n, -0.693359375, x);
  r = fma(n, 2.12194440e-4, r);  // r in [ln 2 / 2, 3/2 ln 2]: halved, it is near the range of the kernel
  float half1 = 1.0 + expm1Kernel(0.5 * r);
  return half1 * half1 * uintBitsToFloat(uint(int(n) + 127) << 23);
}

// 2 atanh(s) for |s| <= 1/3.
float atanhTwice(float s) {
  float z = s * s;
  float t = 1.0 / 13.0;
  t = fma(t, z, 1.0 / 11.0);
  t = fma(t, z, 1.0 / 9.0);
  t = fma(t, z, 1.0 / 7.0);
  t = fma(t, z, 0.2);
  t = fma(t, z, 1.0 / 3.0);
  return 2.0 * fma(s * z, t, s);
}

// ln z for z > 0: z = m 2^e with m in [sqrt(1/2), sqrt(2)).
// Subnormal z, which devices may flush to zero, is read from its bits: z = bits 2^-149.
float logPositive(float z) {
  uint bits = floatBitsToUint(z);
  bool subnormal = bits < 0x00800000u;
  bits = (subnormal ? floatBitsToUint(float(bits)) : bits) + (0x3f800000u - 0x3f3504f3u);
  float e = float(int(bits >> 23) - (subnormal ? 276 : 127));
  float m = uintBitsToFloat((bits & 0x007fffffu) + 0x3f3504f3u);
  return fma(e, 0.693359375, fma(e, -2.12194440e-4, atanhTwice((m - 1.0) / (m + 1.0))));
}

// ln(1 + u) for u >= 0, relative error about 2e-7 down to the smallest u.
float log1pPositive(float u) { return u < 0.5 ? atanhTwice(u / (2.0 + u)) : logPositive(1.0 + u); }

// ln(1 + u) for u > -1.
float log1pAny(float u) { return u > -0.4 && u < 0.5 ? atanhTwice(u / (2.0 + u)) : logPositive(1.0 + u); }

// ln(a / b) for positive a and b, relative error about 2e-7 however close they are.
float logRatio(float a, float b) {
  float s = (a - b) / (a + b);
  return abs(s) < 0.3 ? atanhTwice(s) : logPositive(a) - logPositive(b);
}

// e^d - 1 - d = d^2/2 + d^3/6 + … for |d| <= 1/2, relative error about 1e-7.
float bregmanSeries(float d) {
  float s = 1.0 / 3628800.0;
  s = fma(s, d, 1.0 / 362880.0);
  s = fma(s, d, 1.0 / 40320.0);
  s = fma(s, d, 1.0 / 5040.0);
  s = fma(s, d, 1.0 / 720.0);
  s = fma(s, d, 1.0 / 120.0);
  s = fma(s, d, 1.0 / 24.0);
  s = fma(s, d, 1.0 / 6.0);
  s = fma(s, d, 0.5);
  return s * d * d;
}

// Logarithms of a cell's normaliser over its reference's, from both logarithms (of the sums over the largest element) and their
// inverses: the logarithms' last places would show in the difference, but where both rows are peaked the inverses have no digits.
bool arePeaked(float logP, float logQ) { return logP < 0.5 && logQ < 0.5; }
float logOfNormalisers(float logP, float scaleP, float logQ, float scaleQ) {
  return arePeaked(logP, logQ) ? logQ - logP : logRatio(scaleP, scaleQ);
}

// A number that orders as the element does; -0 and 0 are equal.
uint topKey(float x, uint shift) {
  uint bits = floatBitsToUint(x);
  if (bits == 0x80000000u) bits = 0u;
  return ((bits & 0x80000000u) != 0u ? ~bits : bits | 0x80000000u) >> shift;
}

// ln q - ln p is off by what the rounded normalisers are off, e, the same for all entries. The divergences do not see it in first
// order, but what follows does. Where all are summed, sum q - p = e: it is taken from the sum itself.

// sum |p - q| / 2, its derivative by e being sum sign(q - p) q / 2.
float tvFinish(vec3 s) { return s.x - 0.5 * s.y * s.z; }

// H(q) - H(p): -sum q ln q has the derivative H(q) - 1.
float entropyDifferenceFinish(vec3 s) { return s.x + s.y * (1.0 - s.z); }

// x.y / (|x| |y|); NaN where squares are beyond float32, which would make it 0.
float cosineFinish(vec3 s) {
  bool finite = isFiniteBits(floatBitsToUint(s.y)) && isFiniteBits(floatBitsToUint(s.z));
  return finite ? s.x / (sqrt(s.y) * sqrt(s.z)) : uintBitsToFloat(0x7fc00000u);
}

// Rényi divergence from the sums of renyiTerm, E their excess: -ln(1 + E) / c has the derivative -E / (1 + E) by e; from the sum of
// exponentials itself, and in the limit a = inf, that is -1.
float renyiFinish(vec3 s, vec2 m, float a, float c) {
  if (c == 0.0) return s.x;
  if (floatBitsToUint(a) == 0x7f800000u) return m.x + s.y;
  if (abs(s.x) < 0.5) return abs(log1pAny(s.x) / c) + s.y * s.x / (1.0 + s.x);
  return s.z > 0.0 ? s.y - (logPositive(s.z) + m.x) / c : uintBitsToFloat(0x7f800000u);
}
#endif
