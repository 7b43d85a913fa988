#include "dump/dump.h"

#include "dump_fixtures.h"

using namespace divlens;
using namespace divlens::test;

namespace {

using Names = std::vector<std::string>;

const std::string kFourBytes = R"({"t":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4]},)";

std::string metadataFailure(std::string json) {
  std::string quoted;
  for (const char c : json) quoted += c == '"' ? std::string("\\\"") : std::string(1, c);
  const TempDir dir;
  return openFailure(dir.write("a.safetensors",
                               safetensors(kFourBytes + R"("__metadata__":{"divlens":")" + quoted + R"("}})", "abcd")));
}

Tensor shaped(std::vector<int64_t> shape) {
  Tensor tensor;
  tensor.name = "t";
  tensor.dtype = DType::F32;
  tensor.shape = std::move(shape);
  tensor.strides = stridesInC(tensor.shape);
  tensor.source = memoryBytes("m", std::vector<std::byte>(4));
  return tensor;
}

Names namesOf(const Tensor& tensor) {
  Names names;
  for (const Axis& axis : tensor.axes) names.push_back(axis.name);
  return names;
}

}  // namespace

TEST_CASE("formats are told by content, with a note where the suffix disagrees", "[dump]") {
  const TempDir dir;
  const std::string header = kFourBytes.substr(0, kFourBytes.size() - 1) + "}";
  const Dump dump = openDump(dir.write("a.npy", safetensors(header, "abcd")));
  CHECK(dump.format == "safetensors");
  CHECK(dump.bytes == header.size() + 12);
  REQUIRE(dump.notes.size() == 1);
  CHECK_THAT(dump.notes[0], ContainsSubstring("a.npy") && ContainsSubstring("safetensors"));
  CHECK(openDump(dir.write("b.SAFETENSORS", safetensors(header, "abcd"))).notes.empty());
  CHECK(openDump(dir.write("noSuffix", safetensors(header, "abcd"))).notes.size() == 1);
}

TEST_CASE("what is not a dump is refused with a word on what to do", "[dump]") {
  const TempDir dir;
  const auto message = [&](const std::string& file, const std::string& bytes) {
    return openFailure(dir.write(file, bytes));
  };
  const std::string torch =
      std::string("PK\x03\x04", 4) + std::string(22, '\0') + std::string("\x10\0\0\0", 4) + "archive/data.pkl";
  for (const char* file : {"model.pt", "model.bin", "model.npy", "model"}) {
    CHECK_THAT(message(file, torch), ContainsSubstring("zip archive of a pickle") && ContainsSubstring("save_file"));
    CHECK_THAT(message(file, "\x80\x04\x95 whatever"), ContainsSubstring("a pickle") && ContainsSubstring("save_file"));
  }
  CHECK_THAT(message("a.bin", "something else"), ContainsSubstring("a pickle"));
  CHECK_THAT(message("a.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"),
             ContainsSubstring("git lfs pull"));
  CHECK_THAT(message("a.gguf", "GGUF\x03"), ContainsSubstring("GGUF"));
  CHECK_THAT(message("a.txt", "hello\x1b"), ContainsSubstring("'hello\\x1B'") && ContainsSubstring(".safetensors"));
  CHECK_THAT(message("a.npy", ""), ContainsSubstring("empty file"));
  // A folder stands for what is in it.
  CHECK_THAT(openFailure(dir.path("")), ContainsSubstring("a pickle"));
}

TEST_CASE("a dump name may carry a tensor's name", "[dump]") {
  const TempDir dir;
  const std::string plain = dir.write("a.npy", "x");
  const std::string colon = dir.write("b:c.npy", "x");
  const auto split = [](const std::string& text) {
    const DumpName found = splitDumpName(text);
    return std::pair(found.path, found.tensor);
  };
  CHECK(split(plain) == std::pair(plain, std::string()));
  CHECK(split(plain + ":clean") == std::pair(plain, std::string("clean")));
  CHECK(split(colon) == std::pair(colon, std::string()));
  CHECK(split(colon + ":t") == std::pair(colon, std::string("t")));
  CHECK(split("missing") == std::pair(std::string("missing"), std::string()));
}

TEST_CASE("faults of the metadata name the key", "[dump]") {
  const std::string axes = R"("tensors":{"t":{"axes":["layer","token"]}})";
  CHECK_THAT(metadataFailure("[]"), ContainsSubstring("must be a JSON object"));
  CHECK_THAT(metadataFailure("{"), ContainsSubstring("not valid JSON at byte 1") && ContainsSubstring("'divlens'"));
  CHECK_THAT(metadataFailure(R"({"version":2})"), ContainsSubstring("'version': 2 is unknown"));
  CHECK_THAT(metadataFailure(R"({"tensors":{"x":{}}})"),
             ContainsSubstring("'tensors.x': no such tensor") && ContainsSubstring("it has 't'"));
  CHECK_THAT(metadataFailure(R"({"tensors":[]})"), ContainsSubstring("'tensors': must be an object"));
  CHECK_THAT(metadataFailure(R"({"tensors":{"t":1}})"), ContainsSubstring("'tensors.t': must be an object"));
  CHECK_THAT(metadataFailure(R"({"tensors":{"t":{"axes":["a"]}}})"),
             ContainsSubstring("'tensors.t.axes': 1 names") && ContainsSubstring("[2, 2]"));
  CHECK_THAT(metadataFailure(R"({"tensors":{"t":{"axes":["a","a"]}}})"), ContainsSubstring("'a' appears twice"));
  CHECK_THAT(metadataFailure(R"({"tensors":{"t":{"axes":["a",1]}}})"), ContainsSubstring("array of names"));
  CHECK_THAT(metadataFailure(R"({"tensors":{"t":{"axes":["a",""]}}})"), ContainsSubstring("array of names"));
  CHECK_THAT(metadataFailure(R"({"tensors":{"t":{"kind":"logit"}}})"),
             ContainsSubstring("'tensors.t.kind'") && ContainsSubstring("logprobs"));
  CHECK_THAT(metadataFailure(R"({"tensors":{"t":{"mask":"nobody"}}})"), ContainsSubstring("'tensors.t.mask'"));
  CHECK_THAT(metadataFailure(R"({"mask":"nobody"})"), ContainsSubstring("'mask'"));
  CHECK_THAT(metadataFailure("{" + axes + R"(,"labels":{"layer":["a"]}})"),
             ContainsSubstring("'labels.layer': 1 entries, the axis has 2 in tensor 't'"));
  CHECK_THAT(metadataFailure("{" + axes + R"(,"labels":{"step":["a","b"]}})"),
             ContainsSubstring("unknown axis 'step'"));
  CHECK_THAT(metadataFailure("{" + axes + R"(,"labels":{"layer":["a",1]}})"),
             ContainsSubstring("'labels.layer': entry 1 has the wrong type"));
  CHECK_THAT(metadataFailure("{" + axes + R"(,"labels":{"layer":["a","b"],"layer":["a","b"]}})"),
             ContainsSubstring("'layer' appears twice"));
  CHECK_THAT(metadataFailure("{" + axes + R"(,"coordinates":{"layer":[1,"2"]}})"),
             ContainsSubstring("'coordinates.layer': entry 1"));
  CHECK_THAT(metadataFailure("{" + axes + R"(,"coordinates":{"layer":[1,1e999]}})"), ContainsSubstring("JSON"));
  CHECK_THAT(metadataFailure("{" + axes + R"(,"groups":{"layer":["a"]}})"), ContainsSubstring("'groups.layer'"));
  CHECK_THAT(metadataFailure(R"({"title":1})"), ContainsSubstring("'title': must be a text"));
}

TEST_CASE("axes are named by the user, the file, or a guess by rank", "[dump]") {
  Tensor cube = shaped({2, 3, 4});
  nameAxes(cube, {}, std::nullopt);
  CHECK(namesOf(cube) == Names{"layer", "token", "vocab"});
  CHECK(cube.kind == Kind::Logits);
  CHECK(cube.axesGuessed);
  CHECK(cube.axes[2].length == 4);

  Tensor square = shaped({2, 3});
  nameAxes(square, {}, std::nullopt);
  CHECK(namesOf(square) == Names{"row", "column"});
  CHECK(square.kind == Kind::Scalar);

  Tensor hidden = shaped({2, 3, 4});
  nameAxes(hidden, {}, Kind::Hidden);
  CHECK(namesOf(hidden) == Names{"layer", "token", "hidden"});
  CHECK(hidden.kind == Kind::Hidden);

  Tensor named = shaped({2, 3, 4, 5});
  nameAxes(named, {"example", "layer", "token", "vocab"}, std::nullopt);
  CHECK(named.kind == Kind::Logits);
  CHECK_FALSE(named.axesGuessed);
  nameAxes(named, {"a", "b", "c", "d"}, Kind::Probs);
  CHECK(namesOf(named) == Names{"a", "b", "c", "d"});
  CHECK(named.kind == Kind::Probs);
  nameAxes(named, {}, std::nullopt);
  CHECK(namesOf(named) == Names{"a", "b", "c", "d"});

  Tensor fromFile = openDump(data("types.safetensors")).tensors[0];
  fromFile = *openDump(data("types.safetensors")).find("f4");
  nameAxes(fromFile, {"depth", "position", "vocab"}, std::nullopt);
  CHECK(fromFile.axes[0].name == "depth");
  CHECK(fromFile.axes[0].labels == Names{"0", "15", "27"});
  CHECK(fromFile.kind == Kind::Logits);
}

TEST_CASE("axes that cannot be guessed are asked for", "[dump]") {
  const auto message = [](std::vector<int64_t> shape, const Names& axes, Exit code) {
    Tensor tensor = shaped(std::move(shape));
    return failure(code, [&] { nameAxes(tensor, axes, std::nullopt); });
  };
  CHECK_THAT(message({2, 3, 4, 5}, {}, Exit::BadInput),
             ContainsSubstring("[2, 3, 4, 5]") && ContainsSubstring("--axes"));
  CHECK_THAT(message({5}, {}, Exit::BadInput), ContainsSubstring("--axes"));
  CHECK_THAT(message({}, {}, Exit::BadInput), ContainsSubstring("rank 0"));
  CHECK_THAT(message({2, 0}, {}, Exit::BadInput), ContainsSubstring("no cells"));
  CHECK_THAT(message({2, 3}, {"a"}, Exit::Usage), ContainsSubstring("1 name,") && ContainsSubstring("2 axes"));
  CHECK_THAT(message({2, 3}, {"a", "a"}, Exit::Usage), ContainsSubstring("appears twice"));
  CHECK_THAT(message({2, 3}, {"a", ""}, Exit::Usage), ContainsSubstring("empty"));
}

TEST_CASE("kinds and types have one name each", "[dump]") {
  for (const char* text : {"logits", "logprobs", "probs", "hidden", "scalar", "topk"}) {
    const auto kind = kindFromName(text);
    REQUIRE(kind);
    CHECK(std::string(name(*kind)) == text);
  }
  CHECK_FALSE(kindFromName("Logits"));
  CHECK_FALSE(kindFromName("unknown"));
  CHECK(holdsDistribution(Kind::Probs));
  CHECK_FALSE(holdsDistribution(Kind::Hidden));
  CHECK(dtypeFromName("BF16") == DType::BF16);
  CHECK(dtypeFromName("F8_E4M3") == DType::Unsupported);
  CHECK(info(DType::U16).bytes == 2);
}
