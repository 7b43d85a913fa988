#include "dump/rows.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "dump/convert.h"
#include "dump_fixtures.h"

using namespace divlens;
using namespace divlens::test;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<std::byte> asBytes(const void* values, size_t bytes) {
  std::vector<std::byte> out(bytes);
  std::memcpy(out.data(), values, bytes);
  return out;
}

/// A tensor over `values`, which lie in C order of `shape`, stored in either order.
template <typename T>
Tensor makeTensor(const std::vector<T>& values, const std::vector<int64_t>& shape, DType dtype, Kind kind,
                  bool fortran = false) {
  Tensor tensor;
  tensor.name = "t";
  tensor.dtype = dtype;
  tensor.dtypeName = info(dtype).name;
  tensor.shape = shape;
  tensor.strides = fortran ? stridesInFortran(shape) : stridesInC(shape);
  tensor.kind = kind;
  std::vector<T> stored(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    auto rest = static_cast<int64_t>(i);
    int64_t at = 0;
    for (size_t axis = shape.size(); axis-- > 0; rest /= shape[axis]) at += rest % shape[axis] * tensor.strides[axis];
    stored[static_cast<size_t>(at)] = values[i];
  }
  std::vector<std::byte> bytes = asBytes(stored.data(), stored.size() * sizeof(T));
  bytes.insert(bytes.begin(), 3, std::byte{0xEE});  // data may be unaligned
  tensor.source = memoryBytes("m", std::move(bytes));
  tensor.offset = 3;
  return tensor;
}

std::vector<float> sequence(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>((i * 7919) % 1000003);
  return values;
}

std::vector<float> readRow(const RowReader& reader, const std::vector<std::byte>& out, size_t place) {
  const std::byte* row = out.data() + place * reader.rowBytes();
  const size_t step = info(reader.deviceDType()).bytes;
  std::vector<float> values;
  for (size_t i = 0; i * step < reader.rowBytes(); ++i) values.push_back(toFloat(reader.deviceDType(), row + i * step));
  return values;
}

void checkRows(const RowReader& reader, const std::vector<float>& values, int64_t rowLength,
               const std::vector<int64_t>& rows, float padding) {
  std::vector<std::byte> out(rows.size() * reader.rowBytes(), std::byte{0x55});
  reader.read(rows, out.data());
  for (size_t k = 0; k < rows.size(); ++k) {
    const std::vector<float> row = readRow(reader, out, k);
    for (size_t i = 0; i < row.size(); ++i) {
      const bool inside = static_cast<int64_t>(i) < reader.width();
      const float expected = inside ? values[static_cast<size_t>(rows[k] * rowLength) + i] : padding;
      if (row[i] != expected) {
        FAIL_CHECK("row " << rows[k] << " entry " << i << ": " << row[i] << ", expected " << expected);
        return;
      }
    }
  }
}

}  // namespace

TEST_CASE("rows come padded to 16 bytes, whatever width, order and list", "[rows]") {
  const bool fortran = GENERATE(false, true);
  const int64_t length = GENERATE(1, 3, 4, 5, 64, 1000);
  const Kind kind = GENERATE(Kind::Logits, Kind::Hidden);
  const std::vector<int64_t> shape = {4, 6, length};
  const std::vector<float> values = sequence(static_cast<size_t>(24 * length));
  const Tensor tensor = makeTensor(values, shape, DType::F32, kind, fortran);
  const float padding = kind == Kind::Logits ? -kInfinity : 0.0f;
  for (const int64_t width : {int64_t{1}, (length + 1) / 2, length}) {
    const RowReader reader(tensor, width);
    INFO("fortran " << fortran << " length " << length << " width " << width);
    CHECK(reader.rows() == 24);
    CHECK(reader.width() == width);
    CHECK(reader.rowBytes() == (static_cast<size_t>(width) * 4 + 15) / 16 * 16);
    std::vector<int64_t> all(24);
    std::iota(all.begin(), all.end(), 0);
    checkRows(reader, values, length, all, padding);
    checkRows(reader, values, length, {7}, padding);
    checkRows(reader, values, length, {23, 0, 5, 5, 6, 1, 22, 12}, padding);
    checkRows(reader, values, length, {}, padding);
  }
}

TEST_CASE("half precision rows keep their bits and pad with their own infinity", "[rows]") {
  const DType dtype = GENERATE(DType::F16, DType::BF16);
  const bool fortran = GENERATE(false, true);
  std::vector<uint16_t> bits(6 * 13);
  for (size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<uint16_t>(0x3C00 + 37 * i);
  const Tensor tensor = makeTensor(bits, {2, 3, 13}, dtype, Kind::Logits, fortran);
  const RowReader reader(tensor, 11);
  CHECK(reader.deviceDType() == dtype);
  CHECK(reader.rowBytes() == 32);
  const std::vector<int64_t> rows = {5, 1};
  std::vector<uint16_t> out(32);
  reader.read(rows, reinterpret_cast<std::byte*>(out.data()));
  for (size_t k = 0; k < rows.size(); ++k) {
    for (size_t i = 0; i < 11; ++i) CHECK(out[k * 16 + i] == bits[static_cast<size_t>(rows[k]) * 13 + i]);
    for (size_t i = 11; i < 16; ++i) CHECK(out[k * 16 + i] == (dtype == DType::F16 ? 0xFC00 : 0xFF80));
  }
}

TEST_CASE("large rows are read straight, in chunks and together", "[rows]") {
  const int64_t length = GENERATE(16384, 50001, 1200001);  // exact and padded; the last over 4 MiB
  const bool fortran = GENERATE(false, true);
  const std::vector<float> values = sequence(static_cast<size_t>(4 * length));
  const Tensor tensor = makeTensor(values, {2, 2, length}, DType::F32, Kind::LogProbs, fortran);
  checkRows(RowReader(tensor, length), values, length, {0, 1, 2, 3}, -kInfinity);
  checkRows(RowReader(tensor, length), values, length, {3, 1, 2}, -kInfinity);
  checkRows(RowReader(tensor, length - 5), values, length, {2, 3, 0}, -kInfinity);
  checkRows(RowReader(tensor, 7), values, length, {2, 3, 0}, -kInfinity);
}

TEST_CASE("rows far apart in a strided file are read run by run", "[rows]") {
  // Between one entry and the next lie 100,000 rows: more than is worth reading along.
  const std::vector<float> values = sequence(100'000 * 5);
  const Tensor tensor = makeTensor(values, {100'000, 5}, DType::F32, Kind::Logits, true);
  checkRows(RowReader(tensor, 5), values, 5, {99'999, 3, 4, 50'000, 0, 50'001}, -kInfinity);
}

TEST_CASE("double logits lose their largest value and are split in two floats", "[rows]") {
  const bool fortran = GENERATE(false, true);
  const int64_t length = GENERATE(5, 1'200'000);  // the second comes in pieces
  const double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> values(static_cast<size_t>(3 * length));
  for (size_t i = 0; i < values.size(); ++i) values[i] = 1e6 + 1e-4 * static_cast<double>((i * 7919) % 10007);
  values[1] = -infinity;
  values[2] = -1e300;
  const auto second = static_cast<size_t>(length);
  for (size_t i = 0; i < second; ++i) values[second + i] = -infinity;
  values[2 * second + 3] = infinity;
  values[2 * second + 4] = std::nan("");
  const Tensor tensor = makeTensor(values, {3, length}, DType::F64, Kind::Logits, fortran);
  const RowReader reader(tensor, length);
  CHECK(reader.deviceDType() == DType::F32);
  const std::vector<int64_t> rows = {2, 0, 1};
  std::vector<std::byte> out(3 * reader.rowBytes());
  reader.read(rows, out.data());
  const std::vector<float> last = readRow(reader, out, 0), first = readRow(reader, out, 1),
                           none = readRow(reader, out, 2);
  double largest = 0;
  for (size_t i = 0; i < second; ++i) largest = std::max(largest, values[i]);
  CHECK(reader.split());
  const size_t half = first.size() / 2;
  CHECK(half % 8 == 0);
  for (const size_t i : {size_t{0}, size_t{3}, size_t{4}, second - 1}) {
    CHECK(first[i] == static_cast<float>(values[i] - largest));
    const double sum = static_cast<double>(first[i]) + static_cast<double>(first[half + i]);
    CHECK(std::abs(sum - (values[i] - largest)) <= 1e-14 * std::abs(values[i] - largest));
  }
  for (size_t i = second; i < half; ++i) CHECK(first[i] == -kInfinity);
  for (size_t i = second; i < half; ++i) CHECK(first[half + i] == 0.0F);
  CHECK(first[4] != static_cast<float>(values[4]) - static_cast<float>(largest));  // what float32 would have left
  CHECK(first[1] == -kInfinity);
  CHECK(first[2] == -kInfinity);  // farther below the largest than float32 reaches
  CHECK(none[0] == -kInfinity);
  CHECK(none[4] == -kInfinity);
  CHECK(last[3] == kInfinity);
  CHECK(std::isnan(last[4]));
  CHECK(*std::max_element(first.begin(), first.begin() + static_cast<ptrdiff_t>(half)) == 0.0f);
}

TEST_CASE("double probabilities become logarithms, hidden states keep their values", "[rows]") {
  const std::vector<double> values = {0.25, 1e-60, 0, -1e-60, 0.5, 0.75};
  const RowReader probs(makeTensor(values, {1, 6}, DType::F64, Kind::Probs), 6);
  std::vector<std::byte> out(probs.rowBytes());
  CHECK(out.size() == 64);
  probs.read(std::vector<int64_t>{0}, out.data());
  const std::vector<float> p = readRow(probs, out, 0);
  for (const size_t i : {size_t{0}, size_t{1}, size_t{4}, size_t{5}}) {
    const double expected = std::log(values[i]) - std::log(0.75);
    CHECK(p[i] == static_cast<float>(expected));
    CHECK(std::abs(static_cast<double>(p[i]) + static_cast<double>(p[8 + i]) - expected) <= 1e-14 * std::abs(expected));
  }
  CHECK(p[2] == -kInfinity);
  CHECK(std::isnan(p[3]));
  CHECK(p[6] == -kInfinity);
  CHECK(p[14] == 0.0F);
  const RowReader hidden(makeTensor(values, {1, 6}, DType::F64, Kind::Hidden), 6);
  CHECK(!hidden.split());
  hidden.read(std::vector<int64_t>{0}, out.data());
  out.resize(hidden.rowBytes());
  CHECK(readRow(hidden, out, 0) == std::vector<float>{0.25f, 0, 0, -0.0f, 0.5f, 0.75f, 0, 0});
}

TEST_CASE("rows need floats, and as many entries as there are", "[rows]") {
  const Tensor integers = makeTensor(std::vector<int32_t>{1, 2, 3, 4}, {2, 2}, DType::I32, Kind::Logits);
  CHECK_THAT(failure(Exit::BadInput, [&] { RowReader(integers, 2); }), ContainsSubstring("whole numbers"));
  const Tensor floats = makeTensor(std::vector<float>{1, 2, 3, 4}, {2, 2}, DType::F32, Kind::Logits);
  CHECK_THAT(failure(Exit::BadInput, [&] { RowReader(floats, 3); }), ContainsSubstring("2 entries, 3 are asked for"));
  CHECK_THAT(failure(Exit::BadInput, [&] { RowReader(floats, 0); }), ContainsSubstring("0 are asked for"));
}

TEST_CASE("elements are read from any place in either order", "[rows]") {
  const bool fortran = GENERATE(false, true);
  const std::vector<float> values = sequence(5 * 7 * 11);
  const Tensor tensor = makeTensor(values, {5, 7, 11}, DType::F32, Kind::Scalar, fortran);
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    const size_t first = random() % values.size();
    const size_t count = random() % (values.size() - first + 1);
    std::vector<float> out(count, -1);
    readElements(tensor, static_cast<int64_t>(first), out);
    REQUIRE(std::equal(out.begin(), out.end(), values.begin() + static_cast<ptrdiff_t>(first)));
  }
  std::vector<float> many = sequence(200'000);
  CHECK(allElements(makeTensor(many, {100'000, 2}, DType::F32, Kind::Scalar, fortran)) == many);
  CHECK(allElements(makeTensor(many, {200'000}, DType::F32, Kind::Scalar, fortran)) == many);
  CHECK(allElements(makeTensor(std::vector<float>{3}, {}, DType::F32, Kind::Scalar)) == std::vector<float>{3});
}

TEST_CASE("integers are read exactly", "[rows]") {
  const std::vector<int64_t> values = {-1, 0, int64_t{1} << 60, std::numeric_limits<int64_t>::min()};
  CHECK(readIntegers(makeTensor(values, {4}, DType::I64, Kind::Scalar)) == values);
  const std::vector<uint64_t> large = {1, uint64_t{1} << 63};
  // -100 as an unsigned number, say: an id that no vocabulary has.
  CHECK(readIntegers(makeTensor(large, {2}, DType::U64, Kind::Scalar)) ==
        std::vector<int64_t>{1, std::numeric_limits<int64_t>::max()});
  const std::vector<uint8_t> flags = {0, 1, 7};
  CHECK(readIntegers(makeTensor(flags, {3}, DType::Bool, Kind::Scalar)) == std::vector<int64_t>{0, 1, 1});
  const std::vector<int8_t> small = {-128, 127};
  CHECK(allElements(makeTensor(small, {2}, DType::I8, Kind::Scalar)) == std::vector<float>{-128, 127});
}

TEST_CASE("every half precision number widens exactly", "[rows]") {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const int exponent = (half >> 10) & 0x1F;
    const int mantissa = half & 0x3FF;
    const float value = halfToFloat(half);
    REQUIRE(std::signbit(value) == (half >= 0x8000));
    if (exponent == 31) {
      REQUIRE((mantissa == 0 ? std::isinf(value) : std::isnan(value)));
      continue;
    }
    const double magnitude = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    REQUIRE(static_cast<double>(std::abs(value)) == magnitude);
  }
}
