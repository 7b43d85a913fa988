// What C++ and GLSL share of the statistics of whole tensors: the moments of a part, blocks of a tile, merges.
#ifndef DIVLENS_WEIGHTS_H
#define DIVLENS_WEIGHTS_H

#ifdef __cplusplus
#include <cstdint>
namespace divlens::kernels {
using uint = uint32_t;
#endif

const uint kWeightStep = 8u;      // elements that an invocation reads at once
const uint kWeightSteps = 128u;   // steps of an invocation, at most: far below the 65,535 trips of lavapipe
const uint kMostThresholds = 4u;  // sparsity:ε in one run
const uint kMergeAtOnce = 32u;    // parts that one invocation merges

// Bins of a histogram: 0 for all below 2^kLowestOctave, then eight an octave for positive and for negative entries.
const int kLowestOctave = -40;
const uint kSideBins = 512u;
const uint kHistogramBins = 2u * kSideBins + 1u;

const uint kCellNan = 1u;
const uint kCellInfinite = 2u;
const uint kCellNegativeInfinite = 4u;
const uint kReferenceBad = 8u;  // NaN or infinite
const uint kNoReferenceSide = 0xffffffffu;

// Moments of some elements of a tensor. Sums are scaled by powers of two, so that no square over- or underflows: those
// of the cell by 2^-exponent, the reference's and the difference's by exponents of their own. m2, m3, m4 are central.
struct WeightMoments {
  uint count;
  uint flags;
  int exponent;
  int referenceExponent;
  int differenceExponent;
  uint flips;
  uint small[kMostThresholds];
  float sum;
  float sumLow;  // what `sum` lost to rounding
  float squares;
  float m2;
  float m3;
  float m4;
  float l1;
  float low;
  float high;
  float referenceSquares;
  float differenceSquares;
  float cross;
  float crossLow;
};

// Up to local size · kWeightStep · kWeightSteps neighbouring elements of both sides; offsets in uvec4.
struct WeightBlock {
  uint cell;
  uint reference;
  uint count;
  uint out_;  // index of its first lane's moments
  uint item;  // which of the batch's cells
};

struct WeightPush {
  uint blocks;
  float thresholds[kMostThresholds];
};

// `count` neighbouring moments from `first` become moments[to].
struct WeightMerge {
  uint first;
  uint count;
  uint to;
  uint unused;
};

struct WeightMergePush {
  uint merges;
  uint firstMerge;
};

// A finished cell: where its moments are and where its values go. missing: the value is NaN (1) or masked (2).
struct WeightCell {
  uint moments;
  uint slot;
  uint missing;
  uint unused;
};

// Of a cell's singular values.
struct WeightSpectrumValues {
  float largest;  // times 2^-exponent of its moments
  float effectiveRank;
};

struct WeightFinishPush {
  uint cells;
  uint metric;
  uint channelOffset;
  uint threshold;  // which of the thresholds
};

#ifdef __cplusplus
static_assert(sizeof(WeightMoments) == 92 && sizeof(WeightBlock) == 20 && sizeof(WeightMerge) == 16 &&
              sizeof(WeightCell) == 16 && sizeof(WeightSpectrumValues) == 8);
}  // namespace divlens::kernels
#endif
#endif
