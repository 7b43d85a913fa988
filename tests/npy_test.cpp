#include <array>

#include "dump_fixtures.h"

using namespace divlens;
using namespace divlens::test;

namespace {

const std::string kTwelve = bytesOf(std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});

std::string dictFailure(const std::string& dict) {
  const TempDir dir;
  return openFailure(dir.write("a.npy", npy(dict, kTwelve)));
}

}  // namespace

TEST_CASE("numpy's arrays read the same in C and Fortran order", "[npy]") {
  struct Row {
    const char* file;
    DType dtype;
  };
  const auto row = GENERATE(values<Row>({{"f8", DType::F64},
                                         {"f4", DType::F32},
                                         {"f2", DType::F16},
                                         {"i1", DType::I8},
                                         {"u1", DType::U8},
                                         {"i2", DType::I16},
                                         {"u2", DType::U16},
                                         {"i4", DType::I32},
                                         {"u4", DType::U32},
                                         {"i8", DType::I64},
                                         {"u8", DType::U64},
                                         {"b1", DType::Bool}}));
  const std::string order = GENERATE("c_", "fortran_");
  const Dump dump = openDump(data(order + row.file + ".npy"));
  INFO(dump.path);
  CHECK(dump.format == "npy");
  CHECK(dump.notes.empty());
  REQUIRE(dump.tensors.size() == 1);
  const Tensor& tensor = dump.tensors[0];
  CHECK(tensor.name == order + row.file);
  CHECK(tensor.dtype == row.dtype);
  CHECK(tensor.shape == std::vector<int64_t>{3, 4, 5});
  CHECK(tensor.strides == (order == "c_" ? std::vector<int64_t>{20, 5, 1} : std::vector<int64_t>{1, 3, 12}));
  const std::vector<float> values = allElements(tensor);
  for (size_t i = 0; i < values.size(); ++i) {
    const double raw = pattern(static_cast<int64_t>(i), info(row.dtype).floating);
    const double expected = row.dtype == DType::Bool ? (static_cast<int>(raw) % 2 == 0 ? 1 : 0) : raw;
    REQUIRE(static_cast<double>(values[i]) == expected);
  }
}

TEST_CASE("npy versions 1 to 3, vectors and bfloat16", "[npy]") {
  for (const char* file : {"version_1.npy", "version_2.npy", "version_3.npy", "vector.npy"}) {
    const Dump dump = openDump(data(file));
    const std::vector<float> values = allElements(dump.tensors[0]);
    REQUIRE(static_cast<double>(values[6]) == pattern(6, true));
  }
  CHECK(openDump(data("scalar.npy")).tensors[0].shape.empty());
  CHECK(allElements(openDump(data("scalar.npy")).tensors[0]) == std::vector<float>{2.5f});

  CHECK_THAT(openFailure(data("bf16.npy")), ContainsSubstring("--dtype bf16"));
  OpenOptions options;
  options.dtype = "bf16";
  const Dump dump = openDump(data("bf16.npy"), options);
  CHECK(dump.tensors[0].dtype == DType::BF16);
  const std::vector<float> values = allElements(dump.tensors[0]);
  for (size_t i = 0; i < values.size(); ++i) {
    REQUIRE(static_cast<double>(values[i]) == pattern(static_cast<int64_t>(i), true));
  }
  options.dtype = "f3";
  CHECK_THAT(failure(Exit::Usage, [&] { openDump(data("bf16.npy"), options); }), ContainsSubstring("--dtype f3"));
}

TEST_CASE("numpy's other types are refused by name", "[npy]") {
  const auto [file, words] = GENERATE(table<std::string, std::string>({
      {"object", "Python objects"},
      {"structured", "structured dtype"},
      {"text", "texts"},
      {"bytes", "byte strings"},
      {"complex", "complex numbers"},
      {"date", "dates"},
      {"big_endian", "astype('<f4')"},
      {"long_double", "astype('f4')"},
  }));
  CHECK_THAT(openFailure(data("refused_" + file + ".npy")), ContainsSubstring(words));
}

TEST_CASE("the header of a npy file is parsed strictly and never evaluated", "[npy]") {
  const std::string good = "'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)";
  const TempDir dir;
  CHECK(openDump(dir.write("a.npy", npy("{" + good + "}", kTwelve))).tensors[0].elements() == 12);
  CHECK(openDump(dir.write("a.npy", npy("{" + good + ", }   \n", kTwelve))).tensors[0].elements() == 12);

  CHECK_THAT(dictFailure("{" + good + ", 'extra': 1}"), ContainsSubstring("unexpected key 'extra'"));
  CHECK_THAT(dictFailure("{'descr': '<f4', 'shape': (3, 4)}"), ContainsSubstring("'fortran_order' is missing"));
  CHECK_THAT(dictFailure("{" + good + ", 'descr': '<f8'}"), ContainsSubstring("'descr' appears twice"));
  CHECK_THAT(dictFailure("{'descr': __import__('os'), 'fortran_order': False, 'shape': (3, 4)}"),
             ContainsSubstring("malformed at byte 20") && ContainsSubstring("__import__"));
  CHECK_THAT(dictFailure("{" + good + "} + 1"), ContainsSubstring("after the dictionary"));
  CHECK_THAT(dictFailure("{" + good), ContainsSubstring("expected '}'"));
  CHECK_THAT(dictFailure(""), ContainsSubstring("expected '{'"));
  CHECK_THAT(dictFailure("{'descr"), ContainsSubstring("does not end"));
  for (const char* shape : {"(3)", "(-3,)", "(3.0,)", "(3, 4", "[3, 4]", "3", "(99999999999999999999,)", "(,)"}) {
    INFO(shape);
    CHECK_THAT(dictFailure(npyDict("<f4", false, shape)), ContainsSubstring("malformed"));
  }
  CHECK_THAT(dictFailure("{'descr': '<f4', 'fortran_order': 1, 'shape': (3, 4)}"),
             ContainsSubstring("must be True or False"));
  CHECK_THAT(dictFailure(npyDict("<f4", false, "(4294967296, 4294967296, 2)")), ContainsSubstring("more bytes"));
  CHECK_THAT(dictFailure(npyDict("<f4", false, "(3, 0)")), ContainsSubstring("no cells"));
  CHECK_THAT(dictFailure(npyDict("<q4", false, "(3, 4)")), ContainsSubstring("'<q4' is unknown"));
  CHECK_THAT(dictFailure(npyDict("", false, "(3, 4)")), ContainsSubstring("unknown"));
}

TEST_CASE("the beginning of a npy file is bounded", "[npy]") {
  const TempDir dir;
  const std::string magic = "\x93NUMPY";
  const auto message = [&](const std::string& bytes) { return openFailure(dir.write("a.npy", bytes)); };
  CHECK_THAT(message("\x93NUM"), ContainsSubstring("truncated"));
  CHECK_THAT(message("PYNUMPY.............."), ContainsSubstring("not a npy file"));
  CHECK_THAT(message(magic + std::string("\x01", 1)), ContainsSubstring("truncated"));
  CHECK_THAT(message(magic + std::string("\x01\x00\x10", 3)), ContainsSubstring("truncated"));
  CHECK_THAT(message(magic + std::string("\x01\x00\x10\x00", 4)), ContainsSubstring("the header needs 16 bytes"));
  CHECK_THAT(message(magic + std::string("\x07\x00\x10\x00", 4)), ContainsSubstring("version 7.0"));
  for (const char version : {'\x02', '\x03'}) {
    const std::string claim = magic + version + std::string("\x00\xff\xff\xff\xff", 5) + "{";
    CHECK_THAT(message(claim), ContainsSubstring("claims 4294967295 bytes"));
  }
  const std::string dict = npyDict("<f4", false, "(3, 4)");
  CHECK_THAT(message(npy(std::string(10'001 - dict.size(), ' ') + dict, kTwelve)), ContainsSubstring("10001"));
  CHECK(openDump(dir.write("a.npy", npy(std::string(10'000 - dict.size(), ' ') + dict, kTwelve))).tensors.size() == 1);
}

TEST_CASE("a truncated npy file is read as far as its rows go, with --partial", "[npy]") {
  const TempDir dir;
  const std::string body = kTwelve.substr(0, 4 * 10);  // two rows of four, and a half
  const std::string path = dir.write("a.npy", npy(npyDict("<f4", false, "(3, 4)"), body));
  CHECK_THAT(openFailure(path), ContainsSubstring("2 of 3 complete leading rows") && ContainsSubstring("--partial") &&
                                    ContainsSubstring("needs 48 bytes of data, the file has 40"));
  dir.write("a.npy.divlens.json", R"({"tensors": {"a": {"axes": ["layer", "token"]}},
      "labels": {"layer": ["x", "y", "z"]}, "coordinates": {"layer": [1, 2, 3]}, "groups": {"layer": ["g", "g", "h"]}})");
  OpenOptions partial;
  partial.partial = true;
  const Dump dump = openDump(path, partial);
  const Tensor& tensor = dump.tensors[0];
  CHECK(tensor.shape == std::vector<int64_t>{2, 4});
  CHECK(tensor.availableRows == 2);
  CHECK(tensor.axes[0].length == 2);
  CHECK(tensor.axes[0].labels == std::vector<std::string>{"x", "y"});
  CHECK(tensor.axes[0].groups.size() == 2);
  REQUIRE(dump.notes.size() == 1);
  CHECK_THAT(dump.notes[0], ContainsSubstring("using 2 of 3 leading rows"));
  CHECK(allElements(tensor) == std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7});

  const std::string none = dir.write("b.npy", npy(npyDict("<f4", false, "(3, 4)"), "abc"));
  CHECK_THAT(openFailure(none, partial), ContainsSubstring("not one complete"));
  const std::string fortran = dir.write("c.npy", npy(npyDict("<f4", true, "(3, 4)"), body));
  CHECK_THAT(openFailure(fortran, partial), ContainsSubstring("Fortran"));
  const std::string more = dir.write("d.npy", npy(npyDict("<f4", false, "(3, 4)"), kTwelve + "more"));
  CHECK_THAT(openDump(more).warnings.at(0), ContainsSubstring("4 trailing bytes"));
}

TEST_CASE("a sidecar names the axes of a npy file", "[npy]") {
  const TempDir dir;
  const std::string path = dir.write("run.npy", npy(npyDict("<f4", false, "(3, 4)"), kTwelve));
  CHECK(openDump(path).tensors[0].axes.empty());
  const auto sidecar = [&](const std::string& json) { dir.write("run.npy.divlens.json", json); };

  const std::string any = GENERATE("run", "logits");
  sidecar(
      R"({"version": 1, "tensors": {")" + any +
      R"(": {"axes": ["layer", "vocab"], "kind": "logprobs"}}, "labels": {"layer": ["a", "a", "b"]}, "title": "T"})");
  const Dump dump = openDump(path);
  CHECK(dump.title == "T");
  CHECK(dump.tensors[0].kind == Kind::LogProbs);
  CHECK(dump.tensors[0].axes.at(0).label(2) == "b");
  CHECK(dump.tensors[0].axes.at(1).label(2) == "2");

  sidecar(R"({"tensors": {"x": {}, "y": {}}})");
  CHECK_THAT(openFailure(path), ContainsSubstring("run.npy.divlens.json") && ContainsSubstring("tensors.x"));
  sidecar("");
  CHECK_THAT(openFailure(path), ContainsSubstring("empty file"));
  sidecar("{");
  CHECK_THAT(openFailure(path), ContainsSubstring("not valid JSON at byte 1"));
}
