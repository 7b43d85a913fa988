// Nodes: cells, or what stands for many of them. x is a cell's bits, or for the mean the sum of the finite ones in units of
// kMeanUnit and y their number with two flags above it. Masked cells (kMaskedBits of kernels.h) give way to any, then NaN; none of them hides a value.
layout(constant_id = 1) const uint kAggregate = 0u;

const uint kMasked = 0x7fc0deadu;
const uint kSawNan = 0x40000000u;
const uint kSawInfinity = 0x80000000u;
const uint kNodeWords = kAggregate == kAggregateMean ? 2u : 1u;
const uint kNothing = kAggregate == kAggregateMean ? 0u : kMasked;

bool isNanBits(uint bits) { return (bits & 0x7fffffffu) > 0x7f800000u; }

// True where b stands for both: for equal ones a, the first.
bool wins(uint a, uint b, float center) {
  if (a == kMasked || b == kMasked) return b != kMasked;
  if (isNanBits(b)) return false;
  if (isNanBits(a)) return true;
  float x = uintBitsToFloat(a), y = uintBitsToFloat(b);
  if (kAggregate == kAggregateMin) return y < x;
  if (kAggregate == kAggregateExtreme) return abs(y - center) > abs(x - center);
  return y > x;
}

uvec2 joined(uvec2 a, uvec2 b, float center) {
  if (kAggregate != kAggregateMean) return wins(a.x, b.x, center) ? b : a;
  uint flags = (a.y | b.y) & (kSawNan | kSawInfinity);
  uint count = (a.y & 0x3fffffffu) + (b.y & 0x3fffffffu);
  return uvec2(floatBitsToUint(uintBitsToFloat(a.x) + uintBitsToFloat(b.x)), count | flags);
}

uvec2 nodeOf(uint bits, uint hiddenOp, float hiddenValue) {
  if (rulePicks(hiddenOp, hiddenValue, uintBitsToFloat(bits))) bits = kMasked;
  if (kAggregate != kAggregateMean) return uvec2(bits, 0u);
  if (bits == kMasked) return uvec2(0u);
  if (isNanBits(bits)) return uvec2(0u, kSawNan);
  if ((bits & 0x7fffffffu) == 0x7f800000u) return uvec2(0u, kSawInfinity);
  return uvec2(floatBitsToUint(uintBitsToFloat(bits) / kMeanUnit), 1u);
}
