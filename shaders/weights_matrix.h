// What C++ and GLSL share of products with a matrix whose rows lie in tiles (weights_rows.comp, weights_columns.comp).
#ifndef DIVLENS_WEIGHTS_MATRIX_H
#define DIVLENS_WEIGHTS_MATRIX_H

#ifdef __cplusplus
#include <cstdint>
namespace divlens::kernels {
using uint = uint32_t;
#endif

const uint kMatrixRows = 256u;  // rows that one sum of weights_columns.comp runs over

// A tile of whole rows, each padded with zeros to `steps` steps of eight elements; elements count times 2^-exponent.
struct MatrixPush {
  uint rows;
  uint steps;
  int exponent;
};

#ifdef __cplusplus
}  // namespace divlens::kernels
#endif
#endif
