// --resume: a run that was cut goes on from what it had computed, and ends with the same bits.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "catch.h"
#include "dump/stack.h"
#include "gpu_fixture.h"
#include "program.h"

using namespace divlens;
using namespace divlens::test;

namespace {

using Words = std::vector<std::string>;

/// 6 examples of 4 layers and 5 tokens.
Dump smallDump() {
  Random random(7);
  Array array{.name = "logits",
              .axes = {{.name = "example", .length = 6},
                       {.name = "layer", .length = 4},
                       {.name = "token", .length = 5},
                       {.name = "vocab", .length = 300}},
              .kind = Kind::Logits,
              .dtype = DType::F32,
              .values = normals(random, 6 * 4 * 5 * 300, 3)};
  return dumpOf({array});
}

const PlanOptions kPlan = {.metrics = {"jsd", "kl"}, .reference = "layer=-1"};
constexpr int kPairs = 6 * 4 * 5;

/// A dump that takes long enough to be cut: shifted copies of one row of logits.
std::string longDump(const Folder& folder) {
  constexpr size_t kVocab = 65536, kRows = 64 * 24;
  std::vector<uint16_t> row(2 * kVocab);
  for (size_t i = 0; i < row.size(); ++i) row[i] = uint16_t(0x3800 + (i % kVocab) * 2654435761U % 0xc00);
  std::string data;
  data.reserve(kRows * kVocab * 2);
  for (size_t r = 0; r < kRows; ++r)
    data.append(reinterpret_cast<const char*>(row.data() + r * 977 % kVocab), kVocab * 2);
  return folder.write("long.npy",
                      npyBytes("{'descr': '<f2', 'fortran_order': False, 'shape': (64, 24, 65536), }", data));
}

Words wordsFor(const std::string& dump, const std::string& out, const Words& more) {
  Words words = {"compute", dump,       "--axes", "layer,token,vocab", "--metric",  "jsd", "--metric",
                 "kl",      "--metric", "tv",     "--metric",          "hellinger", "-o",  out};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// Starts the run and sends `signal` once it has computed something; again, with another patience, where that was too
/// early or too late.
Ran cut(const Words& words, const std::string& checkpoint, int signal) {
  int patience = 400;
  for (int attempt = 0; attempt < 20; ++attempt) {
    Running running(words, {});
    for (int i = 0; i < 2000 && !std::filesystem::exists(checkpoint); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::this_thread::sleep_for(std::chrono::milliseconds(patience));
    kill(running.pid(), signal);
    Ran ran = running.finish();
    if (ran.code != 0 && std::filesystem::exists(checkpoint)) return ran;
    patience = ran.code == 0 ? patience * 2 / 3 : patience * 5 / 4;
  }
  FAIL("the run could not be cut");
  return {};
}

}  // namespace

TEST_CASE_METHOD(GpuTest, "an evaluation goes on from a checkpoint with the same bits", "[resume][gpu]") {
  const Dump dump = smallDump();
  const Cells whole = run(dump, kPlan);
  for (const int64_t blockEntries : {int64_t{0}, int64_t{30}}) {
    for (const int tiles : {1, 7, 31, 60}) {
      INFO(tiles << " tiles, blocks of " << blockEntries);
      std::atomic<int> cancel{0};
      int left = tiles, saves = 0;
      Checkpoint checkpoint{.blocks = {}, .save = [&] { ++saves; }, .every = std::chrono::hours(1)};
      EvaluateOptions options{.tileBytes = 1, .blockEntries = blockEntries};
      options.progress = [&](uint64_t, uint64_t) {
        if (--left == 0) cancel = 2;
      };
      options.cancel = &cancel;
      options.checkpoint = &checkpoint;
      CHECK_REFUSED(run(dump, kPlan, options), Exit::Interrupted, "interrupted");
      CHECK(saves == 1);
      int kept = 0;
      for (const BlockValues& block : checkpoint.blocks) kept += int(block.pairs);
      CHECK((kept > 0 || tiles == 1));  // some tiles are always under way
      CHECK(kept < kPairs);

      cancel = 0;
      left = -1;
      const Cells rest = run(dump, kPlan, options);
      int all = 0;
      for (const BlockValues& block : checkpoint.blocks) all += int(block.pairs);
      CHECK(all == kPairs);
      for (size_t panel = 0; panel < whole.panels.size(); ++panel)
        CHECK(bits(rest.panels[panel]) == bits(whole.panels[panel]));
      CHECK(rest.cells == whole.cells);
    }
  }
}

TEST_CASE_METHOD(GpuTest, "parts of several processes make the whole, and are kept from time to time",
                 "[resume][ranks][gpu]") {
  const Dump dump = smallDump();
  const Cells whole = run(dump, kPlan);
  for (const int ranks : {2, 7}) {
    INFO(ranks << " processes");
    OneByOne together;
    int pairs = 0;
    for (int rank = ranks - 1; rank >= 0; --rank) {
      int saves = 0;
      Checkpoint checkpoint{.blocks = {}, .save = [&] { ++saves; }, .every = std::chrono::milliseconds(0)};
      EvaluateOptions options{.tileBytes = 1};
      options.share = together.share(rank, ranks);
      options.checkpoint = &checkpoint;
      const Cells cells = run(dump, kPlan, options);
      REQUIRE(checkpoint.blocks.size() == 1);
      CHECK((saves > 0) == (checkpoint.blocks[0].pairs > 0));
      pairs += int(checkpoint.blocks[0].pairs);
      if (rank > 0) continue;
      for (size_t panel = 0; panel < whole.panels.size(); ++panel)
        CHECK(bits(cells.panels[panel]) == bits(whole.panels[panel]));
      CHECK(cells.cells == whole.cells);
    }
    CHECK(pairs == kPairs);
  }
}

TEST_CASE_METHOD(GpuTest, "statistics of tensors go on from a checkpoint with the same bits",
                 "[resume][weights][gpu]") {
  // Past 256 MB a run finishes its tensors batch by batch.
  std::vector<StackEntry> entries;
  Random random(5);
  const Array one{"part", {{"entry", 9'000'000, {}, {}, {}}}, Kind::Unknown, DType::F32, normals(random, 9'000'000, 1)};
  Tensor part = tensorOf(one);
  for (int i = 0; i < 20; ++i) {
    part.shape = {9'000'000 - i};
    entries.push_back({part, {{std::to_string(i), false, {double(i)}}}, 0, "part"});
  }
  Dump dump;
  dump.path = "weights";
  dump.tensors.push_back(stackWhole("weights", layOut({"layer"}, entries), entries));
  PlanOptions plan;
  plan.metrics = {"std", "histogram-entropy"};
  const Cells whole = run(dump, plan);
  for (const int tiles : {1, 80, 130, 175}) {
    INFO(tiles << " tiles");
    std::atomic<int> cancel{0};
    int left = tiles, saves = 0;
    Checkpoint checkpoint{.blocks = {}, .save = [&] { ++saves; }, .every = std::chrono::hours(1)};
    EvaluateOptions options;
    options.progress = [&](uint64_t, uint64_t) {
      if (--left == 0) cancel = 2;
    };
    options.cancel = &cancel;
    options.checkpoint = &checkpoint;
    CHECK_REFUSED(run(dump, plan, options), Exit::Interrupted, "interrupted");
    REQUIRE(checkpoint.blocks.size() == 1);
    CHECK(saves == 1);
    CHECK((checkpoint.blocks[0].pairs > 0) == (tiles > 1));
    CHECK(checkpoint.blocks[0].pairs < 20);
    cancel = 0;
    left = -1;
    const Cells rest = run(dump, plan, options);
    CHECK(checkpoint.blocks[0].pairs == 20);
    for (size_t panel = 0; panel < whole.panels.size(); ++panel)
      CHECK(bits(rest.panels[panel]) == bits(whole.panels[panel]));
  }
}

TEST_CASE("fault 62: a run that a signal cuts keeps what it computed, and goes on", "[resume][faults]") {
  const Folder folder;
  const std::string dump = longDump(folder), file = folder / "state", out = folder / "out.npy";
  REQUIRE(run(wordsFor(dump, folder / "whole.npy", {"-q"})).code == 0);
  const std::string whole = readBytes(folder / "whole.npy");
  const Words words = wordsFor(dump, out, {"--resume", file});
  for (const auto& [signal, code] : {std::pair{SIGINT, 130}, {SIGTERM, 143}, {SIGHUP, 143}}) {
    INFO("signal " << signal);
    std::filesystem::remove(out);
    const Ran ran = cut(words, file, signal);
    INFO(ran.err);
    CHECK(ran.code == code);
    CHECK(has(ran.err, "state keeps what was computed"));
    CHECK(folder.names() == Words{"long.npy", "state", "whole.npy"});
    const Ran rest = run(words);
    INFO(rest.err);
    CHECK(rest.code == 0);
    CHECK(has(rest.err, "going on from"));
    CHECK(readBytes(out) == whole);
    CHECK_FALSE(std::filesystem::exists(file));
  }
}

TEST_CASE("statistics of a checkpoint that a signal cuts go on, but not with a changed shard",
          "[resume][weights][faults]") {
  const Folder folder;
  constexpr int64_t kLayers = 16, kSide = 640;
  Random random(8);
  const std::vector<double> values = normals(random, kSide * (kSide + kLayers), 1);
  const std::vector<float> floats(values.begin(), values.end());
  const std::string all(reinterpret_cast<const char*>(floats.data()), floats.size() * sizeof(float));
  std::string body, map;
  nlohmann::ordered_json header;
  for (int64_t layer = 0; layer < kLayers; ++layer) {
    const std::string name = "model.layers." + std::to_string(layer) + ".self_attn.q_proj.weight";
    const size_t begin = body.size();
    body += all.substr(size_t(layer) * kSide * 4, kSide * kSide * 4);
    header[name] = {{"dtype", "F32"}, {"shape", {kSide, kSide}}, {"data_offsets", {begin, body.size()}}};
    map += (layer == 0 ? "\"" : ", \"") + name + "\": \"one.safetensors\"";
  }
  const std::string checkpoint = folder / "model", state = folder / "state", out = folder / "out.npy";
  std::filesystem::create_directories(checkpoint);
  const std::string shard = folder.write("model/one.safetensors", safetensorsBytes(header.dump(), body));
  folder.write("model/config.json", R"({"model_type": "llama"})");
  folder.write("model/model.safetensors.index.json", R"({"weight_map": {)" + map + "}}");
  const auto wordsTo = [&](const std::string& to, const Words& more) {
    Words words = {"compute", checkpoint, "--metric", "effective-rank", "--metric", "kurtosis", "-o", to};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  REQUIRE(run(wordsTo(folder / "whole.npy", {"-q"})).code == 0);
  const Words words = wordsTo(out, {"--resume", state});
  for (const auto& [signal, code] : {std::pair{SIGINT, 130}, {SIGTERM, 143}}) {
    const Ran ran = cut(words, state, signal);
    INFO(ran.err);
    CHECK(ran.code == code);
    CHECK(has(ran.err, "state keeps what was computed"));
    CHECK_FALSE(std::filesystem::exists(out));
    if (signal == SIGTERM) break;
    const Ran rest = run(words);
    CHECK(rest.code == 0);
    CHECK(has(rest.err, "going on from"));
    CHECK(readBytes(out) == readBytes(folder / "whole.npy"));
    std::filesystem::remove(out);
  }
  const struct timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  REQUIRE(utimensat(AT_FDCWD, shard.c_str(), times, 0) == 0);
  const Ran changed = run(words);
  CHECK(changed.code == 2);
  CHECK(has(changed.err, "differs in inputs"));
  CHECK(std::filesystem::exists(state));
}

TEST_CASE("fault 71: a checkpoint of other inputs or options is rejected and left alone", "[resume][faults]") {
  const Folder folder;
  const std::string dump = longDump(folder), file = folder / "state", out = folder / "out.npy";
  cut(wordsFor(dump, folder / "cut.npy", {"-q", "--resume", file}), file, SIGINT);
  const std::string kept = readBytes(file);
  const auto rejected = [&](const Words& more, const std::string& text) {
    const Ran ran = run(wordsFor(dump, out, more));
    INFO(ran.err);
    CHECK(ran.code == 2);
    CHECK(has(ran.err, text));
    CHECK_FALSE(std::filesystem::exists(out));
  };
  rejected({"--resume", file, "--base", "2"}, "differs in options");
  rejected({"--resume", file, "--select", "token=3"}, "differs in");
  CHECK(readBytes(file) == kept);

  const struct timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  REQUIRE(utimensat(AT_FDCWD, dump.c_str(), times, 0) == 0);
  rejected({"--resume", file}, "differs in inputs");

  std::string damaged = kept;
  damaged[kept.size() / 2] ^= 1;
  rejected({"--resume", folder.write("damaged", damaged)}, "the checkpoint is damaged");
  rejected({"--resume", folder.write("cut", kept.substr(0, kept.size() - 9))}, "the checkpoint is damaged");
  rejected({"--resume", folder.write("short", kept.substr(0, 11))}, "the checkpoint is damaged");
  rejected({"--resume", folder.write("notes.txt", "my notes")}, "is not a checkpoint of divlens, and is left as it is");
  CHECK(readBytes(folder / "notes.txt") == "my notes");
  rejected({"--resume", folder / "."}, "is not a file");
  CHECK(run(wordsFor(dump, out, {"--resume", folder / "none/state"})).code == 6);

  // A run that ends leaves no checkpoint.
  const Ran small =
      run({"render", example("lens.safetensors"), "-q", "--resume", folder / "other", "-o", folder / "a.png"});
  CHECK(small.code == 0);
  CHECK_FALSE(std::filesystem::exists(folder / "other"));
}
