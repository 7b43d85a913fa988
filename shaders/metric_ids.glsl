// kKlId, kRenyiId, …: the ids of metrics.h by name.
#ifndef DIVLENS_METRIC_IDS_GLSL
#define DIVLENS_METRIC_IDS_GLSL
#define METRIC(id, enumerator, name, formula, symbol, needs, direction, unit, sums, term, finish) \
  const uint k##enumerator##Id = id;
METRICS(METRIC)
#undef METRIC

// The third sum of these is of e^(u - largest u), u the term's first maximum: never too large or too small for float32.
bool sumsExponentials(uint metric) { return metric == kRenyiId; }
#endif
