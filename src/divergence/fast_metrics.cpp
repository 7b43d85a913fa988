#include "divergence/fast_metrics.h"

#include <algorithm>
#include <iterator>

#include "shaders/metrics.h"

namespace divlens {
namespace {

using namespace kernels;

constexpr double kMaxTemperature = 16;  // beyond it differences to kFloor (shaders/shared_rows.glsl) shrink too far
// Orders of Rényi's divergence whose sums keep their digits.
constexpr float kLowestOrder = 0.1F;
constexpr float kHighestOrder = 8;

enum MetricId : int {
#define DIVLENS_ID(id, enumerator, name, formula, symbol, needs, direction, unit, sums, term, finish) enumerator = id,
  METRICS(DIVLENS_ID)
#undef DIVLENS_ID
};

constexpr uint32_t kForward = 1, kBackward = 2, kProduct = 4, kTilted = 8;  // of one_read.glsl
constexpr uint32_t kJsdSum = 1, kTvSums = 2;                                // of two_read.glsl

struct FastRow {
  MetricId id;
  FastMetric metric;
};
constexpr FastRow kFast[] = {
    {Kl, {FastKernel::OneRead, kForward}},
    {KlReverse, {FastKernel::OneRead, kBackward | kProduct}},
    {Jeffreys, {FastKernel::OneRead, kForward | kProduct}},
    {CrossEntropy, {FastKernel::OneRead, kForward, 0, true}},
    {Hellinger, {FastKernel::OneRead, kTilted, 0.5F}},
    {Chi2, {FastKernel::OneRead, kTilted, -1}},
    {Renyi, {FastKernel::OneRead, kTilted}},  // the tilt comes from the parameter
    {Jsd, {FastKernel::TwoRead, kJsdSum}},
    {JsDistance, {FastKernel::TwoRead, kJsdSum}},
    {Tv, {FastKernel::TwoRead, kTvSums}},
    {Entropy, {FastKernel::Rows, 0, 0, true, false}},
    {MaxProb, {FastKernel::Rows, 0, 0, false, false}},
    {Logprob, {FastKernel::Rows, 0, 0, false, false}},
    {Top1Agree, {FastKernel::Rows}},
};

bool storedLogits(SideFormat side) { return side.dtype <= kF32 && side.kind == kLogits && !side.split; }

}  // namespace

std::optional<FastMetric> fastMetric(const Plan& plan, const MetricUse& use, SideFormat cells, SideFormat reference) {
  const auto row = std::find_if(std::begin(kFast), std::end(kFast),
                                [&](const FastRow& r) { return int(r.id) == use.metric->id && !use.user; });
  if (row == std::end(kFast) || cells.split || cells.kind == kProbs) return std::nullopt;
  FastMetric metric = row->metric;
  if (row->id == Logprob)
    return reference.dtype == kOneHot && cells.kind == kLogits ? std::optional(metric) : std::nullopt;
  if (!metric.reference) return metric;
  if (!storedLogits(cells) || !storedLogits(reference) || plan.reference.tempered) return std::nullopt;
  if (plan.temperature > kMaxTemperature && metric.kernel != FastKernel::Rows) return std::nullopt;
  if (row->id == Renyi) {
    const float order = use.parameter;
    if (order < kLowestOrder || order > kHighestOrder || order == 1) return std::nullopt;
    metric.tilt = 1 - order;
  }
  return metric;
}

}  // namespace divlens
