// Arithmetic on ReduceNode with numbers that are the sum of two floats.
#ifndef DIVLENS_REDUCE_NODE_GLSL
#define DIVLENS_REDUCE_NODE_GLSL

// a + b, the first float being the whole rounded (Knuth 1969, TwoSum); what is infinite stays so.
vec2 added(vec2 a, vec2 b) {
  precise float sum = a.x + b.x;
  precise float taken = sum - a.x;
  precise float lost = (a.x - (sum - taken)) + (b.x - taken);
  precise float rest = lost + (a.y + b.y);
  precise float whole = sum + rest;
  precise float left = rest - (whole - sum);
  bool finite = (floatBitsToUint(whole) & 0x7f800000u) != 0x7f800000u;
  return finite ? vec2(whole, left) : vec2(sum, 0.0);
}

// Two floats of twelve bits each whose sum is a (Veltkamp, Dekker 1971).
vec2 halves(float a) {
  precise float scaled = 4097.0 * a;
  precise float kept = scaled - a;
  precise float high = scaled - kept;
  precise float low = a - high;
  return vec2(high, low);
}

// What a b loses when it is rounded to `product`; devices need not fuse what fma says.
float lostByProduct(float a, float b, float product) {
  vec2 x = halves(a);
  vec2 y = halves(b);
  precise float lost = ((x.x * y.x - product) + x.x * y.y + x.y * y.x) + x.y * y.y;
  return lost;
}

// Of sum, rest and spread: 2^64 from 2^95 up, so that sums of huge entries stay finite.
float unitOf(float low, float high) { return max(abs(low), abs(high)) < 3.9614081257132169e28 ? 1.0 : 18446744073709551616.0; }
float unitOf(ReduceNode n) { return unitOf(n.low, n.high); }

// In units of the node.
vec2 meanOf(ReduceNode n) {
  float count = float(n.count);
  float mean = n.sum / count;
  precise float product = mean * count;
  precise float over = (n.sum - product) - lostByProduct(mean, count, product);
  float rest = (over + n.rest) / count;
  return (floatBitsToUint(rest) & 0x7f800000u) != 0x7f800000u ? vec2(mean, rest) : vec2(mean, 0.0);
}

// Root of the sum of three squares, none of them negative.
float length3(float a, float b, float c) {
  float most = max(a, max(b, c));
  if (most == 0.0 || (floatBitsToUint(most) & 0x7f800000u) == 0x7f800000u) return most;
  vec3 parts = vec3(a, b, c) / most;
  return most * sqrt(dot(parts, parts));
}
#endif
