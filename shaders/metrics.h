// THE table of metrics: read by C++ (names, help, colorbar) and by GLSL (term and finish), one row each.
//
// METRIC(id, enumerator, name, formula, symbol, needs, direction, unit, sums, term, finish)
//   name       "renyi:α" is the row that takes the parameter α
//   needs      what a cell is compared with: Nothing, Reference, Target (defaults to the reference `target`)
//   direction  Symmetric, Directed (p is the reference) or None (a property of the cell alone)
//   unit       Information (nats, bits or bans: scaled by 1/ln(base)), RootInformation (by its square root), Plain
//   sums       how many numbers are accumulated, for the benchmark's floor
//   term       GLSL: the Contribution of one vocabulary entry `t` (struct Pair in terms.glsl), parameter `a`,
//              c = 1 - a with digits of its own
//   finish     GLSL: the value from the sums `s` (vec3), the maxima `m` (vec2), the rows' RowStats `P` and `Q`, `a`,
//              `c`, `width`
// p is the reference, q the cell; zero rules and float-safe forms are in terms.glsl.
// clang-format off
#define METRICS(METRIC)                                                                                                  \
  METRIC(0, Jsd, "jsd", "JSD(p,q) = ½KL(p‖m) + ½KL(q‖m), m = ½(p+q)", "JSD", Reference, Symmetric, Information, 1,        \
         sumOf(jsdTerm(t)), s.x)                                                                                         \
  METRIC(1, Kl, "kl", "KL(p‖q) = Σ p ln(p/q), p the reference", "KL", Reference, Directed, Information, 1,                \
         sumOf(klTerm(t)), s.x)                                                                                          \
  METRIC(2, KlReverse, "kl-reverse", "KL(q‖p) = Σ q ln(q/p), p the reference", "KL", Reference, Directed, Information, 1, \
         sumOf(klTerm(swapped(t))), s.x)                                                                                 \
  METRIC(3, Entropy, "entropy", "H(q) = −Σ q ln q", "H", Nothing, None, Information, 1, sumOf(entropyTerm(t)), s.x)       \
  METRIC(4, Jeffreys, "jeffreys", "J(p,q) = KL(p‖q) + KL(q‖p)", "J", Reference, Symmetric, Information, 1,                \
         sumOf(jeffreysTerm(t)), s.x)                                                                                    \
  METRIC(5, JsdWeighted, "jsd:β", "βKL(p‖m) + (1−β)KL(q‖m), m = βp + (1−β)q", "JSD", Reference, Directed, Information, 1, \
         sumOf(a == 0.5 ? jsdTerm(t) : jsdWeightedTerm(t, a, c)), s.x)                                                      \
  METRIC(6, JsDistance, "js-distance", "√JSD(p,q)", "√JSD", Reference, Symmetric, RootInformation, 1,                     \
         sumOf(jsdTerm(t)), sqrt(s.x))                                                                                   \
  METRIC(7, Tv, "tv", "TV(p,q) = ½Σ|p−q|", "TV", Reference, Symmetric, Plain, 3, tvTerm(t), tvFinish(s))                  \
  METRIC(8, Hellinger, "hellinger", "√(½Σ(√p−√q)²)", "Hellinger", Reference, Symmetric, Plain, 1,                         \
         sumOf(hellingerTerm(t)), sqrt(s.x))                                                                             \
  METRIC(9, Chi2, "chi2", "χ²(p,q) = Σ(p−q)²/q", "χ²", Reference, Directed, Plain, 1, sumOf(chi2Term(t)), s.x)            \
  METRIC(10, Renyi, "renyi:α", "ln Σ p^α q^(1−α) / (α−1); α = 1 is kl, ∞ is max ln(p/q)", "Rényi", Reference, Directed,   \
         Information, 3, renyiTerm(t, a, c), renyiFinish(s, m, a, c))                                                          \
  METRIC(11, CrossEntropy, "cross-entropy", "−Σ p ln q", "CE", Reference, Directed, Information, 1,                       \
         sumOf(crossEntropyTerm(t)), s.x)                                                                                \
  METRIC(12, EntropyDifference, "entropy-difference", "H(q) − H(p)", "ΔH", Reference, Directed, Information, 3,           \
         entropyDifferenceTerm(t), entropyDifferenceFinish(s))                                                                          \
  METRIC(13, MaxProb, "max-prob", "max q", "max q", Nothing, None, Plain, 1, topOf(t.ownQ, 0.0), m.x)                     \
  METRIC(14, Top1Agree, "top1-agree", "1 where p and q have the same most probable entry, else 0", "top-1 agreement",    \
         Reference, Symmetric, Plain, 2, topOf(t.topP ? -t.index : kLowest, t.topQ ? -t.index : kLowest),                \
         m.x == m.y ? 1.0 : 0.0)                                                                                         \
  METRIC(15, Rank, "rank", "1 + number of entries more probable than the target", "rank of target", Target, None, Plain,  \
         1, sumOf(t.y > t.target ? 1.0 : 0.0), 1.0 + s.x)                                                                \
  METRIC(16, Logprob, "logprob", "ln q(target)", "ln q(target)", Target, None, Information, 1,                            \
         sumOf(crossEntropyTerm(t)), -s.x)                                                                               \
  METRIC(17, Cosine, "cosine", "x·y / (‖x‖‖y‖) of the stored rows", "cosine", Reference, Symmetric, Plain, 3,             \
         Contribution(vec3(t.x * t.y, t.x * t.x, t.y * t.y), vec2(kLowest)), cosineFinish(s))                            \
  METRIC(18, L2, "l2", "‖y − x‖ of the stored rows", "L2", Reference, Symmetric, Plain, 1,                                \
         sumOf((t.y - t.x) * (t.y - t.x)), sqrt(s.x))                                                                    \
  METRIC(19, Overlap, "overlap:k", "share of the k most probable entries that p and q have in common", "top-k overlap",    \
         Reference, Symmetric, Plain, 1, sumOf(t.inTopP && t.inTopQ ? 1.0 : 0.0), s.x / min(a, width))

// Other tools' definitions under the names that they give them, for --convention: the same columns, with the tool in front and how
// the value differs from the true one behind. `width` is the number of entries compared.
#define CONVENTIONS(CONVENTION)                                                                                          \
  CONVENTION("scipy", 64, "jsd", "√JSD(p,q): scipy.spatial.distance.jensenshannon", "√JSD (scipy)", Reference, Symmetric,  \
             Plain, 1, sumOf(jsdTerm(t)), sqrt(s.x), "the square root of the divergence, in nats")                       \
  CONVENTION("dola", 65, "jsd", "½[KL(m‖p) + KL(m‖q)] / V, m = ½(p+q): DoLa and its copies", "JSD (DoLa)", Reference,     \
             Symmetric, Plain, 1, sumOf(dolaTerm(t)), s.x / width, "arguments of KL swapped, divided by the vocabulary size, NaN at zeros of both") \
  CONVENTION("tuned-lens", 66, "jsd", "½[KL(p‖q) + KL(q‖p)]: tuned-lens js_divergence", "JSD (tuned-lens)", Reference,   \
             Symmetric, Plain, 1, sumOf(tunedLensTerm(t)), 0.5 * s.x, "half of Jeffreys' divergence, without the mixture m, NaN at zeros") \
  CONVENTION("tuned-lens", 67, "tv", "max|p−q|: tuned-lens total_variation", "TV (tuned-lens)", Reference, Symmetric,    \
             Plain, 1, topOf(t.major * t.w, 0.0), m.x, "the largest difference of one entry, not half the sum of all")   \
  CONVENTION("transformer-utils", 68, "kl", "Σ p ln(p/q) of p and q clipped below at 1/(10V): transformer-utils",        \
             "KL (transformer-utils)", Reference, Directed, Plain, 1, sumOf(clippedKlTerm(t, 0.1 / width)), s.x,         \
             "both sides clipped at 1/(10V) and not normalised again")                                                   \
  CONVENTION("torch", 69, "kl", "F.kl_div(ln q, p, reduction='sum')", "KL (torch)", Reference, Directed, Plain, 1,       \
             sumOf(torchKlTerm(t)), s.x, "the true KL(target‖input), but NaN where both sides are zero")                  \
  CONVENTION("llama.cpp", 70, "kl", "Σ p ln(p/q), ln p in 16 bits over 16 nats: llama-perplexity --kl-divergence",       \
             "KL (llama.cpp)", Reference, Directed, Plain, 1, sumOf(quantisedKlTerm(t)), s.x,                            \
             "the reference's log-probabilities rounded to 65,536 steps, those below -16 left out")
// clang-format on
