// Same bits however the work is cut: tiles, blocks, selections, orders, metrics beside each other.
#include "divergence/tiles.h"

#include <algorithm>
#include <set>

#include "divergence/stages.h"
#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;

namespace {

constexpr int64_t kLayers = 5, kTokens = 6, kExamples = 4, kVocab = 203;

Dump layers(DType dtype = DType::F16) {
  Random random(31);
  return dumpOf({{"logits",
                  {axis("example", kExamples), axis("layer", kLayers), axis("token", kTokens), axis("vocab", kVocab)},
                  Kind::Logits,
                  dtype,
                  normals(random, kExamples * kLayers * kTokens * kVocab, 3)}});
}

PlanOptions options(const std::vector<std::string>& metrics = {"jsd", "kl"}) {
  return {.rows = "layer", .columns = "token", .metrics = metrics, .reference = "layer=-1"};
}

void checkSame(const Cells& a, const Cells& b) {
  REQUIRE(a.panels.size() == b.panels.size());
  for (size_t panel = 0; panel < a.panels.size(); ++panel) CHECK(bits(a.panels[panel]) == bits(b.panels[panel]));
}

}  // namespace

TEST_CASE("blocks cover the grid once and respect their limit", "[tiles]") {
  const Dump dump = layers();
  const Plan plan = makePlan(dump, "", options());
  for (const int64_t limit : {4, 5, 8, 13, 24, 25, 60, 1000}) {
    CAPTURE(limit);
    std::set<std::pair<int64_t, int64_t>> seen;
    for (const Block& block : cutIntoBlocks(plan, limit)) {
      CHECK(block.cells() * plan.entriesPerCell() <= limit);
      for (int64_t row = block.firstRow; row < block.firstRow + block.rows; ++row)
        for (int64_t column = block.firstColumn; column < block.firstColumn + block.columns; ++column)
          CHECK(seen.insert({row, column}).second);
    }
    CHECK(int64_t(seen.size()) == kLayers * kTokens);
  }
  CHECK_REFUSED(cutIntoBlocks(plan, 3), Exit::Budget, "one cell is reduced over 4 entries");
}

TEST_CASE("the parts of a walk hold every pair once, and begin where they were left", "[tiles][ranks]") {
  const Dump dump = layers();
  const Plan plan = makePlan(dump, "", options());
  const EntryLayout layout = entryLayout(plan);
  const Block block = cutIntoBlocks(plan, 1000).front();
  const TileLimits limits{.bytes = 1 << 20, .cellRowBytes = 100, .referenceRowBytes = 100, .entries = 7};
  constexpr uint64_t kPairs = kLayers * kTokens * kExamples;
  const auto slotsOf = [&](const WalkPart& part) {
    std::vector<uint32_t> slots;
    TileWalk walk(plan, block, layout, limits, true, {}, part);
    while (const std::optional<Tile> tile = walk.next())
      for (const kernels::PairEntry& entry : tile->entries) slots.push_back(entry.slot);
    return slots;
  };
  for (const uint64_t parts : {1, 2, 7, 24, 50, 120, 200}) {
    CAPTURE(parts);
    std::set<uint32_t> seen;
    for (uint64_t part = 0; part < parts; ++part) {
      const std::vector<uint32_t> slots = slotsOf({.part = part, .parts = parts});
      for (const uint32_t slot : slots) CHECK(seen.insert(slot).second);
      // As many parts as there are tokens of examples: then no two read the same reference row.
      if (parts <= kTokens * kExamples) CHECK(slots.size() % kLayers == 0);
      for (const size_t done : {size_t{1}, slots.size() / 2, slots.size(), slots.size() + 9}) {
        const std::vector<uint32_t> rest = slotsOf({.part = part, .parts = parts, .done = done});
        CHECK(
            std::equal(rest.begin(), rest.end(), slots.begin() + ptrdiff_t(std::min(done, slots.size())), slots.end()));
      }
    }
    CHECK(seen.size() == kPairs);
  }
}

TEST_CASE_METHOD(GpuTest, "tiny tiles and blocks change no bit", "[gpu][tiles]") {
  for (const DType dtype : {DType::F16, DType::F32}) {
    const Dump dump = layers(dtype);
    const Cells whole = run(dump, options());
    for (const uint64_t tileBytes : {uint64_t{1}, uint64_t{3000}, uint64_t{20000}})
      for (const int64_t blockEntries : {int64_t{4}, int64_t{20}, int64_t{0}}) {
        CAPTURE(tileBytes, blockEntries);
        checkSame(whole, run(dump, options(), {.tileBytes = tileBytes, .blockEntries = blockEntries}));
      }
  }
}

TEST_CASE_METHOD(GpuTest, "a selection and its order change no bit of a cell", "[gpu][tiles]") {
  const Dump dump = layers();
  const Cells whole = run(dump, options());
  PlanOptions some = options();
  some.select = {"layer=3,0,2", "token=5,1"};
  const Cells got = run(dump, some);
  const int64_t rows[] = {3, 0, 2}, columns[] = {5, 1};
  for (size_t panel = 0; panel < 2; ++panel)
    for (int64_t row = 0; row < 3; ++row)
      for (int64_t column = 0; column < 2; ++column)
        CHECK(bits({got.at(panel, row, column)}) == bits({whole.at(panel, rows[row], columns[column])}));
}

TEST_CASE_METHOD(GpuTest, "a metric has the same bits alone and beside eight others", "[gpu][tiles]") {
  const Dump dump = layers();
  const std::vector<std::string> names = {"jsd",  "kl",      "tv",         "jeffreys",  "hellinger",
                                          "chi2", "renyi:2", "top1-agree", "kl-reverse"};
  const Cells together = run(dump, options(names));
  REQUIRE(together.panels.size() == names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    CAPTURE(names[i]);
    CHECK(bits(run(dump, options({names[i]})).panels[0]) == bits(together.panels[i]));
  }
}

TEST_CASE_METHOD(GpuTest, "a reference from another tensor has the same bits in tiny tiles", "[gpu][tiles]") {
  Random random(32);
  const Axis layer = axis("layer", 7), token = axis("token", 5), vocab = axis("vocab", 31);
  const Dump dump = dumpOf({{"cells", {layer, token, vocab}, Kind::Logits, DType::F16, normals(random, 7 * 5 * 31, 3)},
                            {"clean", {token, vocab}, Kind::Probs, DType::F32, std::vector<double>(5 * 31, 0.1)}});
  const PlanOptions plan{.tensor = "cells", .metrics = {"kl", "tv"}, .reference = "tensor:clean"};
  checkSame(run(dump, plan), run(dump, plan, {.tileBytes = 1, .blockEntries = 3}));
}

TEST_CASE_METHOD(GpuTest, "more pairs than one dispatch has workgroups", "[gpu][tiles]") {
  constexpr int64_t kRows = 290, kColumns = 230;  // 66,700 > 65,535
  Random random(33);
  const Array cells{"logits",
                    {axis("layer", kRows), axis("token", kColumns), axis("vocab", 2)},
                    Kind::Logits,
                    DType::F32,
                    normals(random, kRows * kColumns * 2, 1)};
  const Cells got = run(dumpOf({cells}), {.metrics = {"kl"}});
  double worst = 0;
  for (int64_t row = 0; row < kRows; ++row)
    for (int64_t column = 0; column < kColumns; column += 7) {
      const Oracle oracle(cells.row((kRows - 1) * kColumns + column), cells.row(row * kColumns + column));
      worst = std::max(worst, excess("kl", oracle("kl"), got.at(0, row, column)));
    }
  CHECK(worst <= 1);
  CHECK(got.cells == uint64_t(kRows * kColumns));
}

TEST_CASE_METHOD(GpuTest, "more values than one dispatch counts", "[gpu][tiles]") {
  constexpr int64_t kRows = 2100, kColumns = 2000;  // 4,200,000 values in groups of 64: 65,625 > 65,535
  Array table{"table", {axis("row", kRows), axis("column", kColumns)}, Kind::Scalar, DType::F32, {}};
  table.values.assign(size_t(kRows * kColumns), 1.5);
  table.values.back() = NAN;
  table.values[table.values.size() - 2] = INFINITY;
  table.values.front() = NAN;
  const Cells got = run(dumpOf({table}), {}, {.blockEntries = kRows * kColumns});
  CHECK(got.nans == 2);
  CHECK(got.infinities == 1);
  CHECK(got.at(0, kRows - 1, kColumns - 3) == 1.5F);
}
