// Values of histograms (weights_histogram.comp): differences of counts are exact, so that like histograms keep their digits.
// Include after functions.glsl, weights.h and the buffer `histograms`.
#ifndef DIVLENS_WEIGHTS_HISTOGRAM_GLSL
#define DIVLENS_WEIGHTS_HISTOGRAM_GLSL

uint countOf(uint cell, uint side, uint bin) { return histograms[(2u * cell + side) * kHistogramBins + bin]; }

struct HistogramSum {
  float value;
  float low;
};
void addTerm(inout HistogramSum s, float term) { addExactly(s.value, s.low, term); }

float histogramEntropy(uint cell, uint n) {
  HistogramSum sum = HistogramSum(0.0, 0.0);
  for (uint bin = 0u; bin < kHistogramBins; ++bin) {
    uint a = countOf(cell, 0u, bin);
    if (a == 0u) continue;
    // -f ln f; near f = 1 from what is missing.
    float f = float(a) / float(n), rest = float(n - a) / float(n);
    addTerm(sum, -f * (rest < 0.3 ? log1pAny(-rest) : logPositive(f)));
  }
  return sum.value + sum.low;
}

// With x = (a - b)/(a + b): (a + b)/2n · half of (1+x) ln(1+x) + (1-x) ln(1-x), which is ln(1 - x^2) + 2 x atanh(x).
float histogramJsd(uint cell, uint n) {
  HistogramSum sum = HistogramSum(0.0, 0.0);
  for (uint bin = 0u; bin < kHistogramBins; ++bin) {
    uint a = countOf(cell, 0u, bin), b = countOf(cell, 1u, bin);
    if (a == b) continue;
    float both = float(a) + float(b);
    float x = (a > b ? float(a - b) : float(b - a)) / both;
    uint less = min(a, b);
    float most = 1.0 + x, least = 2.0 * float(less) / both;
    float term = x < 0.33 ? log1pAny(-x * x) + x * atanhTwice(x)
                          : most * logPositive(most) + (less == 0u ? 0.0 : least * logPositive(least));
    addTerm(sum, 0.25 * both / float(n) * term);
  }
  return sum.value + sum.low;
}

// With t = g/f - 1 it is the sum of f ((1+t) ln(1+t) - t), whose terms are not negative.
float histogramKl(uint cell, uint n) {
  HistogramSum sum = HistogramSum(0.0, 0.0);
  float bins = 0.0;
  for (uint bin = 0u; bin < kHistogramBins; ++bin) {
    uint a = countOf(cell, 0u, bin), b = countOf(cell, 1u, bin);
    if (a + b > 0u) bins += 1.0;
    if (a == b) continue;
    float f = float(a) + 0.5, t = (b > a ? float(b - a) : -float(a - b)) / f;
    float term = 0.0;
    if (abs(t) < 0.25) {
      for (int k = 14; k >= 2; --k) term = fma(term, -t, 1.0 / float(k * (k - 1)));
      term *= t * t;
    } else {
      float whole = (float(b) + 0.5) / f;
      term = whole * logPositive(whole) - t;
    }
    addTerm(sum, f * term);
  }
  return (sum.value + sum.low) / (float(n) + 0.5 * bins);
}
#endif
