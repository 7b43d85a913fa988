// Where one row lies above another before their normalisers are known, from what row_stats found in the reference: one
// of its largest elements in each of push.parts parts. Include after shared_rows.glsl.
#ifndef DIVLENS_REFERENCE_SHIFT_GLSL
#define DIVLENS_REFERENCE_SHIFT_GLSL

// c[g]: near ln Z_y - ln Z_x of raw logits, the average over those elements of how far cell g's are above them.
// near[g]: half the variance of that, which is KL of close rows; p flattened, lest one element decide. An estimate, nats.
void referenceShift(RowStats P, uint firstPartial, uint row[kShared], out float c[kShared], out float near[kShared]) {
  float mean[kShared];
  float first[kShared];
  float second[kShared];
  [[unroll]] for (uint g = 0u; g < kShared; ++g) {
    mean[g] = 0.0;
    first[g] = 0.0;
    second[g] = 0.0;
  }
  float weights = 0.0, roots = 0.0;
  // The loop over g is innermost, so that Mesa unrolls it: what it indexes stays in registers.
  for (uint i = 0u; i < push.parts; ++i) {
    StatsPartial part = statsPartials[firstPartial + i];
    float root = part.count > 0.0 ? expNegative(0.5 * (part.top - P.offset) * inverseTemperature) : 0.0;
    weights += root * root;
    roots += root;
    [[unroll]] for (uint g = 0u; g < kShared; ++g) {
      float above = part.count > 0.0 ? cellElement(row[g], part.entry) - part.top : 0.0;
      mean[g] = fma(root * root, above, mean[g]);
      first[g] = fma(root, above, first[g]);
      second[g] = fma(root * above, above, second[g]);
    }
  }
  [[unroll]] for (uint g = 0u; g < kShared; ++g) {
    c[g] = mean[g] / weights;
    first[g] /= roots;
    near[g] = 0.5 * (second[g] / roots - first[g] * first[g]) * inverseTemperature * inverseTemperature;
  }
}
#endif
