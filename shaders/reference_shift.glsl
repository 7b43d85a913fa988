// Where one row lies above another before their normalisers are known, from what row_stats found in the reference: one
// of its largest elements in each of push.parts parts. Include after shared_rows.glsl.
#ifndef DIVLENS_REFERENCE_SHIFT_GLSL
#define DIVLENS_REFERENCE_SHIFT_GLSL

// c[g]: near ln Z_y - ln Z_x of raw logits, the average over those elements of how far cell g's are above them.
// near[g]: KL of those elements alone, p flattened lest one of them decide; an estimate of the rows', nats.
void referenceShift(RowStats P, uint firstPartial, uint row[kShared], out float c[kShared], out float near[kShared]) {
  float top[kShared];   // how far a cell's elements are above the reference's: where the reference is largest,
  float more[kShared];  // and on the average of the parts' largest ones beyond that
  float flat1[kShared];
  float power[kShared];
  [[unroll]] for (uint g = 0u; g < kShared; ++g) {
    top[g] = 0.0;
    more[g] = 0.0;
    flat1[g] = 0.0;
    power[g] = 0.0;
  }
  // Loops over g are innermost, so that Mesa unrolls them: what they index stays in registers.
  for (uint i = 0u; i < push.parts; ++i) {
    StatsPartial part = statsPartials[firstPartial + i];
    bool largest = part.top == P.offset && part.count > 0.0;
    [[unroll]] for (uint g = 0u; g < kShared; ++g) top[g] = largest ? cellElement(row[g], part.entry) - part.top : top[g];
  }
  float weights = 0.0, roots = 0.0;
  for (uint i = 0u; i < push.parts; ++i) {
    StatsPartial part = statsPartials[firstPartial + i];
    float root = part.count > 0.0 ? expNegative(0.5 * (part.top - P.offset) * inverseTemperature) : 0.0;
    float weight = root * root;
    weights += weight;
    roots += root;
    [[unroll]] for (uint g = 0u; g < kShared; ++g) {
      float above = part.count > 0.0 ? (cellElement(row[g], part.entry) - part.top) - top[g] : 0.0;
      more[g] = fma(weight, above, more[g]);
      above *= inverseTemperature;
      above = above < 8.0 ? above : 8.0;
      flat1[g] = fma(root, above, flat1[g]);
      power[g] = fma(root, expNegative(above), power[g]);
    }
  }
  [[unroll]] for (uint g = 0u; g < kShared; ++g) {
    c[g] = top[g] + more[g] / weights;
    near[g] = logPositive(power[g] / roots) - flat1[g] / roots;
  }
}
#endif
