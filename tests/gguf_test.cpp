// GGUF models: plain tensors are read, quantised ones listed and refused, broken headers refused before anything is
// allocated.
#include <cstring>

#include "catch.h"
#include "dump/dump.h"
#include "dump/rows.h"
#include "dump/stack.h"
#include "error.h"
#include "program.h"

using namespace divlens;
using namespace divlens::test;

namespace {

template <typename T>
std::string raw(T value) {
  std::string out(sizeof value, '\0');
  std::memcpy(out.data(), &value, sizeof value);
  return out;
}

std::string text(const std::string& value) { return raw(uint64_t(value.size())) + value; }

std::string tensorInfo(const std::string& name, const std::vector<uint64_t>& lengths, uint32_t type, uint64_t offset) {
  std::string out = text(name) + raw(uint32_t(lengths.size()));
  for (const uint64_t length : lengths) out += raw(length);
  return out + raw(type) + raw(offset);
}

std::string pairs() {
  std::string tokens = text("tokenizer.ggml.tokens") + raw(uint32_t{9}) + raw(uint32_t{8}) + raw(uint64_t{2});
  tokens += text("a") + text("bc");
  return text("general.name") + raw(uint32_t{8}) + text("Tiny") + text("general.architecture") + raw(uint32_t{8}) +
         text("llama") + tokens + text("llama.block_count") + raw(uint32_t{4}) + raw(uint32_t{2}) +
         text("general.file_type") + raw(uint32_t{4}) + raw(uint32_t{2}) + text("general.size_label") +
         raw(uint32_t{8}) + text("7M");
}

std::string fileOf(const std::vector<std::string>& infos, const std::string& data, uint64_t count = 0) {
  std::string out = "GGUF" + raw(uint32_t{3}) + raw(count > 0 ? count : uint64_t(infos.size())) + raw(uint64_t{6});
  out += pairs();
  for (const std::string& info : infos) out += info;
  out.resize((out.size() + 31) / 32 * 32);
  return out + data;
}

/// Two layers' attn_q of 2 × 3 in F32, and a quantised tensor.
std::string good() {
  std::string data;
  for (int i = 0; i < 6; ++i) data += raw(float(i));
  data.resize(32);
  for (int i = 0; i < 6; ++i) data += raw(float(10 + i));
  data.resize(64);
  data += std::string(18, 'q');
  return fileOf({tensorInfo("blk.0.attn_q.weight", {3, 2}, 0, 0), tensorInfo("blk.1.attn_q.weight", {3, 2}, 0, 32),
                 tensorInfo("blk.0.ffn_up.weight", {32, 1}, 2, 64)},
                data);
}

std::string message(const Folder& folder, const std::string& bytes) {
  try {
    openDump(folder.write("a.gguf", bytes));
  } catch (const Error& error) {
    return std::to_string(int(error.code())) + " " + error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("plain tensors of a GGUF model are read, quantised ones are listed", "[gguf][dump]") {
  const Folder folder;
  const Dump dump = openDump(folder.write("a.gguf", good()));
  CHECK(dump.format == "gguf");
  CHECK(dump.title == "Tiny");
  CHECK(dump.source == "GGUF, architecture llama, 2 blocks, size 7M, file type Q4_0");
  REQUIRE(dump.tensors.size() == 4);
  const Tensor* const plain = dump.find("blk.1.attn_q.weight");
  REQUIRE(plain);
  CHECK(plain->shape == std::vector<int64_t>{2, 3});
  std::vector<double> row;
  readRow(*plain, 1, 3, row);
  CHECK(row == std::vector<double>{13, 14, 15});
  const Tensor* const quantised = dump.find("blk.0.ffn_up.weight");
  REQUIRE(quantised);
  CHECK(quantised->dtype == DType::Unsupported);
  CHECK(quantised->dtypeName == "Q4_0");
  CHECK(quantised->unreadBytes == 18);
  // The names are those of the preset: layers and components stand side by side without a pattern.
  CHECK(dump.preferred == "weights");
  REQUIRE(dump.find("weights"));
  CHECK(dump.find("weights")->stack->preset == "gguf");
}

TEST_CASE("statistics of a GGUF model", "[gguf]") {
  const Folder folder;
  const std::string path = folder.write("a.gguf", good());
  const Ran ran = run({"compute", path, "--pattern", "blk.{layer}.attn_{component:q}.weight", "--metric", "mean", "-q",
                       "-o", "-", "--format", "csv"});
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK(ran.out == "layer,q\n0,2.5\n1,12.5\n");
  const Ran one = run({"compute", path + ":blk.1.attn_q.weight", "-q", "-o", "-", "--format", "csv"});
  INFO(one.err);
  CHECK(one.out == "row,0,1,2\n0,10,11,12\n1,13,14,15\n");
  const Ran refused = run({"compute", path, "--metric", "mean", "-q", "-o", folder / "out.csv"});
  CHECK(refused.code == 3);
  CHECK(has(refused.err, "Q4_0"));
  CHECK(has(refused.err, "blk.0.ffn_up.weight"));
}

TEST_CASE("broken GGUF files are refused", "[gguf][faults]") {
  using Catch::Matchers::ContainsSubstring;
  using Catch::Matchers::StartsWith;
  const Folder folder;
  const std::string whole = good();
  // Every place where the file can end.
  for (size_t size = 4; size < whole.size(); ++size) {
    INFO(size << " bytes");
    CHECK_THAT(message(folder, whole.substr(0, size)), StartsWith("3 "));
  }
  const auto one = [](const std::string& info) { return fileOf({info}, std::string(64, '\0')); };
  CHECK_THAT(message(folder, one(tensorInfo("a", {uint64_t{1} << 40, uint64_t{1} << 40}, 0, 0))),
             ContainsSubstring("63 bits"));
  CHECK_THAT(message(folder, one(tensorInfo("a", {uint64_t{1} << 63}, 0, 0))), StartsWith("3 "));
  CHECK_THAT(message(folder, one(tensorInfo("a", {4}, 0, 7))), ContainsSubstring("multiple of 32"));
  CHECK_THAT(message(folder, one(tensorInfo("a", {4}, 0, ~uint64_t{31}))), StartsWith("3 "));
  CHECK_THAT(message(folder, one(tensorInfo("a", {4000}, 0, 0))), ContainsSubstring("truncated"));
  CHECK_THAT(message(folder, one(tensorInfo("a", {1, 1, 1, 1, 1}, 0, 0))), ContainsSubstring("5 axes"));
  CHECK_THAT(message(folder, fileOf({tensorInfo("a", {4}, 0, 0), tensorInfo("a", {4}, 0, 32)}, std::string(64, '\0'))),
             ContainsSubstring("twice"));
  CHECK_THAT(message(folder, fileOf({tensorInfo("a", {12}, 0, 0), tensorInfo("b", {4}, 0, 32)}, std::string(64, '\0'))),
             ContainsSubstring("overlaps"));
  CHECK_THAT(message(folder, one(tensorInfo("a", {33}, 2, 0))), ContainsSubstring("blocks of 32"));
  CHECK_THAT(message(folder, fileOf({tensorInfo("a", {64}, 2, 0), tensorInfo("b", {4}, 0, 32)}, std::string(64, '\0'))),
             ContainsSubstring("overlaps"));
  CHECK_THAT(message(folder, fileOf({}, "", uint64_t{1} << 60)), ContainsSubstring("do not fit"));
  std::string old = whole;
  old[4] = 1;
  CHECK_THAT(message(folder, old), ContainsSubstring("version 1"));
  std::string swapped = whole;
  swapped.replace(4, 4, std::string("\0\0\0\x03", 4));
  CHECK_THAT(message(folder, swapped), ContainsSubstring("big-endian"));
}
