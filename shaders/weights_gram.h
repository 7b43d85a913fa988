// What C++ and GLSL share of Gram matrices of tensors (weights_gram.comp).
#ifndef DIVLENS_WEIGHTS_GRAM_H
#define DIVLENS_WEIGHTS_GRAM_H

#ifdef __cplusplus
#include <cstdint>
namespace divlens::kernels {
using uint = uint32_t;
#endif

const uint kGramBlock = 32u;  // rows and columns of a block of the Gram matrix
const uint kGramRows = 4u;    // rows of a block that an invocation computes, each at four columns
const uint kGramTrips = 64u;  // products that are added before their sums are put in order

// A tile of vectors, each padded with zeros to `texels` texels of four floats.
struct GramPush {
  uint vectors;
  uint texels;
  uint firstBlock;  // of the buffer: blocks (i, j), j <= i, lie row by row
  uint blocks;
};

#ifdef __cplusplus
}  // namespace divlens::kernels
#endif
#endif
