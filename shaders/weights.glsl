// Moments of parts of a tensor put together: the pairwise updates of Chan et al. (1983) and Pébay (2008), which stay accurate
// where the mean is large beside the deviations. Include after weights.h.
#ifndef DIVLENS_WEIGHTS_GLSL
#define DIVLENS_WEIGHTS_GLSL

// 2^n; 0 below the smallest normal number.
float pow2(int n) { return n < -126 ? 0.0 : uintBitsToFloat(uint(min(n, 127) + 127) << 23); }
// v · 2^e in two steps, so that e may be beyond what one factor holds.
float scaled(float v, int e) {
  int part = e / 2;
  return v * pow2(part) * pow2(e - part);
}
// Exponent of the largest magnitude; limited so that 2^-e is a normal number.
int exponentOf(float largest) { return clamp(int(floatBitsToUint(largest) >> 23 & 0xffu) - 127, -126, 126); }

// sum + low = a + b exactly (Knuth's two-sum).
void addExactly(inout float sum, inout float low, float b) {
  precise float s = sum + b;
  precise float t = s - sum;
  precise float lost = (sum - (s - t)) + (b - t);
  precise float l = low + lost;
  sum = s;
  low = l;
}

WeightMoments noMoments() {
  WeightMoments w;
  w.count = 0u;
  w.flags = 0u;
  w.exponent = -126;
  w.referenceExponent = -126;
  w.differenceExponent = -126;
  w.flips = 0u;
  for (uint i = 0u; i < kMostThresholds; ++i) w.small[i] = 0u;
  w.sum = 0.0;
  w.sumLow = 0.0;
  w.squares = 0.0;
  w.m2 = 0.0;
  w.m3 = 0.0;
  w.m4 = 0.0;
  w.l1 = 0.0;
  w.low = uintBitsToFloat(0x7f800000u);
  w.high = uintBitsToFloat(0xff800000u);
  w.referenceSquares = 0.0;
  w.differenceSquares = 0.0;
  w.cross = 0.0;
  w.crossLow = 0.0;
  return w;
}

void rescale(inout WeightMoments w, int exponent, int reference, int difference) {
  float a = pow2(w.exponent - exponent), b = pow2(w.referenceExponent - reference);
  float d = pow2(w.differenceExponent - difference);
  w.sum *= a;
  w.sumLow *= a;
  w.l1 *= a;
  w.squares *= a * a;
  w.m2 *= a * a;
  w.m3 *= a * a * a;
  w.m4 *= a * a * a * a;
  w.referenceSquares *= b * b;
  w.differenceSquares *= d * d;
  w.cross *= a * b;
  w.crossLow *= a * b;
  w.exponent = exponent;
  w.referenceExponent = reference;
  w.differenceExponent = difference;
}

void mergeMoments(inout WeightMoments a, WeightMoments b) {
  if (b.count == 0u) return;
  if (a.count == 0u) {
    a = b;
    return;
  }
  int exponent = max(a.exponent, b.exponent);
  int reference = max(a.referenceExponent, b.referenceExponent);
  int difference = max(a.differenceExponent, b.differenceExponent);
  rescale(a, exponent, reference, difference);
  rescale(b, exponent, reference, difference);
  float na = float(a.count), nb = float(b.count), n = na + nb;
  float fa = na / n, fb = nb / n;
  float delta = (b.sum / nb - a.sum / na) + (b.sumLow / nb - a.sumLow / na);
  float delta2 = delta * delta;
  float m4 = (a.m4 + b.m4) + delta2 * delta2 * na * fb * (fa * fa - fa * fb + fb * fb) +
             6.0 * delta2 * (fa * fa * b.m2 + fb * fb * a.m2) + 4.0 * delta * (fa * b.m3 - fb * a.m3);
  float m3 = (a.m3 + b.m3) + delta * delta2 * na * fb * (fa - fb) + 3.0 * delta * (fa * b.m2 - fb * a.m2);
  a.m2 = (a.m2 + b.m2) + delta2 * na * fb;
  a.m3 = m3;
  a.m4 = m4 > 0.0 ? m4 : 0.0;
  addExactly(a.sum, a.sumLow, b.sum);
  addExactly(a.sum, a.sumLow, b.sumLow);
  a.squares += b.squares;
  a.l1 += b.l1;
  a.low = b.low < a.low ? b.low : a.low;
  a.high = b.high > a.high ? b.high : a.high;
  a.referenceSquares += b.referenceSquares;
  a.differenceSquares += b.differenceSquares;
  addExactly(a.cross, a.crossLow, b.cross);
  addExactly(a.cross, a.crossLow, b.crossLow);
  a.count += b.count;
  a.flags |= b.flags;
  a.flips += b.flips;
  for (uint i = 0u; i < kMostThresholds; ++i) a.small[i] += b.small[i];
}
#endif
