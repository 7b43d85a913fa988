// Reading while computing: references of every kind, progress, interruption, budgets, files that shrink.
#include <algorithm>
#include <atomic>
#include <cmath>

#include "dump_fixtures.h"
#include "gpu_fixture.h"
#include "shaders/kernels.h"

using namespace divlens;
using namespace divlens::test;

namespace {

constexpr int64_t kLayers = 4, kTokens = 3, kVocab = 41;

Array logits(uint32_t seed = 41) {
  Random random(seed);
  return {"logits",
          {axis("layer", kLayers, {"emb", "a", "b", "c"}), axis("token", kTokens), axis("vocab", kVocab)},
          Kind::Logits,
          DType::F32,
          normals(random, kLayers * kTokens * kVocab, 2)};
}

/// Checks kl of all cells; `reference` gives the row that a cell is compared with, or none for NaN.
template <typename ReferenceRow>
void checkKl(const Array& cells, const Cells& got, ReferenceRow reference) {
  for (int64_t layer = 0; layer < kLayers; ++layer)
    for (int64_t token = 0; token < kTokens; ++token) {
      const std::optional<OracleRow> row = reference(layer, token);
      const float value = got.at(0, layer, token);
      CAPTURE(layer, token, value);
      if (!row)
        CHECK(std::isnan(value));
      else
        CHECK(excess("kl", Oracle(*row, cells.row(layer * kTokens + token))("kl"), value) <= 1);
    }
}

using Row = std::optional<OracleRow>;

}  // namespace

TEST_CASE_METHOD(GpuTest, "an entry of an axis is a reference by position and by label", "[gpu][stream]") {
  const Array cells = logits();
  for (const char* reference : {"layer=1", "layer=a", "layer=-3"})
    checkKl(cells, run(dumpOf({cells}), {.metrics = {"kl"}, .reference = reference}),
            [&](int64_t, int64_t token) { return Row(cells.row(kTokens + token)); });
  checkKl(cells, run(dumpOf({cells}), {.metrics = {"kl"}, .reference = "token=2"}),
          [&](int64_t layer, int64_t) { return Row(cells.row(layer * kTokens + 2)); });
}

TEST_CASE_METHOD(GpuTest, "neighbours are references, and entries without one are NaN and counted", "[gpu][stream]") {
  const Array cells = logits();
  const Cells before = run(dumpOf({cells}), {.metrics = {"kl", "entropy"}, .reference = "layer:prev"});
  checkKl(cells, before, [&](int64_t layer, int64_t token) {
    return layer == 0 ? Row() : Row(cells.row((layer - 1) * kTokens + token));
  });
  CHECK(before.nans == kTokens);
  for (int64_t token = 0; token < kTokens; ++token) CHECK(std::isfinite(before.at(1, 0, token)));
  const Cells after = run(dumpOf({cells}), {.metrics = {"kl"}, .reference = "token:next"});
  checkKl(cells, after, [&](int64_t layer, int64_t token) {
    return token == kTokens - 1 ? Row() : Row(cells.row(layer * kTokens + token + 1));
  });
  CHECK(after.nans == kLayers);
}

TEST_CASE_METHOD(GpuTest, "a neighbour is that of the dump, whatever is selected", "[gpu][stream]") {
  const Array cells = logits();
  const Cells got = run(dumpOf({cells}), {.select = {"layer=3,1"}, .metrics = {"kl"}, .reference = "layer:prev"});
  for (int64_t token = 0; token < kTokens; ++token) {
    CHECK(excess("kl", Oracle(cells.row(2 * kTokens + token), cells.row(3 * kTokens + token))("kl"),
                 got.at(0, 0, token)) <= 1);
    CHECK(excess("kl", Oracle(cells.row(token), cells.row(kTokens + token))("kl"), got.at(0, 1, token)) <= 1);
  }
}

TEST_CASE_METHOD(GpuTest, "another tensor is broadcast, and its axes are matched by name", "[gpu][stream]") {
  const Array cells = logits();
  Random random(42);
  const Array perToken{"clean",
                       {axis("token", kTokens), axis("vocab", kVocab)},
                       Kind::Logits,
                       DType::F16,
                       normals(random, kTokens * kVocab, 2)};
  checkKl(cells, run(dumpOf({cells, perToken}), {.tensor = "logits", .metrics = {"kl"}, .reference = "tensor:clean"}),
          [&](int64_t, int64_t token) { return Row(perToken.row(token)); });
  const Array turned{"clean",
                     {axis("token", kTokens), axis("layer", kLayers), axis("vocab", kVocab)},
                     Kind::Logits,
                     DType::BF16,
                     normals(random, kTokens * kLayers * kVocab, 2)};
  checkKl(cells, run(dumpOf({cells, turned}), {.tensor = "logits", .metrics = {"kl"}, .reference = "tensor:clean"}),
          [&](int64_t layer, int64_t token) { return Row(turned.row(token * kLayers + layer)); });
}

TEST_CASE_METHOD(GpuTest, "logits are compared with probabilities", "[gpu][stream]") {
  const Array cells = logits();
  Array clean{"clean", {axis("token", kTokens), axis("vocab", kVocab)}, Kind::Probs, DType::F32, {}};
  Random random(43);
  for (int64_t i = 0; i < kTokens * kVocab; ++i) clean.values.push_back(random.uniform() / kVocab);
  const Cells got = run(dumpOf({cells, clean}), {.tensor = "logits", .metrics = {"kl"}, .reference = "tensor:clean"});
  checkKl(cells, got, [&](int64_t, int64_t token) { return Row(clean.row(token)); });
}

TEST_CASE_METHOD(GpuTest, "a file is a reference, and so is the mean over an axis", "[gpu][stream]") {
  const Array cells = logits(), other = logits(99);
  const TempDir dir;
  std::vector<float> values(other.values.begin(), other.values.end());
  const std::string file = dir.write(
      "other.npy", npy(npyDict("<f4", false, fmt::format("({}, {}, {})", kLayers, kTokens, kVocab)), bytesOf(values)));
  checkKl(cells,
          run(dumpOf({cells}),
              {.axes = {"layer", "token", "vocab"}, .kind = "logits", .metrics = {"kl"}, .reference = "file:" + file}),
          [&](int64_t layer, int64_t token) { return Row(other.row(layer * kTokens + token)); });
  checkKl(cells, run(dumpOf({cells}), {.metrics = {"kl"}, .reference = "mean:layer"}), [&](int64_t, int64_t token) {
    OracleRow mean{std::vector<double>(kVocab, 0), Kind::Probs};
    for (int64_t layer = 0; layer < kLayers; ++layer) {
      const Distribution d = distribution(cells.row(layer * kTokens + token), 1);
      for (size_t i = 0; i < mean.values.size(); ++i) mean.values[i] += double(d.p[i]) / kLayers;
    }
    return Row(mean);
  });
}

TEST_CASE_METHOD(GpuTest, "progress rises to the bytes in all", "[gpu][stream]") {
  uint64_t last = 0, all = 0;
  bool rises = true;
  EvaluateOptions options{.tileBytes = 1};
  options.progress = [&](uint64_t done, uint64_t total) {
    rises = rises && done >= last && done <= total;
    last = done;
    all = total;
  };
  run(dumpOf({logits()}), {.metrics = {"kl"}}, options);
  CHECK(rises);
  CHECK(all >= uint64_t(kLayers * kTokens * kVocab * 4));
  CHECK(last == all);
}

TEST_CASE_METHOD(GpuTest, "an evaluation that is interrupted ends with the signal's exit code", "[gpu][stream]") {
  for (const auto& [signal, exit] : {std::pair{2, Exit::Interrupted}, {15, Exit::Terminated}}) {
    const std::atomic<int> cancel{signal};
    EvaluateOptions options;
    options.cancel = &cancel;
    CHECK_REFUSED(run(dumpOf({logits()}), {.metrics = {"kl"}}, options), exit, "interrupted");
  }
}

TEST_CASE_METHOD(GpuTest, "a pair of rows that exceeds the memory allowed is refused", "[gpu][stream]") {
  EvaluateOptions options;
  options.maxGpuMemory = 512;
  CHECK_REFUSED(run(dumpOf({logits()}), {.metrics = {"kl"}}, options), Exit::Budget, "--vocab");
}

TEST_CASE_METHOD(GpuTest, "a file that shrinks while it is read is an error, not numbers", "[gpu][stream]") {
  const TempDir dir;
  const Array cells = logits();
  const std::vector<float> values(cells.values.begin(), cells.values.end());
  const std::string bytes =
      npy(npyDict("<f4", false, fmt::format("({}, {}, {})", kLayers, kTokens, kVocab)), bytesOf(values));
  const std::string file = dir.write("cells.npy", bytes);
  const Dump dump = openDump(file);
  std::filesystem::resize_file(file, bytes.size() / 2);
  CHECK_REFUSED(run(dump, {.metrics = {"kl"}}), Exit::BadInput, "changed while reading");
}

TEST_CASE_METHOD(GpuTest, "previews show finished cells as they will be and all others masked", "[gpu][stream]") {
  const Array cells = logits();
  const Dump dump = dumpOf({cells});
  const Plan plan = makePlan(dump, "", {.metrics = {"kl"}});
  const Result whole = evaluate(context(), plan);
  const std::vector<uint32_t> expected = bits(whole.grid.read(context(), 0));
  Result result = emptyResult(context(), plan);
  for (uint32_t cell : bits(result.grid.read(context(), 0))) CHECK(cell == kernels::kMaskedBits);
  std::vector<size_t> finished;
  EvaluateOptions options{.tileBytes = 1, .preview = {}, .previewEvery = std::chrono::milliseconds(0)};
  options.preview = [&] {
    const std::vector<uint32_t> got = bits(result.grid.read(context(), 0));
    finished.push_back(0);
    for (size_t i = 0; i < got.size(); ++i) {
      if (got[i] == kernels::kMaskedBits) continue;
      CHECK(got[i] == expected[i]);
      ++finished.back();
    }
  };
  evaluateInto(result, context(), plan, options);
  REQUIRE(finished.size() > 2);
  CHECK(finished.front() > 0);
  CHECK(finished.front() < finished.back());
  CHECK(std::is_sorted(finished.begin(), finished.end()));
  CHECK(bits(result.grid.read(context(), 0)) == expected);
}

TEST_CASE_METHOD(GpuTest, "rows that several threads read make the same bits", "[gpu][stream]") {
  // Rows of 128 KiB: eight make a part, so that four threads have something to do.
  Random random(3);
  for (const DType dtype : {DType::F16, DType::F64}) {
    const Array array{"logits",
                      {axis("layer", 8), axis("token", 6), axis("vocab", 65'521)},
                      Kind::Logits,
                      dtype,
                      normals(random, 8 * 6 * 65'521, 2)};
    const PlanOptions plan{.metrics = {"kl", "l2"}, .reference = "layer=-1"};
    const Cells alone = run(dumpOf({array}), plan, {.readThreads = 1});
    const Cells together = run(dumpOf({array}), plan, {.readThreads = 4});
    for (size_t metric = 0; metric < 2; ++metric) CHECK(bits(alone.panels[metric]) == bits(together.panels[metric]));
  }
}

TEST_CASE_METHOD(GpuTest, "rows that are copied to a device's own memory make the same bits", "[gpu][stream]") {
  const gpu::Context apart({.validation = true, .apart = true});
  CHECK_FALSE(apart.unifiedMemory());
  CHECK(apart.freeMemory() <= apart.info().memory);  // 0 where the driver does not say
  const Array cells = logits();
  Array other = logits(42);
  other.name = "clean";
  // Many tiles, both sides of one tensor and of two, the fast kernels and the general ones.
  const EvaluateOptions small{.tileBytes = 5 * kVocab * 4};
  for (const char* reference : {"layer=-1", "tensor:clean"}) {
    const PlanOptions plan{
        .tensor = "logits", .metrics = {"kl", "jsd", "entropy", "l2", "jsd:0.3"}, .reference = reference};
    const Cells here = run(dumpOf({cells, other}), plan, small);
    const Cells there = runOn(apart, dumpOf({cells, other}), plan, small);
    for (size_t metric = 0; metric < 5; ++metric) CHECK(bits(here.panels[metric]) == bits(there.panels[metric]));
  }
  std::atomic<int> signal = 2;
  CHECK_THROWS(runOn(apart, dumpOf({cells}), {.metrics = {"kl"}}, {.tileBytes = 5 * kVocab * 4, .cancel = &signal}));
  for (const std::string& message : apart.validationMessages()) UNSCOPED_INFO(message);
  CHECK(apart.validationMessages().empty());
}

TEST_CASE("cells that share a workgroup of a GPU change no bit, and lanes no digit that counts", "[gpu][as-gpu]") {
  const Array cells = logits();
  const PlanOptions plan{.metrics = {"kl", "jsd", "kl-reverse", "hellinger", "cosine"}, .reference = "layer=-1"};
  const Cells processor = run(dumpOf({cells}), plan);
  Cells alone;
  for (const uint32_t lanes : {32U, 256U}) {
    for (const uint32_t shared : {1U, 2U, 8U}) {
      CAPTURE(lanes, shared);
      const gpu::Context gpu({.validation = true, .asGpu = true, .lanes = lanes, .sharedCells = shared});
      CHECK_FALSE(gpu.isCpu());
      const Cells got = runOn(gpu, dumpOf({cells}), plan);
      if (shared == 1) alone = got;
      for (size_t metric = 0; metric < plan.metrics.size(); ++metric) {
        CHECK(bits(got.panels[metric]) == bits(alone.panels[metric]));
        for (size_t i = 0; i < got.panels[metric].size(); ++i)
          CHECK_THAT(got.panels[metric][i], Catch::Matchers::WithinRel(processor.panels[metric][i], 2e-5F) ||
                                                Catch::Matchers::WithinAbs(processor.panels[metric][i], 1e-9F));
      }
      for (const std::string& message : gpu.validationMessages()) UNSCOPED_INFO(message);
      CHECK(gpu.validationMessages().empty());
    }
  }
}
