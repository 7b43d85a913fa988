#pragma once
// What the tests on a device share: one context with validation, dumps made in memory, and evaluation to numbers.
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "catch.h"
#include "divergence/evaluate.h"
#include "dump/dump.h"
#include "gpu/context.h"
#include "plan_dumps.h"
#include "reference.h"

namespace divlens::test {

/// The device that all tests share, with core and synchronization validation. Without a device or the validation layer
/// it throws, so that the test fails: none is skipped.
const gpu::Context& context();

/// Fixture of every test on the device: what the validation layer says during it fails it.
class GpuTest {
 public:
  GpuTest() : before_(context().validationMessages().size()) {}
  GpuTest(const GpuTest&) = delete;
  GpuTest& operator=(const GpuTest&) = delete;
  ~GpuTest();

 private:
  size_t before_;
};

/// A tensor with its values, in C order, before they are rounded to its dtype.
struct Array {
  std::string name;
  std::vector<Axis> axes;
  Kind kind = Kind::Logits;
  DType dtype = DType::F32;
  std::vector<double> values;
  /// The entries [index · last axis, …) as they are after rounding: what an oracle must start from.
  OracleRow row(int64_t index) const;
};
/// A value after it was stored as `dtype`.
double asStored(double value, DType dtype);
Tensor tensorOf(const Array& array);
Dump dumpOf(const std::vector<Array>& arrays);

/// The cells of a result, panel by panel, and what was counted.
struct Cells {
  int64_t rows = 0, columns = 0;
  std::vector<std::vector<float>> panels;
  uint64_t cells = 0, nans = 0, infinities = 0;
  std::vector<std::string> warnings;
  float at(size_t panel, int64_t row, int64_t column) const {
    return panels.at(panel).at(size_t(row * columns + column));
  }
};
Cells run(const Dump& dump, const PlanOptions& plan, const EvaluateOptions& options = {});
Cells runOn(const gpu::Context& device, const Dump& dump, const PlanOptions& plan, const EvaluateOptions& options = {});
/// Float bits, so that NaN equals NaN and 0 is not -0.
std::vector<uint32_t> bits(const std::vector<float>& values);

/// Numbers that are the same with every standard library.
class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  double uniform() { return (engine_() + 0.5) / 4294967296.0; }
  double normal();

 private:
  std::mt19937 engine_;
};
std::vector<double> normals(Random& random, int64_t count, double deviation);

/// Processes of one Share, run one after the other; the first one last, which finds what the others left.
class OneByOne {
 public:
  Share share(int rank, int ranks) {
    calls_ = 0;
    return {rank, ranks, [this](std::span<uint32_t> bits) {
              if (calls_ == left_.size()) left_.emplace_back(bits.size(), 0u);
              std::vector<uint32_t>& left = left_.at(calls_++);
              REQUIRE(left.size() == bits.size());
              for (size_t i = 0; i < bits.size(); ++i) bits[i] = left[i] |= bits[i];
            }};
  }

 private:
  size_t calls_ = 0;
  std::vector<std::vector<uint32_t>> left_;  // of each call
};

}  // namespace divlens::test
