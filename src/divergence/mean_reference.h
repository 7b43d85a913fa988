#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "divergence/plan.h"
#include "gpu/context.h"

namespace divlens {

/// The plan with its reference `mean:AXIS` replaced by a tensor of mean distributions (not of mean logits), computed on
/// the device into a temporary file: as many rows as the cells need, numbered like the cells' rows at position 0 of the
/// axis. Rows that are no distributions (NaN, +∞, only −∞) are left out, which a warning counts.
Plan withMeanReference(const gpu::Context& context, const Plan& plan, std::vector<std::string>& warnings);

bool anyNan(std::span<const float> values);

/// Averages rows of one tensor as distributions, on the device.
class RowAverager {
 public:
  /// `plan` gives the entries that count; `kind` is what the rows hold, at `temperature`.
  RowAverager(const gpu::Context& context, const Plan& plan, const Tensor& tensor, Kind kind, double temperature);
  ~RowAverager();
  /// The mean of the rows, `plan.vocab` floats; NaN where one is no distribution, or there is none.
  std::vector<float> average(std::span<const int64_t> rows);
  /// Those of the rows that are distributions.
  std::vector<int64_t> distributions(std::span<const int64_t> rows);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace divlens
