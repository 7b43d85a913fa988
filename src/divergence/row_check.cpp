#include "divergence/row_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <glm/gtc/packing.hpp>

namespace divlens {
namespace {

constexpr size_t kRows = 4;
constexpr double kTolerance = 1e-3;

double element(const std::byte* row, int64_t i, DType dtype) {
  if (dtype == DType::F32) {
    float value = 0;
    std::memcpy(&value, row + 4 * i, 4);
    return value;
  }
  uint16_t bits = 0;
  std::memcpy(&bits, row + 2 * i, 2);
  if (dtype == DType::F16) return glm::unpackHalf1x16(bits);
  const uint32_t wide = uint32_t(bits) << 16;
  float value = 0;
  std::memcpy(&value, &wide, 4);
  return value;
}

struct RowSums {
  double sum = 0, sumOfExp = 0;
  bool allProbabilities = true;
};

RowSums sums(const std::byte* row, const RowReader& reader) {
  RowSums s;
  for (int64_t i = 0; i < reader.width(); ++i) {
    const double x = element(row, i, reader.deviceDType());
    s.sum += x;
    s.sumOfExp += std::exp(x);
    s.allProbabilities = s.allProbabilities && x >= 0 && x <= 1;
  }
  return s;
}

}  // namespace

void warnOfRows(const Plan& plan, const RowReader& reader, const std::vector<int64_t>& rows,
                std::vector<std::string>& warnings) {
  // Over a part of the vocabulary no sum is expected to be 1.
  if (plan.throughLens(plan.cells) || reader.width() != plan.cells.shape.back() || reader.width() < 2) return;
  const std::span<const int64_t> first(rows.data(), std::min(rows.size(), kRows));
  std::vector<std::byte> bytes(first.size() * reader.rowBytes());
  reader.read(first, bytes.data());
  for (size_t r = 0; r < first.size(); ++r) {
    const RowSums s = sums(bytes.data() + r * reader.rowBytes(), reader);
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
