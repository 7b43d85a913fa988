// Merging of two parts of a row's normaliser; the order of merges is fixed by the device alone.
#ifndef DIVLENS_MERGE_STATS_GLSL
#define DIVLENS_MERGE_STATS_GLSL

StatsPartial mergeStats(StatsPartial a, StatsPartial b, bool probabilities, float inverseTemperature) {
  uint flags = a.flags | b.flags;
  float low = a.low < b.low ? a.low : b.low;
  // `rest` is the sum without one of the largest: ln(top / sum) = -log1p(rest / top) keeps its digits on peaked rows.
  if (probabilities) {
    float smaller = a.top > b.top ? b.top : a.top;
    return StatsPartial(a.top > b.top ? a.top : b.top, 0.0, (a.rest + b.rest) + smaller, flags, low, 0u);
  }
  if (b.count == 0.0) return StatsPartial(a.top, a.count, a.rest, flags, low, a.entry);
  if (a.count == 0.0) return StatsPartial(b.top, b.count, b.rest, flags, low, b.entry);
  if (a.top == b.top) return StatsPartial(a.top, a.count + b.count, a.rest + b.rest, flags, low, a.entry);
  if (a.top > b.top)
    return StatsPartial(a.top, a.count, a.rest + (b.count + b.rest) * expNegative((b.top - a.top) * inverseTemperature), flags, low, a.entry);
  return StatsPartial(b.top, b.count, b.rest + (a.count + a.rest) * expNegative((a.top - b.top) * inverseTemperature), flags, low, b.entry);
}
#endif
