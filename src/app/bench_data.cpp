#include "app/bench_data.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <random>

namespace divlens {
namespace {

uint16_t halfBits(float value) {
  // Normal numbers and zero only, rounded to nearest: logits of a few units.
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude < 0x38800000u) return uint16_t(bits >> 16 & 0x8000u);
  const uint32_t rounded = magnitude - 0x38000000u + 0xFFFu + (magnitude >> 13 & 1u);
  return uint16_t((bits >> 16 & 0x8000u) | rounded >> 13);
}

uint16_t brainBits(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return uint16_t((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

/// A table of normal numbers that is walked through in steps of a generator: quick, and the same everywhere.
class Normals {
 public:
  Normals() {
    std::mt19937 engine(1);
    const auto uniform = [&] { return (double(engine()) + 0.5) / 4294967296.0; };
    for (float& value : table_) {
      constexpr double kTwoPi = 6.283185307179586;
      value = float(3 * std::sqrt(-2 * std::log(uniform())) * std::cos(kTwoPi * uniform()));
    }
  }
  float next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return table_[state_ >> 48];
  }

 private:
  float table_[65536];
  uint64_t state_ = 1;
};

template <typename T, typename Make>
void fill(std::vector<std::byte>& bytes, Normals& normals, Make make) {
  for (size_t i = 0; i < bytes.size(); i += sizeof(T)) {
    const T value = make(normals.next());
    std::memcpy(bytes.data() + i, &value, sizeof value);
  }
}

}  // namespace

uint64_t BenchShape::bytes() const { return pairs() * uint64_t(vocab) * info(dtype).bytes; }

std::vector<std::byte> benchRows(const BenchShape& shape) {
  const auto normals = std::make_unique<Normals>();
  std::vector<std::byte> bytes(shape.bytes());
  if (shape.dtype == DType::F32)
    fill<float>(bytes, *normals, [](float v) { return v; });
  else
    fill<uint16_t>(bytes, *normals, shape.dtype == DType::F16 ? halfBits : brainBits);
  return bytes;
}

Dump benchDump(const BenchShape& shape, std::shared_ptr<const ByteSource> source) {
  Tensor tensor;
  tensor.name = "logits";
  tensor.dtype = shape.dtype;
  tensor.dtypeName = info(shape.dtype).name;
  tensor.shape = {shape.layers, shape.tokens, shape.vocab};
  tensor.strides = stridesInC(tensor.shape);
  for (const char* name : {"layer", "token", "vocab"})
    tensor.axes.push_back({name, tensor.shape[tensor.axes.size()], {}, {}, {}});
  tensor.kind = Kind::Logits;
  tensor.source = std::move(source);
  Dump dump;
  dump.path = "rows of the benchmark";
  dump.format = "memory";
  dump.bytes = shape.bytes();
  dump.tensors.push_back(std::move(tensor));
  return dump;
}

}  // namespace divlens
