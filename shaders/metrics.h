// THE table of metrics: read by C++ (name, help, colorbar) and by GLSL (term and finish), one row each.
//
// METRIC(id, enumerator, name, formula, symbol, needs, direction, unit, sums, term, finish)
//   needs      what a cell is compared with: Nothing, Reference, Target
//   direction  Symmetric, Directed (p is the reference) or None (a property of the cell alone)
//   unit       Information (nats, bits or bans: scaled by 1/ln(base)), RootInformation (by its square root), Plain
//   sums       how many components of the term's vec3 are accumulated (1 to 3)
//   term       GLSL: vec3 of the contributions of one vocabulary entry `t` (struct Pair in terms.glsl), param `a`
//   finish     GLSL: the value from the sums `s` (vec3), the rows' statistics `P` and `Q` (struct RowStats) and `a`
// p is the reference, q the cell; definitions in README.md, zero rules and float-safe forms in terms.glsl.
#define METRICS(METRIC)                                                                                                       \
  METRIC(0, Jsd, "jsd", "JSD(p,q) = KL(p‖m)/2 + KL(q‖m)/2, m = (p+q)/2", "JSD", Reference, Symmetric, Information, 1,          \
         vec3(jsdTerm(t), 0, 0), s.x)                                                                                         \
  METRIC(1, Kl, "kl", "KL(p‖q) = Σ p ln(p/q), p the reference", "KL", Reference, Directed, Information, 1,                     \
         vec3(klTerm(t), 0, 0), s.x)                                                                                          \
  METRIC(2, KlReverse, "kl-reverse", "KL(q‖p) = Σ q ln(q/p), p the reference", "KL", Reference, Directed, Information, 1,      \
         vec3(klTerm(swapped(t)), 0, 0), s.x)                                                                                 \
  METRIC(3, Entropy, "entropy", "H(q) = −Σ q ln q", "H", Nothing, None, Information, 1, vec3(entropyTerm(t), 0, 0), s.x)
