#include "divergence/row_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "dump/rows.h"

namespace divlens {
namespace {

constexpr size_t kRows = 4;
constexpr double kTolerance = 1e-3;

struct RowSums {
  double sum = 0, sumOfExp = 0;
  bool allProbabilities = true;
};

RowSums sums(std::span<const double> row) {
  RowSums s;
  for (const double x : row) {
    s.sum += x;
    s.sumOfExp += std::exp(x);
    s.allProbabilities = s.allProbabilities && x >= 0 && x <= 1;
  }
  return s;
}

}  // namespace

void warnOfRows(const Plan& plan, const std::vector<int64_t>& rows, std::vector<std::string>& warnings) {
  // Over a part of the vocabulary no sum is expected to be 1.
  const int64_t width = plan.cells.shape.back();
  if (plan.throughLens(plan.cells) || plan.vocab != width || width < 2) return;
  const std::span<const int64_t> first(rows.data(), std::min(rows.size(), kRows));
  std::vector<double> values;
  readRows(plan.cells, first, width, values);
  for (size_t r = 0; r < first.size(); ++r) {
    const RowSums s = sums(std::span(values).subspan(r * size_t(width), size_t(width)));
    const double total = plan.kind == Kind::Probs ? s.sum : s.sumOfExp;
    std::string text;
    if (plan.kind == Kind::Logits && s.allProbabilities && std::abs(s.sum - 1) < kTolerance)
      text =
          "are read as logits but look like probabilities (each between 0 and 1, their sum is 1); pass --kind probs if "
          "they are";
    if ((plan.kind == Kind::Probs || plan.kind == Kind::LogProbs) && plan.temperature == 1 &&
        !(std::abs(total - 1) <= kTolerance))
      text = fmt::format(
          "are read as {} but their probabilities sum to {:.4g}, not 1; they are renormalised (--kind says what they "
          "are)",
          name(plan.kind), total);
    if (text.empty()) continue;
    warnings.push_back(fmt::format("rows of tensor '{}' {}", plan.cells.name, text));
    return;
  }
}

}  // namespace divlens
