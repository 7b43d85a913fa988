// llama.cpp's files of log-probabilities: tests/data/tiny.kld is 3 chunks of 9 tokens over 11 entries, see
// tools/make_test_data.py.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "dump_fixtures.h"
#include "program.h"

using namespace divlens;
using namespace divlens::test;

namespace {

constexpr size_t kChunks = 3, kTokens = 4, kVocab = 11, kRows = kChunks * kTokens, kRowBytes = 8 + 2 * 12;
constexpr size_t kRowsBegin = 20 + 4 * 9 * kChunks;

/// The log-probabilities that llama.cpp started from, cut at 16 below the largest as it cuts them.
std::vector<double> logProbs(size_t row) {
  std::vector<double> values(kVocab);
  for (size_t v = 0; v < kVocab; ++v)
    values[v] = pattern(int64_t(kVocab * row + v), true) * (row == kRows - 1 ? 10 : 1);
  double sum = 0;
  for (double x : values) sum += std::exp(x);
  const double largest = *std::max_element(values.begin(), values.end());
  for (double& x : values) x = std::max(x, largest - 16) - std::log(sum);
  return values;
}

/// Two bytes a value: the step between neighbouring ones.
double stepOf(const std::vector<double>& row) {
  const auto [low, high] = std::minmax_element(row.begin(), row.end());
  return (*high - *low) / 65535;
}

}  // namespace

TEST_CASE("llama.cpp's log-probabilities and targets are read", "[kld]") {
  const Dump dump = openDump(data("tiny.kld"));
  CHECK(dump.format == "kld");
  CHECK(dump.notes.empty());
  REQUIRE(dump.tensors.size() == 2);
  const Tensor& rows = dump.tensors[0];
  CHECK(rows.name == "logprobs");
  CHECK(rows.kind == Kind::LogProbs);
  CHECK(rows.shape == std::vector<int64_t>{kChunks, kTokens, kVocab});
  CHECK(rows.axes[0].name == "chunk");
  CHECK(rows.axes[1].labels == std::vector<std::string>{"4", "5", "6", "7"});
  const std::vector<float> values = allElements(rows);
  REQUIRE(values.size() == kRows * kVocab);
  for (size_t row = 0; row < kRows; ++row) {
    const std::vector<double> expected = logProbs(row);
    for (size_t v = 0; v < kVocab; ++v)
      REQUIRE(std::abs(double(values[row * kVocab + v]) - expected[v]) < stepOf(expected) * 0.5 + 2e-6);
  }
  // The target of the row of token t is token t + 1.
  CHECK(readIntegers(*dump.find("targets")) == std::vector<int64_t>{5, 6, 7, 8, 3, 4, 5, 6, 1, 2, 3, 4});
  // Some of a row, from within it.
  std::vector<float> part(5);
  readElements(rows, int64_t(kVocab) * 2 - 2, part);
  CHECK(part == std::vector<float>(values.begin() + kVocab * 2 - 2, values.begin() + kVocab * 2 + 3));
}

TEST_CASE("a grid of chunks and tokens comes out of a .kld, with targets and against another run", "[kld]") {
  const auto csv = [](std::vector<std::string> more) {
    std::vector<std::string> words = {"compute", data("tiny.kld"), "-q", "-o", "-", "--format", "json"};
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = run(words);
    INFO(ran.err);
    REQUIRE(ran.code == 0);
    return nlohmann::json::parse(ran.out);
  };
  const nlohmann::json logs = csv({"--metric", "logprob", "--reference", "target", "--verify", "5"});
  CHECK(logs["rows"]["axis"] == "chunk");
  CHECK(logs["columns"]["labels"] == nlohmann::json({"4", "5", "6", "7"}));
  const std::vector<int64_t> targets = readIntegers(*openDump(data("tiny.kld")).find("targets"));
  for (size_t row = 0; row < kRows; ++row) {
    const std::vector<double> expected = logProbs(row);
    const double got = logs["panels"][0]["values"][row / kTokens][row % kTokens];
    CHECK(std::abs(got - expected[size_t(targets[row])]) < stepOf(expected) + 1e-5);
  }
  // Against itself every cell is exactly 0.
  const nlohmann::json same = csv({"--metric", "kl", "--reference", "file:" + data("tiny.kld") + ":logprobs"});
  for (const auto& line : same["panels"][0]["values"])
    for (const auto& cell : line) CHECK(cell == 0.0);
}

TEST_CASE("what is wrong with a .kld is said", "[kld][faults]") {
  const std::string whole = readBytes(data("tiny.kld"));
  REQUIRE(whole.size() == kRowsBegin + kRows * kRowBytes);
  const Folder folder;
  const auto compute = [&](const std::string& bytes, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"compute", folder.write("a.kld", bytes), "-o", "-", "--format", "csv", "--metric",
                                      "entropy"};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  };
  const auto refused = [&](const std::string& bytes, const std::string& words) {
    const Ran ran = compute(bytes);
    INFO(ran.err);
    CHECK(ran.code == 3);
    CHECK(ran.out.empty());
    CHECK(has(ran.err, words));
  };
  const auto with = [&](size_t at, auto value) {
    std::string bytes = whole;
    std::memcpy(bytes.data() + at, &value, sizeof value);
    return bytes;
  };
  refused(whole.substr(0, 12), "truncated");
  refused(whole.substr(0, 60), "not one complete chunk");
  refused(with(12, int32_t(-4)), "cannot be");
  refused(with(8, int32_t(2)), "cannot be");
  refused(with(16, int32_t(0x7fffffff)), "not one complete chunk");
  refused(with(12, int32_t(0x7fffffff)), "not one complete chunk");
  refused(with(kRowsBegin, std::nanf("")), "broken row");
  // llama.cpp does not notice a full disk: the chunks that are there can be used.
  const std::string cut = whole.substr(0, whole.size() - 3);
  refused(cut, "2 complete chunks are available, --partial");
  const Ran partial = compute(cut, {"--partial"});
  CHECK(partial.code == 0);
  CHECK(std::count(partial.out.begin(), partial.out.end(), '\n') == 3);
  const Ran trailing = compute(whole + "more");
  CHECK(trailing.code == 0);
  CHECK(has(trailing.err, "4 trailing bytes"));
}
