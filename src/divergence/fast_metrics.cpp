#include "divergence/fast_metrics.h"

#include <algorithm>
#include <iterator>

#include "divergence/overlap_pass.h"

namespace divlens {
namespace {

using namespace kernels;

constexpr double kMaxTemperature = 16;  // beyond it differences to kFloor (shaders/shared_rows.glsl) shrink too far
// Orders of Rényi's divergence whose sums keep their digits.
constexpr double kLowestOrder = 0.1;
constexpr double kHighestOrder = 8;

constexpr uint32_t kForward = 1, kBackward = 2, kProduct = 4, kTilted = 8;  // of one_read.glsl
constexpr uint32_t kJsdSum = 1, kTvSums = 2, kWeightedSum = 4;              // of two_read.glsl
constexpr uint32_t kDot = 1, kApart = 2, kAbove = 4;                        // of stored_read.glsl

struct FastRow {
  MetricId id;
  FastMetric metric;
};
constexpr FastRow kFast[] = {
    {MetricId::Kl, {FastKernel::OneRead, kForward}},
    {MetricId::KlReverse, {FastKernel::OneRead, kBackward | kProduct}},
    {MetricId::Jeffreys, {FastKernel::OneRead, kForward | kProduct}},
    {MetricId::CrossEntropy, {FastKernel::OneRead, kForward, 0, true}},
    {MetricId::Hellinger, {FastKernel::OneRead, kTilted, 0.5F}},
    {MetricId::Chi2, {FastKernel::OneRead, kTilted, -1}},
    {MetricId::Renyi, {FastKernel::OneRead, kTilted}},  // the tilt comes from the parameter
    {MetricId::Jsd, {FastKernel::TwoRead, kJsdSum}},
    {MetricId::JsdWeighted, {FastKernel::TwoRead, kWeightedSum}},  // tilt and weight come from the parameter
    {MetricId::JsDistance, {FastKernel::TwoRead, kJsdSum}},
    {MetricId::Tv, {FastKernel::TwoRead, kTvSums}},
    {MetricId::Entropy, {FastKernel::Rows, 0, 0, true, false}},
    {MetricId::EntropyDifference, {FastKernel::Rows, 0, 0, true}},
    {MetricId::MaxProb, {FastKernel::Rows, 0, 0, false, false}},
    {MetricId::Logprob, {FastKernel::Rows, 0, 0, false, false}},
    {MetricId::Top1Agree, {FastKernel::Rows, 0, 0, false, true, true}},
    {MetricId::Cosine, {FastKernel::Stored, kDot}},
    {MetricId::L2, {FastKernel::Stored, kApart}},
    {MetricId::Rank, {FastKernel::Stored, kAbove}},
    {MetricId::Overlap, {FastKernel::Overlap}},  // k is the parameter
};

bool storedLogits(SideFormat side) { return side.dtype <= kF32 && side.kind == kLogits && !side.split; }

/// Against a target these are the logarithm of its probability, or that with the other sign.
bool ofOneEntry(MetricId id) { return id == MetricId::Logprob || id == MetricId::CrossEntropy || id == MetricId::Kl; }

}  // namespace

std::optional<FastMetric> fastMetric(const Plan& plan, const MetricUse& use, SideFormat cells, SideFormat reference) {
  const auto row = std::find_if(std::begin(kFast), std::end(kFast),
                                [&](const FastRow& r) { return int(r.id) == use.metric->id && !use.user; });
  if (row == std::end(kFast)) return std::nullopt;
  FastMetric metric = row->metric;
  if (row->id == MetricId::Overlap) {
    metric.k = uint32_t(std::min(int64_t(use.parameter), plan.allowed));
    return OverlapPass::fits(plan.vocab, metric.k) ? std::optional(metric) : std::nullopt;
  }
  if (cells.split || cells.kind == kProbs) return std::nullopt;
  if (reference.dtype == kOneHot && cells.kind == kLogits && ofOneEntry(row->id))
    return FastMetric{.kernel = FastKernel::Rows, .reference = false};
  if (row->id == MetricId::Logprob) return std::nullopt;
  if (!metric.reference) return metric;
  if (row->id == MetricId::Rank)
    return reference.dtype == kOneHot && storedLogits(cells) ? std::optional(metric) : std::nullopt;
  if (!storedLogits(cells) || !storedLogits(reference) || plan.reference.tempered) return std::nullopt;
  if (metric.kernel == FastKernel::Stored) return metric;
  if (plan.temperature > kMaxTemperature && metric.kernel != FastKernel::Rows) return std::nullopt;
  if (row->id == MetricId::JsdWeighted) {
    if (use.parameter == 0.5) return FastMetric{.kernel = FastKernel::TwoRead, .sums = kJsdSum};
    metric.weight = float(use.parameter);
    metric.tilt = float(1 - use.parameter);
  }
  if (row->id == MetricId::Renyi) {
    const double order = use.parameter;
    if (order < kLowestOrder || order > kHighestOrder || order == 1) return std::nullopt;
    metric.tilt = float(1 - order);
  }
  return metric;
}

}  // namespace divlens
