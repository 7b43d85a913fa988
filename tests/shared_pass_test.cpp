// The fast way for rows of logits: rows read where they are mapped or through slots, alone or eight cells at a time,
// pairs that are given back, and files that shrink under their mapping.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstring>

#include "dump/mapping.h"
#include "dump/temporary.h"
#include "dump_fixtures.h"
#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;

namespace {

const std::vector<std::string> kFast = {"kl",      "kl-reverse", "jeffreys",   "jsd",           "js-distance",
                                        "tv",      "hellinger",  "chi2",       "renyi:0.5",     "renyi:3",
                                        "entropy", "max-prob",   "top1-agree", "cross-entropy", "entropy-difference",
                                        "jsd:0.3", "jsd:0.001"};

const std::vector<std::string> kStored = {"cosine", "l2"};

Array logits(int64_t layers, int64_t tokens, int64_t vocab, DType dtype) {
  Random random(7);
  return {"logits",
          {axis("layer", layers), axis("token", tokens), axis("vocab", vocab)},
          Kind::Logits,
          dtype,
          normals(random, layers * tokens * vocab, 3)};
}

/// The same bytes in a file, which can be mapped.
Dump inFile(const Array& array) {
  Tensor tensor = tensorOf(array);
  std::vector<std::byte> bytes(tensor.source->size());
  tensor.source->read(0, bytes);
  const auto file = std::make_shared<TemporaryFile>(bytes.size());
  file->write(0, bytes);
  tensor.source = file;
  return dump({tensor});
}

void checkSameBits(const Cells& a, const Cells& b) {
  REQUIRE(a.panels.size() == b.panels.size());
  for (size_t panel = 0; panel < a.panels.size(); ++panel) {
    CAPTURE(panel);
    CHECK(bits(a.panels[panel]) == bits(b.panels[panel]));
  }
}

/// A file that is gone with the test.
class ShortLived {
 public:
  explicit ShortLived(size_t bytes) {
    const int descriptor = mkstemp(name_);
    REQUIRE(descriptor >= 0);
    const std::vector<char> ones(bytes, 1);
    REQUIRE(write(descriptor, ones.data(), bytes) == ssize_t(bytes));
    close(descriptor);
  }
  ~ShortLived() { unlink(name_); }
  const char* name() const { return name_; }

 private:
  char name_[32] = "/tmp/divlens-test-XXXXXX";
};

}  // namespace

TEST_CASE_METHOD(GpuTest, "rows have the same bits read where they are mapped and through slots", "[gpu][shared]") {
  for (const DType dtype : {DType::F16, DType::BF16, DType::F32}) {
    const Array array = logits(5, 4, 4096, dtype);
    std::vector<std::string> metrics = kFast;
    metrics.insert(metrics.end(), kStored.begin(), kStored.end());
    const PlanOptions plan{.metrics = metrics, .reference = "layer=-1"};
    const Cells mapped = run(inFile(array), plan);
    checkSameBits(mapped, run(dumpOf({array}), plan));
    checkSameBits(mapped, run(inFile(array), plan, {.tileBytes = 3 * 4096 * 4}));
    for (size_t metric = 0; metric < metrics.size(); ++metric)
      for (int64_t token = 0; token < 4; ++token) {
        const float value = mapped.at(metric, 1, token);
        CAPTURE(metrics[metric], token, value, info(dtype).name);
        const Oracle oracle(array.row(16 + token), array.row(4 + token));
        // H(q) - H(p) is a difference: what cancels sets its error.
        const double cancels = metrics[metric] == "entropy-difference" ? 2 * oracle("entropy") : 0;
        CHECK(excess(metrics[metric], oracle(metrics[metric]), value, cancels) <= 1);
        const float own = mapped.at(metric, 4, token);  // the reference itself
        const double expected = Oracle(array.row(16 + token), array.row(16 + token))(metrics[metric]);
        CHECK((expected == 0 ? own == 0 : excess(metrics[metric], expected, own) <= 1));
      }
  }
}

TEST_CASE_METHOD(GpuTest, "how many cells share a reference row changes no bit", "[gpu][shared]") {
  // Enough rows that several cells share a workgroup; those of a selection go alone.
  const Array array = logits(16, 4, 200'000, DType::F16);
  const PlanOptions all{.metrics = {"kl", "jsd", "jeffreys"}, .reference = "layer=-1"};
  PlanOptions some = all;
  some.select = {"token=2"};
  const Cells together = run(dumpOf({array}), all);
  const Cells alone = run(dumpOf({array}), some);
  for (size_t metric = 0; metric < 3; ++metric)
    for (int64_t layer = 0; layer < 16; ++layer) CHECK(together.at(metric, layer, 2) == alone.at(metric, layer, 0));
}

TEST_CASE_METHOD(GpuTest, "rows at any distance keep their digits, whichever sums they are from", "[gpu][shared]") {
  // Layer i is the first one and noise, more in each: KL from 1e-7 to 10 nats.
  constexpr int64_t kLayers = 40, kVocab = 3000;
  const std::vector<std::string> metrics = {"kl", "kl-reverse", "jeffreys", "cross-entropy"};
  const gpu::Context gpu({.validation = true, .asGpu = true});
  for (const gpu::Context* device : {&context(), &gpu})
    for (const DType dtype : {DType::F16, DType::BF16, DType::F32})
      for (const double temperature : {1.0, 2.5}) {
        Array array = logits(kLayers, 1, kVocab, dtype);
        for (int64_t i = kVocab; i < kLayers * kVocab; ++i)
          array.values[size_t(i)] = array.values[size_t(i % kVocab)] +
                                    array.values[size_t(i)] * std::pow(10, -3.5 + 0.1 * double(i / kVocab));
        PlanOptions plan{.metrics = metrics, .reference = "layer=0", .temperature = temperature};
        const Cells cells = runOn(*device, dumpOf({array}), plan);
        plan.select = {"layer=20:24"};
        const Cells few = runOn(*device, dumpOf({array}), plan);
        for (size_t metric = 0; metric < metrics.size(); ++metric)
          for (int64_t layer = 1; layer < kLayers; ++layer) {
            const Oracle oracle(array.row(0), array.row(layer), temperature);
            const float value = cells.at(metric, layer, 0);
            CAPTURE(metrics[metric], layer, value, info(dtype).name, temperature, device == &gpu);
            CHECK(excess(metrics[metric], oracle(metrics[metric]), value) <= 0.5);
            if (layer >= 20 && layer < 24) CHECK(value == few.at(metric, layer - 20, 0));
          }
      }
  CHECK(gpu.validationMessages().empty());
}

TEST_CASE_METHOD(GpuTest, "pairs that the fast way cannot carry are exact all the same", "[gpu][shared]") {
  // A zero on one side, a finite sentinel, differences beyond exp's range, a NaN, and a pair like any other.
  constexpr int64_t kVocab = 1000;
  Array array = logits(6, 1, kVocab, DType::F32);
  const auto at = [&](int64_t layer, int64_t entry) -> double& { return array.values[size_t(layer * kVocab + entry)]; };
  at(0, 3) = -INFINITY;
  at(1, 3) = -3.0e38;
  for (int64_t i = 0; i < 500; ++i) at(2, i) += 120;
  at(3, 7) = NAN;
  const Cells mapped = run(inFile(array), {.metrics = kFast, .reference = "layer=-1"});
  for (size_t metric = 0; metric < kFast.size(); ++metric)
    for (const int64_t layer : {0, 1, 2, 4}) {
      const double expected = Oracle(array.row(5), array.row(layer))(kFast[metric]);
      const float value = mapped.at(metric, layer, 0);
      CAPTURE(kFast[metric], layer, expected, value);
      if (std::isinf(expected))
        CHECK(value == float(expected));
      else
        CHECK(excess(kFast[metric], expected, value) <= 1);
      CHECK(std::isnan(mapped.at(metric, 3, 0)));
    }
}

TEST_CASE_METHOD(GpuTest, "parameters near 0 and 1, and large ones, cost no digits", "[gpu][shared]") {
  constexpr int64_t kVocab = 2000;
  const std::vector<std::string> metrics = {"jsd:0.999999", "jsd:0.000001", "renyi:0.001",    "renyi:0.05",
                                            "renyi:20",     "renyi:1000",   "renyi:1.000001", "renyi:0.999999"};
  for (const auto& [dtype, kind] : {std::pair{DType::F32, Kind::Logits}, std::pair{DType::F64, Kind::LogProbs}}) {
    Random random(5);
    Array array{"x", {axis("layer", 6), axis("token", 1), axis("vocab", kVocab)}, kind, dtype, {}};
    const std::vector<double> common = normals(random, kVocab, 3);
    for (const double apart : {0.002, 0.01, 0.1, 0.5, 1.5, 0.0})
      for (const double x : common) array.values.push_back(x + apart * random.normal());
    const Cells cells = run(dumpOf({array}), {.metrics = metrics, .reference = "layer=-1"});
    for (size_t metric = 0; metric < metrics.size(); ++metric) {
      CHECK(cells.at(metric, 5, 0) == 0);
      for (int64_t layer = 0; layer < 5; ++layer) {
        const double expected = Oracle(array.row(5), array.row(layer))(metrics[metric]);
        CAPTURE(metrics[metric], layer, expected, cells.at(metric, layer, 0), info(dtype).name);
        CHECK(excess(metrics[metric], expected, cells.at(metric, layer, 0)) <= 1);
      }
    }
  }
}

TEST_CASE_METHOD(GpuTest, "sums of rows as they are stored take the entries that are compared", "[gpu][shared]") {
  // The end of a row that no step fills, and values whose squares float32 does not hold.
  constexpr int64_t kVocab = 1003;
  Array array = logits(5, 1, kVocab, DType::F32);
  const auto row = [&](int64_t layer) { return array.values.begin() + layer * kVocab; };
  std::transform(row(1), row(2), row(1), [](double x) { return x * 1e25; });
  *(row(2) + 3) = -INFINITY;
  std::fill(row(3), row(4), 0.0);
  const Cells all = run(inFile(array), {.metrics = kStored, .reference = "layer=-1"});
  const Cells some = run(inFile(array), {.metrics = kStored, .reference = "layer=-1", .vocab = 997});
  for (const auto& [cells, width] : {std::pair{&all, kVocab}, std::pair{&some, int64_t{997}}}) {
    OracleRow x = array.row(4), y = array.row(0);
    x.values.resize(size_t(width));
    y.values.resize(size_t(width));
    for (size_t metric = 0; metric < kStored.size(); ++metric)
      CHECK(excess(kStored[metric], Oracle(x, y)(kStored[metric]), cells->at(metric, 0, 0)) <= 1);
  }
  CHECK(std::isnan(all.at(0, 1, 0)));
  CHECK(all.at(1, 1, 0) == INFINITY);
  CHECK(std::isnan(all.at(0, 2, 0)));
  CHECK(all.at(1, 2, 0) == INFINITY);
  CHECK(std::isnan(all.at(0, 3, 0)));
  CHECK(excess("l2", Oracle(array.row(4), array.row(3))("l2"), all.at(1, 3, 0)) <= 1);
}

TEST_CASE_METHOD(GpuTest, "rows longer than a driver's loops last are read to their end", "[gpu][shared]") {
  // Eight invocations with eight elements a step would take 2 x 39,063 steps where the maximum is far from the sample.
  constexpr int64_t kVocab = 2'500'001;
  Array array = logits(2, 1, kVocab, DType::F16);
  array.values[size_t(kVocab - 3)] = 60;
  const std::vector<std::string> metrics = {"kl", "jsd", "entropy", "jsd:0.3"};
  const Cells cells = run(inFile(array), {.metrics = metrics, .reference = "layer=-1"});
  const Oracle oracle(array.row(1), array.row(0));
  for (size_t metric = 0; metric < metrics.size(); ++metric) {
    CAPTURE(metrics[metric], cells.at(metric, 0, 0));
    CHECK(excess(metrics[metric], oracle(metrics[metric]), cells.at(metric, 0, 0)) <= 1);
  }
}

TEST_CASE_METHOD(GpuTest, "halves that are far apart keep their digits", "[gpu][shared]") {
  // A row near zero, whose halves are fine, beside one of large ones, whose halves are coarse.
  constexpr int64_t kVocab = 300;
  for (const double far : {100.0, 1000.0, 16384.0, 65504.0}) {
    Array array = logits(2, 1, kVocab, DType::F16);
    for (int64_t i = 0; i < kVocab; ++i) array.values[size_t(i)] = far;
    const std::vector<std::string> metrics = {"kl", "kl-reverse", "jsd", "tv", "chi2", "hellinger", "renyi:2"};
    const Cells cells = run(inFile(array), {.metrics = metrics, .reference = "layer=-1"});
    for (size_t metric = 0; metric < metrics.size(); ++metric) {
      CAPTURE(far, metrics[metric]);
      CHECK(excess(metrics[metric], Oracle(array.row(1), array.row(0))(metrics[metric]), cells.at(metric, 0, 0)) <= 1);
    }
  }
}

TEST_CASE_METHOD(GpuTest, "what is known of a row alone needs no other row", "[gpu][shared]") {
  constexpr int64_t kVocab = 5000;
  Array array = logits(4, 1, kVocab, DType::F16);
  // The largest element is the first of equal ones, wherever lanes and steps meet it.
  for (const auto& [layer, entry] : {std::pair{0, 4321}, {0, 77}, {1, 77}, {2, 4321}, {3, 4321}, {3, 78}})
    array.values[size_t(layer * kVocab + entry)] = 40;
  const std::vector<std::string> metrics = {"entropy", "max-prob", "top1-agree"};
  const Cells cells = run(inFile(array), {.metrics = metrics, .reference = "layer:prev"});
  const float agree[] = {NAN, 1, 0, 0};
  for (int64_t layer = 0; layer < 4; ++layer) {
    CAPTURE(layer);
    for (size_t metric = 0; metric < 2; ++metric)
      CHECK(excess(metrics[metric], Oracle(array.row(layer), array.row(layer))(metrics[metric]),
                   cells.at(metric, layer, 0)) <= 1);
    CHECK((layer == 0 ? std::isnan(cells.at(2, 0, 0)) : cells.at(2, layer, 0) == agree[layer]));
  }
  for (size_t metric = 0; metric < 2; ++metric) {
    const Cells alone = run(inFile(array), {.metrics = {metrics[metric]}, .base = "2"});
    for (int64_t layer = 0; layer < 4; ++layer) {
      const float scale = metric == 0 ? float(1 / std::log(2.0)) : 1.0F;
      CHECK(alone.at(0, layer, 0) == cells.at(metric, layer, 0) * scale);
    }
  }
}

TEST_CASE_METHOD(GpuTest, "log-probabilities of targets are read where the rows are", "[gpu][shared]") {
  constexpr int64_t kVocab = 3001;
  for (const DType dtype : {DType::F16, DType::F32}) {
    Array array = logits(3, 4, kVocab, dtype);
    array.values[size_t(2 * 4 * kVocab + 1 * kVocab + 3000)] = -INFINITY;
    const Array targets{"targets", {axis("token", 4)}, Kind::Unknown, DType::I32, {0, 3000, -100, 3001}};
    const PlanOptions plan{.metrics = {"logprob", "cross-entropy", "kl", "rank"}, .reference = "target"};
    const Cells cells = run(dumpOf({array, targets}), plan);
    for (int64_t layer = 0; layer < 3; ++layer) {
      CAPTURE(layer, info(dtype).name);
      CHECK(excess("logprob", oracleOfTarget("logprob", array.row(layer * 4), 0), cells.at(0, layer, 0)) <= 1);
      for (const size_t metric : {size_t{1}, size_t{2}}) CHECK(cells.at(metric, layer, 0) == -cells.at(0, layer, 0));
      CHECK(double(cells.at(3, layer, 0)) == oracleOfTarget("rank", array.row(layer * 4), 0));
      CHECK(double(cells.at(3, layer, 1)) == oracleOfTarget("rank", array.row(layer * 4 + 1), 3000));
      for (size_t metric = 0; metric < 4; ++metric) {
        CHECK(std::isnan(cells.at(metric, layer, 2)));
        CHECK(std::isnan(cells.at(metric, layer, 3)));
      }
    }
    CHECK(cells.at(0, 2, 1) == -INFINITY);
    CHECK(cells.at(1, 2, 1) == INFINITY);
    CHECK(cells.at(2, 2, 1) == INFINITY);
  }
}

TEST_CASE("a mapping whose file is cut reads zero and says so", "[shared][faults]") {
  const size_t bytes = 64 * 4096;
  const ShortLived file(bytes);
  const auto source = openFile(file.name());
  const std::unique_ptr<Mapping> mapping = Mapping::open(*source, std::array{Mapping::Piece{100, bytes - 100}});
  REQUIRE(mapping);
  CHECK(mapping->start(0) == 100);
  CHECK(mapping->pages()[bytes - 1] == std::byte{1});
  CHECK_NOTHROW(mapping->check());
  REQUIRE(truncate(file.name(), 8192) == 0);
  CHECK(mapping->pages()[bytes - 1] == std::byte{0});
  CHECK_THAT(failure(Exit::BadInput, [&] { mapping->check(); }), ContainsSubstring("changed while reading"));
}

TEST_CASE("what is no file of its own is not mapped", "[shared]") {
  CHECK(Mapping::open(*memoryBytes("memory", std::vector<std::byte>(64)), std::array{Mapping::Piece{0, 64}}) ==
        nullptr);
  const ShortLived file(4096);
  CHECK(Mapping::open(*openFile(file.name()), std::array{Mapping::Piece{4000, 97}}) == nullptr);
}
