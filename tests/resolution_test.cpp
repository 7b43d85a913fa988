// What rounding to an element type does to divergences, against rounding itself.
#include "divergence/resolution.h"

#include <cmath>

#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;

namespace {

constexpr int64_t kPairs = 24, kVocab = 2000;

/// [layer 2, token, vocab]: layer 1 is layer 0 moved by `distance`, before both are rounded to `dtype`.
Array pairs(DType dtype, double distance, Kind kind = Kind::Logits, double deviation = 3) {
  Random random(5);
  Array out{"logits", {axis("layer", 2), axis("token", kPairs), axis("vocab", kVocab)}, kind, dtype, {}};
  std::vector<double> x = normals(random, kPairs * kVocab, deviation), y = x;
  for (double& v : y) v += distance * random.normal();
  out.values = x;
  out.values.insert(out.values.end(), y.begin(), y.end());
  if (kind == Kind::Logits) return out;
  for (int64_t row = 0; row < 2 * kPairs; ++row) {
    std::vector<double> logits(out.values.begin() + row * kVocab, out.values.begin() + (row + 1) * kVocab);
    const Distribution d = distribution({logits, Kind::Logits}, 1);
    for (int64_t i = 0; i < kVocab; ++i)
      out.values[size_t(row * kVocab + i)] = double(kind == Kind::Probs ? d.p[size_t(i)] : d.ln[size_t(i)]);
  }
  return out;
}

struct Found {
  Resolution resolution;
  std::vector<float> cells;
};

Found find(const Array& array, const std::string& metric) {
  const Dump dump = dumpOf({array});
  const Plan plan = makePlan(dump, "", {.metrics = {metric}, .reference = "layer=1"});
  const Result result = evaluate(context(), plan);
  const std::vector<float> cells = result.grid.read(context(), 0);
  return {findUnresolved(context(), plan, result.panels, {cells}), cells};
}

}  // namespace

TEST_CASE_METHOD(GpuTest, "the expected effect of rounding is what rounding does", "[gpu][resolution]") {
  for (const DType dtype : {DType::F16, DType::BF16})
    for (const Kind kind : {Kind::Logits, Kind::LogProbs, Kind::Probs})
      for (const char* metric : {"kl", "jsd", "jeffreys", "tv", "hellinger", "chi2", "renyi:0.5"}) {
        // Probabilities below 6e-8 are 0 in F16: no expansion around small errors tells what that does.
        if (dtype == DType::F16 && kind == Kind::Probs) continue;
        // The oracle's divergence of a row in full from itself, rounded: one side's share of the effect.
        const Array array = pairs(dtype, 0, kind);
        double mean = 0;
        for (int64_t row = 0; row < kPairs; ++row) {
          OracleRow full{{array.values.begin() + row * kVocab, array.values.begin() + (row + 1) * kVocab}, kind};
          mean += Oracle(full, array.row(row))(metric) / double(kPairs);
        }
        // Against a reference without rounding the device must expect the same.
        Array moved = pairs(dtype, 1e-4, kind);
        const Array reference{"reference",
                              {moved.axes[1], moved.axes[2]},
                              kind,
                              DType::F64,
                              {array.values.begin(), array.values.begin() + kPairs * kVocab}};
        const Dump dump = dumpOf({moved, reference});
        const Plan plan =
            makePlan(dump, "", {.tensor = "logits", .metrics = {metric}, .reference = "tensor:reference"});
        const Result result = evaluate(context(), plan);
        // Cells that are certain to be in question: a trace above 0.
        std::vector<float> cells(2 * kPairs, 1e-12F);
        const Resolution found = findUnresolved(context(), plan, result.panels, {cells});
        CAPTURE(info(dtype).name, name(kind), metric, mean, found.largest);
        CHECK(found.cells == uint64_t(2 * kPairs));
        CHECK(found.largest > 0.8 * mean);
        CHECK(found.largest < 3 * mean);  // the largest of 48 rows
      }
}

TEST_CASE_METHOD(GpuTest, "cells of rounding are counted, cells of differences and zeros are not",
                 "[gpu][resolution]") {
  const Found noise = find(pairs(DType::F16, 1e-4), "kl");
  CHECK(noise.resolution.cells > uint64_t(kPairs) / 3);
  CHECK(noise.resolution.elements == "F16");
  CHECK(find(pairs(DType::F16, 3e-2), "kl").resolution.cells == 0);
  CHECK(find(pairs(DType::BF16, 0.1), "kl").resolution.cells == 0);
  CHECK(find(pairs(DType::BF16, 1e-3), "jsd").resolution.cells > uint64_t(kPairs) / 3);
  CHECK(find(pairs(DType::F32, 1e-4), "kl").resolution.cells == 0);
  CHECK(find(pairs(DType::F16, 0), "kl").resolution.cells == 0);
  CHECK(find(pairs(DType::F16, 1e-4), "entropy-difference").resolution.cells == 0);
}
