// Structures and constants that C++ and GLSL share: element types, kinds of sides, push constants, buffer records.
#ifndef DIVLENS_KERNELS_H
#define DIVLENS_KERNELS_H

#ifdef __cplusplus
#include <cstdint>
namespace divlens::kernels {
using uint = uint32_t;
#endif

// How a row's elements are stored (specialisation constants of the kernels).
const uint kF16 = 0u;
const uint kBf16 = 1u;
const uint kF32 = 2u;
const uint kUniform = 3u;  // no row: every allowed entry has the same probability
const uint kOneHot = 4u;   // no row: all probability on one entry, the row number of the pair

// What the elements mean.
const uint kLogits = 0u;      // logits or log-probabilities: softmax(x / T)
const uint kProbs = 1u;       // probabilities, renormalised, T = 1
const uint kLogOfProbs = 2u;  // probabilities whose logarithm is taken as a logit (T != 1)

const uint kNoMetric = 0xffffffffu;  // an unused channel
const uint kUserMetric = 1000u;      // a metric of the user's own, compiled at run time
const uint kMaxChannels = 4u;        // metrics that one pass over the rows can evaluate

// Flags of rows and partial sums.
const uint kBadRow = 1u;    // NaN, +inf, a negative probability, or no probability at all
const uint kInfinite = 2u;  // a term is +inf
const uint kNan = 4u;       // the value has no meaning

const uint kNanBits = 0x7fc00000u;
const uint kMaskedBits = 0x7fc0deadu;  // a NaN that says: left out on purpose, drawn blank
const uint kInfBits = 0x7f800000u;

// Statistics of one row after normalisation.
struct RowStats {
  float offset;  // logits: the largest x; probabilities: the largest v
  float logSum;  // logits: ln sum exp((x - offset)/T) = log1p(rest); probabilities: ln(sum v / offset)
  float scale;   // 1 / sum exp((x - offset)/T), or 1 / sum v
  uint flags;
  float low;      // logits: the smallest element; only where it is asked for
  float entropy;  // nats; only where it is asked for
  uint entry;     // the first that holds the largest element; only where it is asked for
};

// What one invocation found in its part of a row: the maximum, how often it occurs, and the rest's sum relative to it.
struct StatsPartial {
  float top;
  float count;
  float rest;
  uint flags;
  float low;
  uint entry;  // where the maximum first is; only where it is asked for
  float heat;  // sum of -t e^t, t = (x - top)/T; only where the entropy is asked for
};

// A pair to compare: rows in the tile, and where its value goes. The reference is a token id where it is one-hot. Where
// it does not exist (missing = 1), values that need it are NaN; masked pairs (2) have no value.
struct PairEntry {
  uint cell;
  uint reference;
  uint slot;
  uint missing;
};

// Sums (x, y, z) and maxima (u, w) of one channel over a part of a pair.
struct SumPartial {
  float x;
  float y;
  float z;
  float u;
  float w;
  uint flags;
};

// Pairs that share a reference row: entries [first, first + count), none of them missing.
struct PairGroup {
  uint first;
  uint count;
  uint reference;  // row among the reference's
};

// What one invocation found in its part of a pair: five sums (see one_read.glsl, two_read.glsl) and the range of d.
struct SharedPartial {
  float s0, s1, s2, s3, s4;
  float high;
  float low;
};
// Beyond these a pair is given back to pairs.comp: probabilities of one side may have underflowed, or be zero.
const float kSafeHigh = 50.0;
const float kSafeLow = -1000.0;
// Where the largest elements of the reference promise a divergence below this, in nats, plain_read.glsl leaves the pair
// to one_read.glsl.
const float kPlainNear = 0.08;

// Verdicts on a pair.
const uint kKept = 0u;
const uint kGivenBack = 1u;  // to pairs.comp
const uint kTooClose = 2u;   // for plain_read.glsl: to one_read.glsl

struct SharedPush {
  uint groups;            // in this dispatch
  uint pairs;             // of the tile
  uint width;             // entries of a row
  uint cellVectors;       // uvec4 in a padded row of the cells
  uint referenceVectors;  // the same for the reference
  float inverseTemperature;
  float unitScale;           // 1 / ln(base)
  uint firstReferenceStats;  // RowStats of the reference start here
  uint parts;                // partials of a row and of a pair
  uint valueStart;           // where the channel's values start
  uint redoStart;            // where the channel's verdicts start
  float tilt;                // b of the sums of p e^(b d); of jsd:β, 1 - β
  float weight;              // β
};

struct RowsPush {
  uint rows;        // in this dispatch
  uint firstRow;    // of RowStats
  uint rowVectors;  // uvec4 in a padded row
  uint width;       // entries of a row
  float inverseTemperature;
  uint parts;  // partials of a row
};

// Steps of the search for the k largest elements of a row.
const uint kTopStart = 0u;
const uint kTopKey = 1u;   // bits of the k-th largest key
const uint kTopRest = 2u;  // how many equal to it belong to the k largest
const uint kTopId = 3u;    // bits of the last of those

// What belongs to the k largest elements of a row: keys above the threshold, and equal ones with ids up to the bound.
struct TopState {
  uint threshold;
  uint bound;
  uint need;   // equal ones that belong
  uint count;  // of the step under way
};

struct TopPush {
  uint rows;
  uint firstRow;
  uint rowVectors;
  uint width;
  uint mode;
  uint bit;
  uint k;
  uint shift;  // low bits of a key that the element type never uses
};

// What may be among the k largest elements of a row.
struct TopEntry {
  uint key;
  uint id;
};
// In TopState.count, once a row's entries are listed: how many they are, or one of these.
const uint kUnlisted = 0u;          // too many, or fewer than k: the search over the whole row knows
const uint kBadTops = 0xffffffffu;  // the row holds what has no order
const uint kTopThresholds = 7u;     // tried in one round of a search

struct TopRowsPush {
  uint rows;
  uint firstRow;    // of TopState
  uint rowVectors;  // uvec4 in a padded row
  uint width;
  uint groups;  // of a row
  uint steps;   // of eight elements in a group, at most
  uint k;
  uint shift;   // as in TopPush
  uint listed;  // entries that a row's list holds
  uint trips;   // of loops over elements that one invocation takes at most
};

struct OverlapPush {
  uint pairs;
  uint listed;
  uint firstReference;  // TopState of the reference start here
  uint valueStart;      // where the channel's values start
  uint redoStart;       // where the channel's verdicts start
  uint shift;           // of the reference's keys
  uint lastOfK;         // as in PairsPush
  uint lastBeforeK;
  float k;  // or the number of entries compared where there are fewer
};

struct MeanPush {
  uint rows;
  uint rowVectors;
  uint width;
  float inverseTemperature;
  float weight;  // 1 / number of rows in all
  uint first;    // 1: the mean starts with these rows
};

struct PairsPush {
  uint pairs;             // in this dispatch
  uint width;             // entries compared
  uint cellVectors;       // uvec4 in a padded row of the cells
  uint referenceVectors;  // the same for the reference
  float inverseTemperature;
  float unitScale;  // 1 / ln(base)
  float parameters[kMaxChannels];
  float complements[kMaxChannels];  // 1 less each, rounded after the subtraction
  uint firstReferenceStats;         // RowStats of the reference start here
  uint channelStride;               // values of one channel
  uint parts;                       // partials of a pair and channel
  uint channels;                    // that share the dispatch
  uint allowed;                     // entries compared: width less what --vocab-mask excludes
  uint firstChannel;                // of those that share the dispatch, among all
  uint lastOfK;  // the k-th and (k - 1)-th allowed entries, for overlap:k; kNoEntry where there is none
  uint lastBeforeK;
};
const uint kNoEntry = 0xffffffffu;

// Statistics over reduced axes.
const uint kMean = 0u;
const uint kQuantile = 1u;
const uint kMin = 2u;
const uint kMax = 3u;
const uint kStd = 4u;
const uint kSem = 5u;
const uint kCount = 6u;

// A part of a cell's entries: their sum as that of two floats, the root of the sum of squared deviations from the mean,
// range and number of the finite ones.
struct ReduceNode {
  float sum;
  float rest;
  float spread;
  float low;
  float high;
  uint count;
  uint others;  // NaN and infinite ones, not masked
};

struct ReducePush {
  uint cells;       // in this dispatch
  uint entries;     // per cell in the values
  uint chosen;      // per cell in this reduction
  uint stride;      // of the tree's level; for sorting the keys per cell, a power of two
  uint firstValue;  // where the values start; for a sorting step its distance
  uint firstOut;    // where the results start; for a sorting step its run
  uint how;
  float quantile;
};

#ifdef __cplusplus
static_assert(sizeof(RowStats) == 28 && sizeof(StatsPartial) == 28 && sizeof(PairGroup) == 12 &&
              sizeof(SharedPartial) == 28 && sizeof(SharedPush) == 52 && sizeof(PairEntry) == 16 &&
              sizeof(SumPartial) == 24);
static_assert(sizeof(PairsPush) == 88 && sizeof(RowsPush) == 24 && sizeof(ReducePush) == 32 &&
              sizeof(ReduceNode) == 28 && sizeof(TopState) == 16 && sizeof(TopRowsPush) == 40 &&
              sizeof(OverlapPush) == 36);
}  // namespace divlens::kernels
#endif
#endif
