#include <chrono>

#include "dump_fixtures.h"

using namespace divlens;
using namespace divlens::test;

namespace {

Dump opened(const std::string& header, std::string_view body, const OpenOptions& options = {}) {
  const TempDir dir;
  return openDump(dir.write("a.safetensors", safetensors(header, body)), options);
}

std::string refused(const std::string& header, std::string_view body = "", const OpenOptions& options = {}) {
  return failure(Exit::BadInput, [&] { opened(header, body, options); });
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return fmt::format(R"({{"dtype":"{}","shape":{},"data_offsets":{}}})", dtype, shape, offsets);
}

std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"t":)" + entry(dtype, shape, offsets) + "}";
}

}  // namespace

TEST_CASE("safetensors' own files read right in every type", "[safetensors]") {
  const Dump dump = openDump(data("types.safetensors"));
  CHECK(dump.format == "safetensors");
  CHECK(dump.notes.empty());
  CHECK(dump.tensors.size() == 13);
  const std::vector<DType> types = {DType::F64, DType::F32, DType::F16, DType::I8,  DType::U8,   DType::I16, DType::U16,
                                    DType::I32, DType::U32, DType::I64, DType::U64, DType::Bool, DType::BF16};
  const std::vector<std::string> names = {"f8", "f4", "f2", "i1", "u1", "i2",  "u2",
                                          "i4", "u4", "i8", "u8", "b1", "bf16"};
  for (size_t t = 0; t < names.size(); ++t) {
    INFO(names[t]);
    const Tensor* tensor = dump.find(names[t]);
    REQUIRE(tensor);
    CHECK(tensor->dtype == types[t]);
    CHECK(tensor->dtypeName == info(types[t]).name);
    CHECK(tensor->shape == std::vector<int64_t>{3, 4, 5});
    const std::vector<float> values = allElements(*tensor);
    for (size_t i = 0; i < values.size(); ++i) {
      const double raw = pattern(static_cast<int64_t>(i), info(types[t]).floating);
      const double expected = types[t] == DType::Bool ? (static_cast<int>(raw) % 2 == 0 ? 1 : 0) : raw;
      REQUIRE(static_cast<double>(values[i]) == expected);
    }
    if (info(types[t]).floating) continue;
    const std::vector<int64_t> integers = readIntegers(*tensor);
    for (size_t i = 0; i < values.size(); ++i)
      REQUIRE(static_cast<double>(integers[i]) == static_cast<double>(values[i]));
  }
  CHECK_THAT(failure(Exit::BadInput, [&] { readIntegers(*dump.find("f4")); }), ContainsSubstring("whole numbers"));
}

TEST_CASE("the divlens metadata of a safetensors file names axes", "[safetensors]") {
  const Dump dump = openDump(data("types.safetensors"));
  CHECK(dump.title == "A title");
  CHECK(dump.source == "written by safetensors");
  const Tensor& tensor = *dump.find("f2");
  CHECK(tensor.kind == Kind::Logits);
  REQUIRE(tensor.axes.size() == 3);
  CHECK(tensor.axisIndex("token") == 1);
  CHECK(tensor.axisIndex("step") == -1);
  CHECK(tensor.axes[0].labels == std::vector<std::string>{"0", "15", "27"});
  CHECK(tensor.axes[0].coordinates == std::vector<double>{0, 15, 27.5});
  CHECK(tensor.axes[1].labels == std::vector<std::string>{"The", "Ġcapital", "The", "\n"});
  CHECK(tensor.axes[1].groups == std::vector<std::string>{"a", "b", "a", "b"});
  CHECK(tensor.axes[2].length == 5);
  CHECK(dump.find("u1")->kind == Kind::Scalar);
  CHECK(dump.find("f8")->mask == "u1");
  CHECK(dump.find("i4")->axes.empty());
}

TEST_CASE("the length of a safetensors header is checked before anything is read", "[safetensors]") {
  const TempDir dir;
  const auto message = [&](uint64_t length, const std::string& rest) {
    return openFailure(dir.write("a.safetensors", littleEndian(length) + rest));
  };
  CHECK_THAT(openFailure(dir.write("a.safetensors", "abc")), ContainsSubstring("3 bytes are too few"));
  CHECK_THAT(message(0, "{}"), ContainsSubstring("length 0"));
  CHECK_THAT(message(3, "{}"), ContainsSubstring("claims 3 bytes, the file has 2"));
  CHECK_THAT(message(uint64_t{1} << 63, "{}"), ContainsSubstring("claims 9223372036854775808"));
  CHECK_THAT(message(~uint64_t{0}, "{}"), ContainsSubstring("claims 18446744073709551615"));
  dir.write("big.safetensors", littleEndian(uint64_t{100'000'001}) + "{");
  std::filesystem::resize_file(dir.path("big.safetensors"), 200'000'000);  // a hole, no data
  CHECK_THAT(openFailure(dir.path("big.safetensors")), ContainsSubstring("the limit is 100000000"));
}

TEST_CASE("a safetensors header is UTF-8 JSON and starts with a brace", "[safetensors]") {
  CHECK_THAT(refused("\xEF\xBB\xBF{}"), ContainsSubstring("at byte 8, expected '{'"));
  CHECK_THAT(refused(" {}"), ContainsSubstring("expected '{'"));
  CHECK_THAT(refused("{\"a\xff\":1}"), ContainsSubstring("not UTF-8 at byte 11"));
  CHECK_THAT(refused("{\"a\""), ContainsSubstring("not valid JSON at byte"));
  CHECK_THAT(refused("{} x"), ContainsSubstring("not valid JSON at byte 11"));
  CHECK_THAT(refused(R"({"a":1})"), ContainsSubstring("tensor 'a': expected an object, found 1"));
  CHECK_THAT(refused(R"({"\ud800":{}})"), ContainsSubstring("not valid JSON"));
  CHECK(opened("{}   ", "").tensors.empty());
}

TEST_CASE("a million brackets do not overflow the stack", "[safetensors]") {
  const std::string deep(1'000'000, '[');
  CHECK_THAT(refused(R"({"t":)" + deep), ContainsSubstring("tensor 't'"));
  CHECK_THAT(refused(R"({"t":{"other":)" + deep), ContainsSubstring("nested deeper"));
  std::string objects;
  for (int i = 0; i < 200'000; ++i) objects += R"({"a":)";
  CHECK_THAT(refused(R"({"t":{"other":)" + objects), ContainsSubstring("nested deeper"));
  std::string document = deep;
  CHECK_THAT(refused(R"({"__metadata__":{"divlens":")" + document + R"("}})"), ContainsSubstring("nested deeper"));
}

TEST_CASE("a safetensors entry has its three keys, once, of the right type", "[safetensors]") {
  const std::string good = entry("F32", "[1]", "[0,4]");
  CHECK(opened(R"({"t":)" + good + "}", "abcd").tensors.size() == 1);
  CHECK(opened(R"({"t":{"x":{"dtype":[1,{"y":2}]},"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "abcd")
            .tensors[0]
            .dtype == DType::F32);
  CHECK_THAT(refused(R"({"t":)" + good + R"(,"t":)" + good + "}", "abcd"), ContainsSubstring("'t' appears twice"));
  CHECK_THAT(refused(R"({"t":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "abcd"),
             ContainsSubstring("key 'dtype' appears twice"));
  CHECK_THAT(refused(R"({"t":{"dtype":"F32","shape":[1]}})"), ContainsSubstring("'data_offsets' is missing"));
  CHECK_THAT(refused(R"({"t":{"dtype":4,"shape":[1],"data_offsets":[0,4]}})"),
             ContainsSubstring("'dtype' cannot be 4"));
  CHECK_THAT(refused(R"({"t":{"dtype":"F32","shape":1,"data_offsets":[0,4]}})"),
             ContainsSubstring("'shape' cannot be"));
  CHECK_THAT(refused(R"({"t":{"dtype":"F32","shape":{},"data_offsets":[0,4]}})"),
             ContainsSubstring("'shape' cannot be"));
  CHECK_THAT(refused(R"({"__metadata__":{"a":1}})"), ContainsSubstring("__metadata__: key 'a' must be a text"));
  CHECK_THAT(refused(R"({"__metadata__":{"a":"1","a":"2"}})"), ContainsSubstring("'a' appears twice"));
  CHECK_THAT(refused(R"({"__metadata__":[]})"), ContainsSubstring("expected an object"));
}

TEST_CASE("safetensors offsets and shapes are checked with care", "[safetensors]") {
  CHECK_THAT(refused(one("F32", "[1]", "[4,0]"), "abcd"), ContainsSubstring("run backwards"));
  for (const char* offsets : {"[-1,4]", "[0,4.0]", "[0,\"4\"]", "[0,null]", "[0,true]", "[[0],4]", "[0,1e300]"}) {
    INFO(offsets);
    CHECK_THAT(refused(one("F32", "[1]", offsets), "abcd"), ContainsSubstring("expected whole numbers"));
  }
  CHECK_THAT(refused(one("F32", "[1]", "[0,9007199254740993]"), "abcd"), ContainsSubstring("over 2^53"));
  CHECK_THAT(refused(one("F32", "[1]", "[0]"), "abcd"), ContainsSubstring("1 entries, expected 2"));
  CHECK_THAT(refused(one("F32", "[1]", "[0,4,8]"), "abcd"), ContainsSubstring("3 entries, expected 2"));
  CHECK_THAT(refused(one("F32", "[-1]", "[0,4]"), "abcd"), ContainsSubstring("expected whole numbers"));
  CHECK_THAT(refused(one("F32", "[4294967296,4294967296,2]", "[0,4]"), "abcd"), ContainsSubstring("63 bits"));
  CHECK_THAT(refused(one("F32", "[2,3]", "[0,4]"), "abcd"),
             ContainsSubstring("F32 of shape [2, 3] needs 24 bytes, data_offsets [0, 4] hold 4"));
  CHECK_THAT(refused(one("F32", "[2]", "[0,8]"), "abcd"),
             ContainsSubstring("truncated") && ContainsSubstring("the file holds 4 bytes"));
  const std::string overlap = R"({"a":)" + entry("U8", "[4]", "[0,4]") + R"(,"b":)" + entry("U8", "[3]", "[2,5]") + "}";
  CHECK_THAT(refused(overlap, "abcde"), ContainsSubstring("'a' and 'b' overlap"));
  const std::string contained =
      R"({"a":)" + entry("U8", "[4]", "[0,4]") + R"(,"b":)" + entry("U8", "[0]", "[2,2]") + "}";
  CHECK_THAT(refused(contained, "abcd"), ContainsSubstring("overlap"));
}

TEST_CASE("holes and trailing bytes fail, and warn with --lenient", "[safetensors]") {
  OpenOptions lenient;
  lenient.lenient = true;
  const std::string hole = R"({"a":)" + entry("U8", "[2]", "[0,2]") + R"(,"b":)" + entry("U8", "[1]", "[3,4]") + "}";
  CHECK_THAT(refused(hole, "abcd"),
             ContainsSubstring("hole of 1 bytes before tensor 'b'") && ContainsSubstring("--lenient"));
  const Dump dump = opened(hole, "abcdef", lenient);
  CHECK(dump.warnings.size() == 2);
  CHECK(allElements(*dump.find("b")) == std::vector<float>{'d'});
  CHECK_THAT(refused(one("U8", "[2]", "[0,2]"), "abcd"), ContainsSubstring("2 trailing bytes"));
  CHECK_THAT(refused(one("U8", "[2]", "[1,3]"), "abc"), ContainsSubstring("hole"));
  CHECK_THAT(refused(one("U8", "[8]", "[0,8]"), "abc", lenient), ContainsSubstring("truncated"));
}

TEST_CASE("types that are not read, and odd ranks, are listed", "[safetensors]") {
  const std::string header = R"({"f4":)" + entry("F4", "[3,2]", "[0,3]") + R"(,"new":)" + entry("X9", "[2]", "[3,10]") +
                             R"(,"none":)" + entry("F32", "[0,4]", "[10,10]") + R"(,"rank0":)" +
                             entry("U8", "[]", "[10,11]") + R"(,"rank9":)" +
                             entry("U8", "[1,1,1,1,1,1,1,1,2]", "[11,13]") + "}";
  Dump dump = opened(header, std::string(13, 'a'));
  REQUIRE(dump.tensors.size() == 5);
  const Tensor& unknown = *dump.find("new");
  CHECK(unknown.dtype == DType::Unsupported);
  CHECK(unknown.dtypeName == "X9");
  CHECK_THAT(failure(Exit::BadInput, [&] { RowReader(unknown, 1); }), ContainsSubstring("X9 is not read; F64"));
  std::vector<float> out(1);
  CHECK_THAT(failure(Exit::BadInput, [&] { readElements(unknown, 0, out); }), ContainsSubstring("'new'"));
  CHECK_THAT(failure(Exit::BadInput, [&] { readIntegers(unknown); }), ContainsSubstring("it is X9"));
  CHECK_THAT(refused(one("F8_E4M3", "[3]", "[0,4]"), "abcd"), ContainsSubstring("needs 3 bytes"));
  CHECK_THAT(refused(one("F4", "[3]", "[0,2]"), "ab"), ContainsSubstring("F4"));
  for (const char* odd : {"none", "rank0", "rank9"}) {
    Tensor tensor = *dump.find(odd);
    CHECK_THAT(failure(Exit::BadInput, [&] { nameAxes(tensor, {}, std::nullopt); }), ContainsSubstring("needs axes"));
  }
}

TEST_CASE("tensor names are text, whatever they hold", "[safetensors]") {
  const std::string longName(1'000'000, 'n');
  const std::string body = entry("F32", "[2]", "[0,4]");
  CHECK(refused(R"({")" + longName + R"(":)" + body + "}", "abcd").size() < 1000);
  const std::string message = refused(R"({"a\u0000\n\u001b[31m\u202e":)" + body + "}", "abcd");
  CHECK_THAT(message, ContainsSubstring("'a\\x00\\x0A\\x1B[31m\\xE2\\x80\\xAE'"));
  const Dump dump = opened(R"({"../../etc/passwd":)" + entry("F32", "[1]", "[0,4]") + "}", "abcd");
  CHECK(dump.tensors[0].name == "../../etc/passwd");
}

TEST_CASE("a hundred thousand tensors open quickly", "[safetensors]") {
  std::string header = "{";
  std::string document = R"({\"tensors\":{)";
  constexpr int kTensors = 100'000;
  for (int i = 0; i < kTensors; ++i) {
    header += fmt::format(R"("model.layers.{}.weight":{},)", i,
                          entry("F32", "[1]", fmt::format("[{},{}]", 4 * i, 4 * i + 4)));
    document += fmt::format(R"({}\"model.layers.{}.weight\":{{\"axes\":[\"token\"]}})", i == 0 ? "" : ",", i);
  }
  header += R"("__metadata__":{"divlens":")" + document + R"(}}"}})";
  const auto start = std::chrono::steady_clock::now();
  const Dump dump = opened(header, std::string(4 * kTensors, '\0'));
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  CHECK(dump.tensors.size() == kTensors);
  CHECK(dump.tensors.back().axes.size() == 1);
  CHECK(elapsed.count() < 20.0);  // a quadratic step would take minutes, a sanitizer a few seconds
}
