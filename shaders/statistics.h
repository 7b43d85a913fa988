// THE table of statistics of whole tensors (weights) and of stored rows (activations): read by C++ and GLSL, one row
// each.
//
// STATISTIC(id, enumerator, name, formula, symbol, needs, direction, value)
//   value   GLSL: from the moments `w` (weights.h, scaled), n = their count; scaled(v, e) = v · 2^e
// x are the cell's entries (A), y the reference's (B); n entries. NaN entries make a NaN cell; infinite ones too, but
// for the sizes.
// clang-format off
#define STATISTICS(STATISTIC)                                                                                                  \
  STATISTIC(200, Mean, "mean", "Σx / n", "mean", Nothing, None, scaled((w.sum + w.sumLow) / n, w.exponent))                    \
  STATISTIC(201, Std, "std", "√(Σ(x − mean)² / n)", "std", Nothing, None, scaled(sqrt(w.m2 / n), w.exponent))                  \
  STATISTIC(202, Rms, "rms", "√(Σx² / n)", "rms", Nothing, None, sizeOf(w, scaled(sqrt(w.squares / n), w.exponent)))           \
  STATISTIC(203, AbsMax, "abs-max", "max |x|", "max |x|", Nothing, None, sizeOf(w, max(abs(w.low), abs(w.high))))              \
  STATISTIC(204, L1, "l1", "Σ|x|", "L1", Nothing, None, sizeOf(w, scaled(w.l1, w.exponent)))                                   \
  STATISTIC(205, Norm, "norm", "√Σx² (Frobenius)", "norm", Nothing, None, sizeOf(w, scaled(sqrt(w.squares), w.exponent)))      \
  STATISTIC(206, Kurtosis, "kurtosis", "n Σ(x − mean)⁴ / (Σ(x − mean)²)² (Pearson: 3 for normal entries)", "kurtosis",         \
            Nothing, None, n * w.m4 / (w.m2 * w.m2))                                                                           \
  STATISTIC(207, Skewness, "skewness", "√n Σ(x − mean)³ / (Σ(x − mean)²)^1.5", "skewness", Nothing, None,                      \
            sqrt(n) * w.m3 / (w.m2 * sqrt(w.m2)))                                                                              \
  STATISTIC(208, Sparsity, "sparsity:ε", "share of entries with |x| ≤ ε", "sparsity", Nothing, None,                           \
            float(w.small[push.threshold]) / n)                                                                                \
  STATISTIC(209, Min, "min", "min x", "min", Nothing, None, w.low)                                                             \
  STATISTIC(210, Max, "max", "max x", "max", Nothing, None, w.high)                                                            \
  STATISTIC(211, HistogramEntropy, "histogram-entropy", "−Σ f ln f of the shares f of entries in each bin: sign × an eighth of an octave of |x| (2^-40 to 2^24, edges linear in each octave), one bin for all below; nats", \
            "histogram entropy", Nothing, None, histogramEntropy(index, w.count))                                              \
  STATISTIC(212, TopSingularValue, "top-singular-value", "σ₁ of the tensor as a matrix, first axis × all others: √ of the largest eigenvalue of WᵀW by Lanczos steps to a relative residual of 1e-5 of σ₁² (at most 256, else NaN with a note)", \
            "σ₁", Nothing, None, scaled(spectra[index].largest, w.exponent))                                                          \
  STATISTIC(213, StableRank, "stable-rank", "‖W‖² / σ₁² (Frobenius; σ₁ as top-singular-value): at least 1, at most the rank; NaN where all is 0", \
            "stable rank", Nothing, None, w.squares / (spectra[index].largest * spectra[index].largest))                                     \
  STATISTIC(214, EffectiveRank, "effective-rank", "exp(−Σ p ln p), p = σ/Σσ over all singular values, of the tensor as for top-singular-value (Roy & Vetterli 2007): from the eigenvalues of the Gram matrix of the shorter side, at most 8,192, else NaN with a note; σ below 2^-24 σ₁ count as 0; NaN where all is 0", \
            "effective rank", Nothing, None, spectra[index].effectiveRank == 0.0 ? uintBitsToFloat(kNanBits) : spectra[index].effectiveRank) \
  STATISTIC(220, RelChange, "rel-change", "‖A − B‖ / ‖B‖, B the reference (Frobenius)", "relative change", Reference, None,    \
            ratio(sqrt(w.differenceSquares), sqrt(w.referenceSquares), w.differenceExponent - w.referenceExponent))            \
  STATISTIC(221, WeightL2, "l2", "‖A − B‖ of the stored entries", "L2", Reference, Symmetric,                                  \
            scaled(sqrt(w.differenceSquares), w.differenceExponent))                                                           \
  STATISTIC(222, WeightCosine, "cosine", "Σxy / (‖A‖‖B‖) of the stored entries", "cosine", Reference, Symmetric,               \
            clamp((w.cross + w.crossLow) / (sqrt(w.squares) * sqrt(w.referenceSquares)), -1.0, 1.0))                           \
  STATISTIC(223, SignFlips, "sign-flips", "share of entries whose sign differs from the reference's (xy < 0)", "sign flips",   \
            Reference, Symmetric, float(w.flips) / n)                                                                          \
  STATISTIC(224, HistogramJsd, "histogram-jsd", "JSD of the cell's and the reference's histogram over the bins of histogram-entropy, nats", \
            "histogram JSD", Reference, Symmetric, histogramJsd(index, w.count))                                               \
  STATISTIC(225, HistogramKl, "histogram-kl", "KL(g‖f) of the reference's histogram g and the cell's f over those bins, half an entry added to each bin that either has, nats", \
            "histogram KL", Reference, Directed, histogramKl(index, w.count))
// clang-format on
