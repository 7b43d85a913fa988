#include "app/self_check.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "app/bench_data.h"

namespace divlens {
namespace {

constexpr int64_t kChecked = 24;  // values of each case
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Numbers in (-1, 1) that look random, the same for the same place.
double noise(uint64_t place) {
  place = (place + 1) * 0x9E3779B97F4A7C15u;
  place = (place ^ place >> 29) * 0xBF58476D1CE4E5B9u;
  return double(int64_t(place ^ place >> 32)) * 0x1p-63;
}

/// Bits of the half nearest to a value of at most 1 that is not negative, subnormal ones included.
uint16_t smallHalf(double value) {
  const int exponent = value < 0x1p-14 ? -14 : std::ilogb(value);
  const auto units = uint16_t(std::lround(std::ldexp(value, 10 - exponent)));
  return value < 0x1p-14 ? units : uint16_t(units - 1024 + ((exponent + 15) << 10));
}

template <typename T>
T encoded(double value) {
  if constexpr (sizeof(T) == 2) return T(smallHalf(value));
  return T(value);
}

/// `layers` × 3 rows whose elements `value` gives by their layer, token and entry.
template <typename T>
Dump rowsOf(DType dtype, Kind kind, int64_t layers, int64_t vocab,
            const std::function<double(uint64_t, uint64_t, uint64_t)>& value) {
  const BenchShape shape{.dtype = dtype, .layers = layers, .tokens = 3, .vocab = vocab};
  std::vector<std::byte> bytes(shape.bytes());
  std::byte* to = bytes.data();
  for (uint64_t row = 0; row < shape.pairs(); ++row)
    for (uint64_t entry = 0; entry < uint64_t(vocab); ++entry, to += sizeof(T)) {
      const T element = encoded<T>(value(row / 3, row % 3, entry));
      std::memcpy(to, &element, sizeof element);
    }
  Dump dump = benchDump(shape, memoryBytes("rows of the doctor", std::move(bytes)));
  dump.tensors.front().kind = kind;
  return dump;
}

Dump normals(DType dtype, int64_t layers, int64_t tokens, int64_t vocab) {
  const BenchShape shape{.dtype = dtype, .layers = layers, .tokens = tokens, .vocab = vocab};
  return benchDump(shape, memoryBytes("rows of the doctor", benchRows(shape)));
}

uint64_t placeOf(uint64_t layer, uint64_t token, uint64_t entry) { return (layer * 3 + token) << 24 | entry; }

/// Rows that hardly differ, far from zero.
Dump nearRows() {
  return rowsOf<float>(DType::F32, Kind::Logits, 9, 32001, [](uint64_t layer, uint64_t token, uint64_t entry) {
    return 512 + 6 * noise(placeOf(0, token, entry)) + 1e-3 * double(layer) * noise(placeOf(layer, token, entry));
  });
}

/// Rows from nearly alike to a nat apart.
Dump driftingRows() {
  return rowsOf<float>(DType::F32, Kind::Logits, 9, 4099, [](uint64_t layer, uint64_t token, uint64_t entry) {
    return 9 * noise(placeOf(0, token, entry)) + 0.3 * double(layer) * noise(placeOf(layer, token, entry));
  });
}

/// Logits with entries that are impossible on both sides or on one, with a peak, and a row that holds NaN.
Dump zeroRows() {
  return rowsOf<float>(DType::F32, Kind::Logits, 5, 4099, [](uint64_t layer, uint64_t token, uint64_t entry) {
    if (layer == 1 && token == 1 && entry == 77) return std::nan("");
    if (entry % 7 == 0 || (layer == 2 && entry % 5 == 0)) return -kInfinity;
    return 9 * noise(placeOf(layer, token, entry)) + (token == 2 && entry == 5 ? 40.0 : 0.0);
  });
}

Dump doubleRows() {
  return rowsOf<double>(DType::F64, Kind::Logits, 4, 4099, [](uint64_t layer, uint64_t token, uint64_t entry) {
    return 1e4 + 6 * noise(placeOf(layer, token, entry));
  });
}

/// Probabilities most of which are subnormal halves.
Dump smallProbabilities() {
  return rowsOf<uint16_t>(DType::F16, Kind::Probs, 4, 30011, [](uint64_t layer, uint64_t token, uint64_t entry) {
    return (1 + noise(placeOf(layer, token, entry))) / 30011;
  });
}

struct CheckCase {
  const char* name;
  std::function<Dump()> dump;
  std::vector<std::string> metrics;
  std::vector<std::string> reduce;
};

std::vector<CheckCase> checkCases() {
  const std::vector<std::string> fast = {"kl",      "kl-reverse",         "jeffreys",  "jsd",
                                         "tv",      "hellinger",          "renyi:0.5", "cross-entropy",
                                         "entropy", "entropy-difference", "max-prob",  "top1-agree"};
  const std::vector<std::string> some = {"kl", "jsd", "tv", "entropy"};
  const std::vector<std::string> general = {"l2", "cosine", "jsd:0.3", "overlap:5", "renyi:20"};
  return {
      {"logits, F16, 50257 entries", [] { return normals(DType::F16, 17, 3, 50257); }, fast, {}},
      {"logits, BF16, 32000 entries", [] { return normals(DType::BF16, 5, 3, 32000); }, some, {}},
      {"logits, F32, 262145 entries", [] { return normals(DType::F32, 2, 1, 262145); }, some, {}},
      {"logits, F64, far from zero", doubleRows, some, {}},
      {"logits, F32, nearly alike", nearRows, {"kl", "kl-reverse", "jsd", "hellinger", "l2"}, {}},
      {"logits, F32, drifting apart", driftingRows, {"kl", "kl-reverse", "jeffreys", "jsd", "hellinger"}, {}},
      {"logits, F32, with zeros and NaN", zeroRows, some, {}},
      {"probabilities, F16, subnormal", smallProbabilities, some, {}},
      {"logits, F16, general kernels", [] { return normals(DType::F16, 5, 3, 4099); }, general, {}},
      {"logits, F16, means of 700 rows", [] { return normals(DType::F16, 3, 700, 512); }, {"kl"}, {"token=mean"}},
      {"logits, F16, medians of 700 rows", [] { return normals(DType::F16, 3, 700, 512); }, {"jsd"}, {"token=median"}},
      {"logits, F16, 140000 short rows", [] { return normals(DType::F16, 2, 70000, 16); }, {"kl", "jsd", "l2"}, {}},
  };
}

}  // namespace

std::vector<SelfCheck> checkKernels(const gpu::Context& context) {
  std::vector<SelfCheck> checks;
  for (const CheckCase& each : checkCases()) {
    const Dump dump = each.dump();
    const Plan plan = makePlan(dump, "", {.reduce = each.reduce, .metrics = each.metrics, .reference = "layer=-1"});
    const Result result = evaluate(context, plan);
    std::vector<std::vector<float>> cells;
    for (int64_t panel = 0; panel < result.grid.panels(); ++panel) cells.push_back(result.grid.read(context, panel));
    checks.push_back({each.name, verify(plan, result.panels, cells, kChecked)});
  }
  return checks;
}

}  // namespace divlens
