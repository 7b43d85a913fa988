// Merging of two parts of a row's normaliser; the order of merges is fixed by the device alone.
#ifndef DIVLENS_MERGE_STATS_GLSL
#define DIVLENS_MERGE_STATS_GLSL

StatsPartial mergeStats(StatsPartial a, StatsPartial b, bool probabilities, float inverseTemperature) {
  uint flags = a.flags | b.flags;
  float low = a.low < b.low ? a.low : b.low;
  // `rest` is the sum without one of the largest: ln(top / sum) = -log1p(rest / top) keeps its digits on peaked rows.
  if (probabilities) {
    float smaller = a.top > b.top ? b.top : a.top;
    return StatsPartial(a.top > b.top ? a.top : b.top, 0.0, (a.rest + b.rest) + smaller, flags, low, 0u, 0.0);
  }
  if (b.count == 0.0) return StatsPartial(a.top, a.count, a.rest, flags, low, a.entry, a.heat);
  if (a.count == 0.0) return StatsPartial(b.top, b.count, b.rest, flags, low, b.entry, b.heat);
  if (a.top == b.top)
    return StatsPartial(a.top, a.count + b.count, a.rest + b.rest, flags, low, a.entry < b.entry ? a.entry : b.entry, a.heat + b.heat);
  if (b.top > a.top) {
    StatsPartial swap = a;
    a = b;
    b = swap;
  }
  float t = (b.top - a.top) * inverseTemperature;
  float factor = expNegative(t);
  float mass = b.count + b.rest;
  float heat = factor > 0.0 ? (b.heat - t * mass) * factor : 0.0;
  return StatsPartial(a.top, a.count, a.rest + mass * factor, flags, low, a.entry, a.heat + heat);
}
#endif
