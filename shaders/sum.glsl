// A sum that carries what rounding takes from it (Kahan 1965).
#ifndef DIVLENS_SUM_GLSL
#define DIVLENS_SUM_GLSL

struct Sum {
  float value;
  float lost;
};
void add(inout Sum s, float term) {
  precise float wanted = term - s.lost;
  precise float sum = s.value + wanted;
  precise float carried = (sum - s.value) - wanted;
  s.lost = carried;
  s.value = sum;
}
#endif
