// From hidden states to logits: what C++ and GLSL share (see lens_rows.comp and lens.glsl).
#ifndef DIVLENS_LENS_H
#define DIVLENS_LENS_H

#ifdef __cplusplus
#include <cstdint>
namespace divlens::kernels {
using uint = uint32_t;
#endif

// How rows are made ready for the unembedding.
const uint kNoNorm = 0u;
const uint kRmsNorm = 1u;
const uint kLayerNorm = 2u;

const uint kLensRows = 4u;  // rows, and entries of the vocabulary, that one invocation computes
const uint kLensEntries = 4u;
const uint kLensBlock = 32u;  // terms that are summed before they join the running sum; rows are padded to it

struct LensRowsPush {
  uint rows;
  uint rowVectors;  // uvec4 in a padded row as stored
  uint width;       // of the hidden states
  uint firstRow;    // among all rows that are made ready
  uint norm;
  float epsilon;
};

struct LensPush {
  uint rows;            // of both sides
  uint firstRow;        // of them, among all that are ready
  uint cells;           // of which the first are the cells'
  uint referenceStart;  // where the reference's logits start, in floats
  uint rowFloats;       // floats from one row of logits to the next
  uint blocks;          // of kLensBlock terms in a padded row
  uint matrixVectors;   // uvec4 in a padded row of the unembedding
  uint firstEntry;      // of the vocabulary in this piece of the unembedding
  uint entries;         // in this piece
  uint vocab;           // entries that are computed; the floats behind them are -inf
  float scale;
  float softcap;  // 0: none
};

#ifdef __cplusplus
static_assert(sizeof(LensRowsPush) == 24 && sizeof(LensPush) == 48);
}  // namespace divlens::kernels
#endif
#endif
