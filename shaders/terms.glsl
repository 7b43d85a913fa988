// The contribution of one vocabulary entry to each metric, in forms that keep their digits in float32 and obey the zero rules.
// p is the reference, q the cell; d = ln q - ln p is formed from the raw logits, never from rounded log-probabilities.
// Everything comes from three numbers: the larger of p and q (`major`), e = e^-|d| and w = 1 - e without cancellation.
#ifndef DIVLENS_TERMS_GLSL
#define DIVLENS_TERMS_GLSL

struct Pair {
  float p;
  float q;
  float lnP;    // ln p; only meaningful where p > 0
  float lnQ;
  float d;      // ln q - ln p; 0 where either is zero
  float major;  // max(p, q)
  float e;      // min(p, q) / max(p, q)
  float w;      // 1 - e
  bool zeroP;   // exactly zero: a logit of -inf or a probability of 0, never an exp that underflows
  bool zeroQ;
  float x;      // as stored: reference, cell
  float y;
  float index;  // of the vocabulary entry
  bool topP;    // equal to the row's largest element
  bool topQ;
  float target; // the cell's element at the target, where the reference is one
  bool inTopP;  // among the k largest of its row, where that is asked for
  bool inTopQ;
  bool counts;  // false for padding and excluded entries
  float ownP;   // each side's probability from its row alone, whatever the other holds
  float ownQ;
  float quantisedLnP; // ln p as llama.cpp stores it; only where that is asked for
};

// What one entry adds to a metric: three numbers that are summed and two whose maximum is kept.
struct Contribution {
  vec3 sum;
  vec2 top;
};

const float kLowest = -3.0e38;

Contribution sumOf(float value) { return Contribution(vec3(value, 0.0, 0.0), vec2(kLowest)); }
Contribution topOf(float u, float w) { return Contribution(vec3(0.0), vec2(u, w)); }

// Set by a term that is +inf, or NaN.
bool infiniteTerm = false;
bool nanTerm = false;

// 1 - e^-a for a >= 0.
float oneMinusExp(float a, float e) { return a < 0.34 ? -expm1Kernel(-a) : 1.0 - e; }

Pair completed(Pair t, float unscaledP, float unscaledQ) {
  float a = abs(t.d);
  a = a < 3.4028234e38 ? a : 3.4028234e38;
  t.ownP = unscaledP;
  t.ownQ = unscaledQ;
  bool qMajor = t.zeroP || (!t.zeroQ && t.d > 0.0);
  t.major = t.zeroP && t.zeroQ ? 0.0 : (qMajor ? unscaledQ : unscaledP);
  t.e = t.zeroP || t.zeroQ ? 0.0 : expNegative(-a);
  t.w = t.zeroP || t.zeroQ ? 1.0 : oneMinusExp(a, t.e);
  t.p = qMajor ? t.major * t.e : t.major;
  t.q = qMajor ? t.major : t.major * t.e;
  t.d = t.zeroP || t.zeroQ ? 0.0 : (t.d < 0.0 ? -a : a);
  return t;
}

Pair swapped(Pair t) {
  return Pair(t.q, t.p, t.lnQ, t.lnP, -t.d, t.major, t.e, t.w, t.zeroQ, t.zeroP, t.y, t.x, t.index, t.topQ, t.topP, t.target, t.inTopQ, t.inTopP, t.counts, t.ownQ, t.ownP, t.quantisedLnP);
}

// p (e^d - 1 - d), a Bregman form whose terms are never negative; their sum is sum p ln(p/q) because p and q both sum to 1.
float klTerm(Pair t) {
  if (t.zeroP) return t.q;
  if (t.zeroQ) {
    infiniteTerm = true;
    return 0.0;
  }
  float a = abs(t.d);
  if (a < 0.5) return t.p * bregmanSeries(t.d);
  return t.d < 0.0 ? t.p * (a - 1.0 + t.e) : t.q * (1.0 - (1.0 + a) * t.e);
}

// (q - p) d
float jeffreysTerm(Pair t) {
  if (t.zeroP != t.zeroQ) {
    infiniteTerm = true;
    return 0.0;
  }
  return t.major * t.w * abs(t.d);
}

// m/2 ((1+x) ln(1+x) + (1-x) ln(1-x)), x = (p-q)/(p+q) = tanh(|d|/2); beyond the series ln 2 - H(r), r = e/(1+e).
float jsdTerm(Pair t) {
  float m = 0.5 * t.major * (1.0 + t.e);
  float x = t.w / (2.0 - t.w);
  if (x < 0.36) {
    float z = x * x;
    float s = 1.0 / 182.0;
    s = fma(s, z, 1.0 / 132.0);
    s = fma(s, z, 1.0 / 90.0);
    s = fma(s, z, 1.0 / 56.0);
    s = fma(s, z, 1.0 / 30.0);
    s = fma(s, z, 1.0 / 12.0);
    s = fma(s, z, 0.5);
    return m * s * z;
  }
  float share = t.e / (1.0 + t.e);
  return m * (kLn2 - atanhTwice(t.e / (2.0 + t.e)) - share * abs(t.d));
}

// (1+z) ln(1+z) - z for z >= -1.
float phi(float z) {
  if (abs(z) < 0.15) {
    float s = -1.0 / 72.0;
    s = fma(s, z, 1.0 / 56.0);
    s = fma(s, z, -1.0 / 42.0);
    s = fma(s, z, 1.0 / 30.0);
    s = fma(s, z, -1.0 / 20.0);
    s = fma(s, z, 1.0 / 12.0);
    s = fma(s, z, -1.0 / 6.0);
    s = fma(s, z, 0.5);
    return s * z * z;
  }
  float u = 1.0 + z;
  return u > 1.0e-37 ? u * log1pAny(z) - z : -z;
}

// Told from d: rounding may have made p and q equal.
bool isAbove(Pair t) { return t.zeroP || t.d > 0.0; }

// q - p
float rise(Pair t) { return isAbove(t) ? t.major * t.w : -t.major * t.w; }

// beta KL(p|m) + rest KL(q|m), m = beta p + rest q, rest = 1 - beta: m (beta phi(p/m - 1) + rest phi(q/m - 1)).
float jsdWeightedTerm(Pair t, float beta, float rest) {
  float m = beta * t.p + rest * t.q;
  if (!(m > 1.0e-37)) return 0.0;
  float z = rise(t) / m;
  return m * (beta * phi(-rest * z) + rest * phi(beta * z));
}

// |p - q| / 2, with what tvFinish corrects it by.
Contribution tvTerm(Pair t) {
  float above = isAbove(t) ? t.q : -t.q;
  return Contribution(vec3(0.5 * t.major * t.w, rise(t), above), vec2(kLowest));
}

// (sqrt p - sqrt q)^2 / 2
float hellingerTerm(Pair t) {
  float s = t.w / (1.0 + sqrt(t.e));
  return 0.5 * t.major * s * s;
}

// (p - q)^2 / q
float chi2Term(Pair t) {
  if (t.zeroP) return t.q;
  if (t.zeroQ) {
    infiniteTerm = true;
    return 0.0;
  }
  if (t.d >= 0.0) return t.q * t.w * t.w;
  return expAny(t.lnP - t.d) * t.w * t.w;
}

// -p ln q
float crossEntropyTerm(Pair t) {
  if (t.zeroP) return 0.0;
  if (t.zeroQ) {
    infiniteTerm = true;
    return 0.0;
  }
  return -t.p * t.lnQ;
}

// -q ln q; a property of the cell alone, so that no reference changes its bits.
float entropyTerm(Pair t) { return t.zeroQ ? 0.0 : -t.ownQ * t.lnQ; }

// -q ln q + p ln p, as (p - q) ln p - q d so that equal rows give 0 and close ones keep their digits.
Contribution entropyDifferenceTerm(Pair t) {
  bool far = t.zeroP || t.zeroQ || abs(t.d) > 0.5;
  float change = far ? entropyTerm(t) - entropyTerm(swapped(t)) : -rise(t) * t.lnP - t.q * t.d;
  return Contribution(vec3(change, rise(t), entropyTerm(t)), vec2(kLowest));
}

// p^a q^c, c = 1 - a, as the sum of its excess over a p + c q (small, keeps its digits), and as its logarithm, whose exponentials
// are summed beside their maximum (sumsExponentials); for a = inf the maximum of ln(p/q).
Contribution renyiTerm(Pair t, float a, float c) {
  if (c == 0.0) return sumOf(klTerm(t));
  bool limit = floatBitsToUint(a) == 0x7f800000u;
  if (t.zeroP) return t.zeroQ ? sumOf(0.0) : Contribution(vec3(limit ? 0.0 : -c * t.q, t.q, 0.0), vec2(kLowest));
  if (t.zeroQ) {
    if (a > 1.0) infiniteTerm = true;
    return Contribution(vec3(limit ? 0.0 : -a * t.p, limit ? 0.0 : -t.p, 0.0), vec2(kLowest));
  }
  if (limit) return Contribution(vec3(0.0, rise(t), 0.0), vec2(-t.d, kLowest));
  float logPower = t.lnP + c * t.d;
  // p (e^(cd) - 1 - cd) - c p (e^d - 1 - d), or the same with p and q, a and c swapped: nothing cancels near a = 1 or a = 0. Where
  // the exponent is large, p^a q^c less p (or q), and what is left of a p + c q.
  bool far = abs((a < 0.5 ? a : c) * t.d) >= 0.5;
  float power = far ? expAny(logPower) : 0.0;
  float excess;
  if (a < 0.5)
    excess = far ? (power - t.q) + a * rise(t) : t.q * bregmanSeries(-a * t.d) - a * klTerm(swapped(t));
  else
    excess = far ? (power - t.p) - c * rise(t) : t.p * bregmanSeries(c * t.d) - c * klTerm(t);
  return Contribution(vec3(a == 0.0 ? 0.0 : excess, rise(t), 0.0), vec2(logPower, kLowest));
}

// m (ln(m/p) + ln(m/q)) / 2 = -m/2 ln(pq/m^2), with pq/m^2 = 4e/(1+e)^2 = 1 - tanh(d/2)^2; DoLa (Chuang et al. 2024).
// Where both are zero PyTorch's kl_div has 0 · -inf.
float dolaTerm(Pair t) {
  if (t.zeroP && t.zeroQ) {
    if (t.counts) nanTerm = true;
    return 0.0;
  }
  if (t.zeroP || t.zeroQ) {
    infiniteTerm = true;
    return 0.0;
  }
  float m = 0.5 * t.major * (1.0 + t.e);
  float x = t.w / (2.0 - t.w);
  if (x < 0.5) return -0.5 * m * log1pAny(-x * x);
  return 0.5 * m * (abs(t.d) + 2.0 * log1pPositive(t.e) - 2.0 * kLn2);
}

// tuned-lens sums p (ln p - ln q) as it is: 0 · inf where either is zero.
float tunedLensTerm(Pair t) {
  if ((t.zeroP || t.zeroQ) && t.counts) nanTerm = true;
  return t.zeroP || t.zeroQ ? 0.0 : jeffreysTerm(t);
}

// p ln(p/q) of both sides clipped below; nostalgebraist's transformer-utils.
float clippedKlTerm(Pair t, float clip) {
  float p = t.p > clip ? t.p : clip;
  float q = t.q > clip ? t.q : clip;
  return p * logRatio(p, q);
}

// PyTorch's kl_div: NaN where both are zero (0 · (-inf - -inf)).
float torchKlTerm(Pair t) {
  if (t.zeroP && t.zeroQ && t.counts) nanTerm = true;
  return klTerm(t);
}

// p^ (ln p^ - ln q), ln p^ rounded to 65,535 steps and left out below -16 (ggml's perplexity tool).
float quantisedKlTerm(Pair t) {
  if (!(t.quantisedLnP > -16.0)) return 0.0;
  if (t.zeroQ) {
    infiniteTerm = true;
    return 0.0;
  }
  return expNegative(t.quantisedLnP) * (t.quantisedLnP - t.lnQ);
}
#endif
