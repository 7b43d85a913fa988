#include "divergence/exact_lens.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "dump/rows.h"

namespace divlens {
namespace {

constexpr int64_t kRowsAtOnce = 256;

std::vector<double> valuesOf(const std::optional<Tensor>& tensor, int64_t count, double otherwise) {
  std::vector<double> out(size_t(count), otherwise);
  if (tensor) readRow(*tensor, 0, count, out);
  return out;
}

}  // namespace

ExactLens::ExactLens(const Lens& lens)
    : lens_(lens),
      weight_(valuesOf(lens.weight, lens.hidden(), lens.addsOne ? 0.0 : 1.0)),
      bias_(valuesOf(lens.bias, lens.hidden(), 0)),
      headBias_(valuesOf(lens.headBias, lens.vocab(), 0)) {
  if (lens.addsOne)
    for (double& weight : weight_) weight += 1;
}

std::vector<double> ExactLens::translated(const std::vector<double>& hidden, const Lens::Translator& translator) const {
  std::vector<double> out = valuesOf(translator.bias, lens_.hidden(), 0), row;
  for (int64_t i = 0; i < lens_.hidden(); ++i) {
    readRow(translator.matrix, i, lens_.hidden(), row);
    out[size_t(i)] += hidden[size_t(i)] + std::inner_product(hidden.begin(), hidden.end(), row.begin(), 0.0);
  }
  return out;
}

std::vector<double> ExactLens::logits(std::vector<double> hidden, bool normed, int64_t translator,
                                      int64_t vocab) const {
  if (!normed && translator >= 0) hidden = translated(hidden, lens_.translators[size_t(translator)]);
  if (lens_.norm != Lens::Norm::None && !normed) {
    const auto count = double(hidden.size());
    const double mean =
        lens_.norm == Lens::Norm::Layer ? std::accumulate(hidden.begin(), hidden.end(), 0.0) / count : 0;
    double squares = 0;
    for (const double x : hidden) squares += (x - mean) * (x - mean);
    const double factor = 1 / std::sqrt(squares / count + lens_.epsilon);
    for (size_t i = 0; i < hidden.size(); ++i) hidden[i] = (hidden[i] - mean) * factor * weight_[i] + bias_[i];
  }
  std::vector<double> out, matrix;
  for (int64_t first = 0; first < vocab; first += kRowsAtOnce) {
    std::vector<int64_t> rows(size_t(std::min(kRowsAtOnce, vocab - first)));
    std::iota(rows.begin(), rows.end(), first);
    matrix.clear();
    readRows(lens_.unembedding, rows, lens_.hidden(), matrix);
    for (size_t r = 0; r < rows.size(); ++r) {
      const double dot =
          std::inner_product(hidden.begin(), hidden.end(), matrix.begin() + int64_t(r) * lens_.hidden(), 0.0);
      const double z = dot * lens_.scale + headBias_[size_t(first) + r];
      out.push_back(lens_.softcap > 0 ? lens_.softcap * std::tanh(z / lens_.softcap) : z);
    }
  }
  return out;
}

}  // namespace divlens
