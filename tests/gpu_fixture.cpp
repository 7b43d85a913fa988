#include "gpu_fixture.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <numbers>

#include "dump_fixtures.h"

namespace divlens::test {
namespace {

uint16_t halfBits(double v) {
  const uint16_t sign = std::signbit(v) ? 0x8000 : 0;
  const double a = std::abs(v);
  if (std::isnan(v)) return 0x7E00;
  if (a >= 65520) return sign | 0x7C00;
  const int exponent = a == 0 ? -14 : std::max(std::ilogb(a), -14);
  const auto scaled = int(std::nearbyint(std::ldexp(a, 10 - exponent)));
  return uint16_t(sign | (scaled < 1024 ? scaled : ((exponent + 15) << 10) + (scaled - 1024)));
}

double halfValue(uint16_t bits) {
  const double sign = bits & 0x8000 ? -1 : 1;
  const int exponent = bits >> 10 & 31;
  const int mantissa = bits & 1023;
  if (exponent == 31) return mantissa ? NAN : sign * INFINITY;
  return sign * (exponent ? std::ldexp(1024 + mantissa, exponent - 25) : std::ldexp(mantissa, -24));
}

/// Round to nearest even.
uint16_t bfloatBits(double v) {
  if (std::isnan(v)) return 0x7FC0;
  const auto bits = std::bit_cast<uint32_t>(float(v));
  return uint16_t((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

std::string encoded(const std::vector<double>& values, DType dtype) {
  std::string out;
  for (const double v : values) switch (dtype) {
      case DType::F64:
        out += littleEndian(v);
        break;
      case DType::F32:
        out += littleEndian(float(v));
        break;
      case DType::F16:
        out += littleEndian(halfBits(v));
        break;
      case DType::BF16:
        out += littleEndian(bfloatBits(v));
        break;
      case DType::I64:
        out += littleEndian(int64_t(v));
        break;
      default:
        out += littleEndian(int32_t(v));
    }
  return out;
}

}  // namespace

const gpu::Context& context() {
  static const gpu::Context shared(
      {.device = "auto", .validation = true, .gpuAssisted = false, .asGpu = std::getenv("DIVLENS_AS_GPU") != nullptr});
  return shared;
}

GpuTest::~GpuTest() {
  const std::vector<std::string>& messages = context().validationMessages();
  for (size_t i = before_; i < messages.size(); ++i) UNSCOPED_INFO(messages[i]);
  CHECK(messages.size() == before_);
}

double asStored(double value, DType dtype) {
  if (dtype == DType::F16) return halfValue(halfBits(value));
  if (dtype == DType::BF16) return double(std::bit_cast<float>(uint32_t(bfloatBits(value)) << 16));
  return dtype == DType::F32 ? double(float(value)) : value;
}

OracleRow Array::row(int64_t index) const {
  const auto width = size_t(axes.back().length);
  OracleRow out{{}, kind};
  for (size_t i = 0; i < width; ++i) out.values.push_back(asStored(values[size_t(index) * width + i], dtype));
  return out;
}

Tensor tensorOf(const Array& array) {
  Tensor out = tensor(array.name, array.axes, array.kind, array.dtype);
  REQUIRE(out.elements() == int64_t(array.values.size()));
  const std::string bytes = encoded(array.values, array.dtype);
  const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
  out.source = memoryBytes("memory.safetensors", {begin, begin + bytes.size()});
  return out;
}

Dump dumpOf(const std::vector<Array>& arrays) {
  std::vector<Tensor> tensors;
  for (const Array& each : arrays) tensors.push_back(tensorOf(each));
  return dump(std::move(tensors));
}

Cells run(const Dump& dump, const PlanOptions& plan, const EvaluateOptions& options) {
  return runOn(context(), dump, plan, options);
}

Cells runOn(const gpu::Context& device, const Dump& dump, const PlanOptions& planOptions,
            const EvaluateOptions& options) {
  const Plan plan = makePlan(dump, "", planOptions);
  const Result result = evaluate(device, plan, options);
  Cells out{.rows = result.grid.rows(), .columns = result.grid.columns()};
  for (int64_t panel = 0; panel < result.grid.panels(); ++panel) {
    out.panels.push_back(result.grid.read(device, panel));
  }
  out.cells = result.cells;
  out.nans = result.counts.nans;
  out.infinities = result.counts.infinities;
  out.warnings = result.warnings;
  return out;
}

std::vector<uint32_t> bits(const std::vector<float>& values) {
  std::vector<uint32_t> out(values.size());
  std::memcpy(out.data(), values.data(), values.size() * sizeof(float));
  return out;
}

double Random::normal() {
  const double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

std::vector<double> normals(Random& random, int64_t count, double deviation) {
  std::vector<double> out;
  for (int64_t i = 0; i < count; ++i) out.push_back(deviation * random.normal());
  return out;
}

}  // namespace divlens::test
