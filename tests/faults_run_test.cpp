// Faults beyond the file's form, in the built program: values, options, devices, outputs, signals, surroundings.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "catch.h"
#include "figure/png.h"
#include "program.h"

using namespace divlens::test;

namespace {

using Words = std::vector<std::string>;
const float kInf = INFINITY;

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// The cells of [layer, 1, vocab] logits, first column.
std::vector<float> cells(const Folder& folder, const std::vector<float>& logits, long layers, const Words& more) {
  const std::string dump = folder.write("l.npy", npyOf({layers, 1, long(logits.size()) / layers}, logits));
  const Ran ran = run(with({"compute", dump, "--axes", "layer,token,vocab", "-o", folder / "l_out.npy"}, more));
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  return parseNpy(readBytes(folder / "l_out.npy")).values;
}

divlens::PngImage render(const Folder& folder, const std::string& dump, const Words& more = {}) {
  const Ran ran = run(with({"render", dump, "-o", folder / "figure.png"}, more));
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  return divlens::readPng(folder / "figure.png");
}

const std::string& scalarTable() {
  static const std::string path = example("steps.csv");
  return path;
}

}  // namespace

TEST_CASE("fault 39: NaN cells are counted, and a whole grid of them is an error only under --strict", "[faults]") {
  const Folder folder;
  const std::string one = folder.write("one.npy", npyOf({2, 2}, {1, 2, NAN, 4}));
  const Ran some = run({"render", one, "-o", folder / "one.png"});
  INFO(some.err);
  CHECK(some.code == 0);
  CHECK(has(some.err, "1 of 4 values are NaN"));
  const std::string all = folder.write("all.npy", npyOf({2, 2}, {NAN, NAN, NAN, NAN}));
  const Ran drawn = run({"render", all, "-o", folder / "all.png"});
  INFO(drawn.err);
  CHECK(drawn.code == 0);
  CHECK(has(drawn.err, "4 of 4"));
  CHECK(divlens::readPng(folder / "all.png").header.width > 0);
  const Ran strict = run({"render", all, "--strict", "-o", folder / "strict.png"});
  CHECK(strict.code == 1);
  // Rows that are not what they are taken for.
  const std::string rows = folder.write("rows.npy", npyOf({1, 2}, {0.5, 0.9}));
  const Words asRows = {"compute", rows, "--axes", "token,vocab", "--kind", "probs", "--metric", "entropy"};
  CHECK(run(with(asRows, {"-o", folder / "rows.csv"})).code == 0);
  const Ran strictRows = run(with(asRows, {"--strict", "-o", folder / "strict.csv"}));
  INFO(strictRows.err);
  CHECK(strictRows.code == 1);
  CHECK(folder.names() == Words{"all.npy", "all.png", "one.npy", "one.png", "rows.csv", "rows.npy"});
}

TEST_CASE("fault 40: infinite and extreme logits have the cells that are promised", "[faults]") {
  const Folder folder;
  // The last row is the reference; before it: +inf, only -inf, a finite sentinel, float16's extremes, -inf on both
  // sides.
  const std::vector<float> rows = {kInf, 0, 0,      -kInf, -kInf, -kInf, 0, -3.4e38F, -kInf,
                                   0,    1, -65504, 65504, 0,     -kInf, 1, 2,        -kInf};
  const std::vector<float> kl = cells(folder, rows, 6, {"--metric", "kl"});
  REQUIRE(kl.size() == 6);
  CHECK(std::isnan(kl[0]));
  CHECK(std::isnan(kl[1]));
  // The reference gives 1/(1 + 1/e) to an entry whose ln q is -3.4e38.
  CHECK(kl[2] == Catch::Approx(3.4e38 / (1 + std::exp(-1.0))).epsilon(1e-4));
  CHECK(std::isfinite(kl[3]));
  CHECK(kl[4] == Catch::Approx(65504 / (1 + std::exp(-1.0))).epsilon(1e-4));
  CHECK(kl[5] == 0);
  const std::vector<float> jsd = cells(folder, rows, 6, {"--metric", "jsd"});
  CHECK(std::isnan(jsd[1]));
  for (size_t i : {2U, 3U, 4U, 5U}) CHECK((jsd[i] >= 0 && jsd[i] <= std::log(2.0F)));
}

TEST_CASE("fault 41: identical inputs are exactly zero, and draw", "[faults]") {
  const Folder folder;
  std::vector<float> rows;
  for (int layer = 0; layer < 3; ++layer)
    for (int v = 0; v < 700; ++v) rows.push_back(float(std::sin(v * 1.7) * 9));
  for (const char* metric : {"kl", "kl-reverse", "jsd", "js-distance", "jeffreys", "tv", "hellinger", "chi2", "renyi:2",
                             "entropy-difference", "l2"}) {
    INFO(metric);
    for (float value : cells(folder, rows, 3, {"--metric", metric})) CHECK(value == 0);
  }
  CHECK(render(folder, folder / "l.npy", {"--axes", "layer,token,vocab"}).header.width > 0);
}

TEST_CASE("fault 42: probabilities taken for logits, and logits taken for probabilities, are pointed out", "[faults]") {
  const Folder folder;
  const std::string probs = folder.write("p.npy", npyOf({2, 1, 4}, {.1F, .2F, .3F, .4F, .4F, .3F, .2F, .1F}));
  const Ran asLogits = run({"compute", probs, "--axes", "layer,token,vocab", "-o", folder / "a.csv"});
  CHECK(asLogits.code == 0);
  CHECK(has(asLogits.err, "--kind probs"));
  const Ran right = run({"compute", probs, "--axes", "layer,token,vocab", "--kind", "probs", "-o", folder / "b.csv"});
  CHECK(right.code == 0);
  CHECK_FALSE(has(right.err, "warning"));
  CHECK(readBytes(folder / "a.csv") != readBytes(folder / "b.csv"));
  const std::string logits = folder.write("l.npy", npyOf({2, 1, 4}, {1, 2, 3, 4, 5, 3, 2, 1}));
  const Ran asProbs =
      run({"compute", logits, "--axes", "layer,token,vocab", "--kind", "probs", "-o", folder / "c.csv"});
  CHECK(asProbs.code == 0);
  CHECK(has(asProbs.err, "warning"));
}

TEST_CASE("faults 43, 44: figure options that cannot be", "[faults]") {
  const Folder folder;
  struct Case {
    Words words;
    const char* part;
  };
  const std::vector<Case> cases = {{{"--vmin", "2", "--vmax", "1"}, "vmin"},
                                   {{"--vmin", "1", "--vmax", "1"}, "vmin"},
                                   {{"--vmin", "nan"}, "vmin"},
                                   {{"--norm", "log", "--vmin", "0"}, "vmin"},
                                   {{"--cmap", "virids"}, "did you mean 'viridis'"},
                                   {{"--norm", "logarithmic"}, "log"},
                                   {{"--annot", "--fmt", "%n"}, "--"},
                                   {{"--figsize", "0,3"}, "figsize"},
                                   {{"--figsize", "1e6,1e6in"}, "figsize"},
                                   {{"--figsize", "wide"}, "figsize"},
                                   {{"--dpi", "1e9"}, "dpi"},
                                   {{"--dpi", "0"}, "dpi"}};
  for (const Case& c : cases) {
    INFO(fmt::format("{} {}", c.words[0], c.words.back()));
    const Ran ran = run(with({"render", scalarTable(), "-o", folder / "figure.png"}, c.words));
    INFO(ran.err);
    CHECK(ran.code == 2);
    CHECK(has(ran.err, c.part));
    CHECK(ran.seconds < 10);
    CHECK(folder.names().empty());
  }
}

TEST_CASE("fault 45: grids of one cell, of one long line, and with more columns than pixels", "[faults]") {
  const Folder folder;
  for (const auto& [rows, columns] : {std::pair<long, long>{1, 1}, {1, 100000}, {100000, 1}, {512, 32768}}) {
    INFO(fmt::format("{} x {}", rows, columns));
    std::vector<float> values(size_t(rows * columns));
    for (size_t i = 0; i < values.size(); ++i) values[i] = float(i % 97) / 97;
    const divlens::PngImage image = render(folder, folder.write("g.npy", npyOf({rows, columns}, values)));
    CHECK(image.header.width > 50);
    CHECK(image.header.width < 20000);
    CHECK(image.header.height < 20000);
  }
}

TEST_CASE("fault 46: without a Vulkan driver the message says how to get one", "[faults]") {
  const Folder folder;
  const std::string broken = folder.write(
      "broken.json", R"({"file_format_version":"1.0.0","ICD":{"library_path":"/missing.so","api_version":"1.3.0"}})");
  for (const std::string& driver : {folder / "missing.json", broken}) {
    INFO(driver);
    const Ran ran = run({"compute", example("lens.safetensors"), "-o", folder / "out.csv"},
                        {.environment = {"VK_DRIVER_FILES=" + driver, "VK_ICD_FILENAMES=" + driver}});
    INFO(ran.err);
    CHECK(ran.code == 4);
    CHECK(has(ran.err, "mesa-vulkan-drivers"));
    CHECK(has(ran.err, "divlens devices"));
    CHECK(folder.names() == Words{"broken.json"});
  }
}

TEST_CASE("fault 48: a device that is not there is refused with a list of those that are", "[faults]") {
  const nlohmann::json devices = nlohmann::json::parse(run({"devices", "--json"}).out);
  for (const char* wanted : {"99", "nosuchdevice", "00000000-0000-0000-0000-000000000000"}) {
    INFO(wanted);
    const Ran ran = run({"compute", example("lens.safetensors"), "--device", wanted, "-o", "-", "--format", "csv"});
    INFO(ran.err);
    CHECK(ran.code == 4);
    CHECK(has(ran.err, wanted));
    CHECK(has(ran.err, devices["devices"][0]["name"]));
    CHECK(ran.out.empty());
  }
}

TEST_CASE("fault 47: the processor computes only with a word about it", "[faults]") {
  const Ran ran = run({"compute", example("lens.safetensors"), "--device", "cpu", "-o", "-", "--format", "csv"});
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK(has(ran.err, "processor"));
}

TEST_CASE("fault 60: outputs that cannot be written leave what was there", "[faults]") {
  const Folder folder;
  const std::string plain = folder.write("plain", "x");
  const std::string old = folder.write("old.csv", "old");
  const Words compute = {"compute", example("lens.safetensors"), "-q"};
  for (const std::string& target : {folder / "none/out.csv", plain + "/out.csv"}) {
    const Ran ran = run(with(compute, {"-o", target}));
    INFO(ran.err);
    CHECK(ran.code == 6);
    CHECK(has(ran.err, target));
  }
  const Ran full = run(with(compute, {"-o", "/dev/full", "--format", "csv"}));
  CHECK(full.code == 6);
  CHECK(has(full.err, "No space left"));
  const Ran piped = run(with(compute, {"-o", "-", "--format", "csv"}),
                        {.environment = {}, .directory = {}, .standardOutput = "/dev/full"});
  CHECK(piped.code == 6);
  CHECK(has(piped.err, "No space left"));
  // One output of two fails: neither appears.
  CHECK(run(with(compute, {"-o", old, "-o", folder / "none/out.csv"})).code == 6);
  // The run itself fails: the old file stays.
  CHECK(run(with(compute, {"--reference", "tensor:none", "-o", old})).code != 0);
  CHECK(readBytes(old) == "old");
  CHECK(folder.names() == Words{"old.csv", "plain"});
  // A success replaces it.
  CHECK(run(with(compute, {"-o", old})).code == 0);
  CHECK(readBytes(old).starts_with("layer,"));
}

TEST_CASE("fault 61: a reader that stops early, and a terminal that would get a picture", "[faults]") {
  const Folder folder;
  const std::string dump = folder.write("wide.npy", npyOf({100000, 3}, std::vector<float>(300000, 0.123456F)));
  const std::string command =
      fmt::format("{} compute '{}' -q -o - --format csv 2>'{}'", DIVLENS_EXECUTABLE, dump, folder / "err");
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe);
  CHECK(fgetc(pipe) == 'r');
  pclose(pipe);
  CHECK(readBytes(folder / "err").empty());

  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  REQUIRE(terminal >= 0);
  REQUIRE(grantpt(terminal) == 0);
  REQUIRE(unlockpt(terminal) == 0);
  const Ran ran = run({"render", scalarTable(), "-o", "-", "--format", "png"},
                      {.environment = {}, .directory = {}, .standardOutput = ptsname(terminal)});
  INFO(ran.err);
  CHECK(ran.code == 2);
  CHECK(has(ran.err, "terminal"));
  close(terminal);
}

TEST_CASE("fault 62: an interrupted run ends at once and leaves nothing", "[faults]") {
  const Folder folder;
  // Two GiB of holes: seconds of work, no space on the disk.
  constexpr long kLayers = 64, kTokens = 64, kVocab = 131072;
  const std::string dump = folder.write("zeros.npy", npyOf({kLayers, kTokens, kVocab}, {}));
  std::filesystem::resize_file(dump, std::filesystem::file_size(dump) + size_t(kLayers * kTokens * kVocab) * 4);
  for (const auto& [signal, code] : {std::pair<int, int>{SIGINT, 130}, {SIGTERM, 143}}) {
    INFO(signal);
    Running running({"compute", dump, "--axes", "layer,token,vocab", "-o", folder / "out.csv"}, {});
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    REQUIRE(kill(running.pid(), 0) == 0);
    kill(running.pid(), signal);
    const Ran ran = running.finish();
    INFO(ran.err);
    CHECK(ran.code == code);
    CHECK(ran.seconds < 10);
    CHECK(folder.names() == Words{"zeros.npy"});
  }
}

TEST_CASE("fault 66: without any font of the system the built-in one draws", "[faults]") {
  const Folder folder;
  const std::string empty = folder.write("fonts.conf", "<?xml version=\"1.0\"?><fontconfig></fontconfig>");
  const Ran ran = run({"render", scalarTable(), "--title", "Steps", "-o", folder / "figure.png"},
                      {.environment = {"FONTCONFIG_FILE=" + empty, "FONTCONFIG_PATH=" + (folder / "none")}});
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK_FALSE(has(ran.err, "no font"));
  const divlens::PngImage bare = divlens::readPng(folder / "figure.png");
  const divlens::PngImage usual = render(folder, scalarTable(), {"--title", "Steps"});
  CHECK(bare.rgba == usual.rgba);
}

TEST_CASE("fault 67: a locale with a decimal comma draws the same bytes", "[faults]") {
  const Folder folder;
  for (const char* locale : {"LC_ALL=C", "LC_ALL=de_DE.UTF-8", "LC_ALL=tr_TR.UTF-8"})
    REQUIRE(run({"render", scalarTable(), "--vmin", "0.5", "-q", "-o", "figure.png", "-o", "data.json"},
                {.environment = {locale}, .directory = folder / "."})
                .code == 0);
  const std::string last = readBytes(folder / "figure.png"), data = readBytes(folder / "data.json");
  REQUIRE(run({"render", scalarTable(), "--vmin", "0.5", "-q", "-o", "figure.png", "-o", "data.json"},
              {.environment = {"LC_ALL"}, .directory = folder / "."})
              .code == 0);
  CHECK(readBytes(folder / "figure.png") == last);
  CHECK(readBytes(folder / "data.json") == data);
}

TEST_CASE("fault 68: odd homes and odd paths", "[faults]") {
  const Folder folder;
  const std::string table = readBytes(scalarTable());
  const Words unusual = {"HOME", "XDG_CACHE_HOME=/proc/none", "XDG_CONFIG_HOME=/proc/none", "XDG_RUNTIME_DIR"};
  for (const char* name :
       {"a b.csv", "Größe 表.csv", "bad\xff\xfe.csv", "new\nline.csv", "it's \"q\".csv", "-dash.csv"}) {
    INFO(name);
    const std::string dump = folder.write(name, table);
    const std::string target = folder / (std::string("out of ") + name + ".json");
    const Ran ran = run({"render", dump, "-o", target, "-o", target + ".png"}, {.environment = unusual});
    INFO(ran.err);
    CHECK(ran.code == 0);
    CHECK(nlohmann::json::parse(readBytes(target), nullptr, false).is_object());
    CHECK(divlens::readPng(target + ".png").header.width > 0);
  }
  const Ran colon = run({"compute", folder.write("a:b.csv", table), "-q", "-o", folder / "colon.csv"});
  CHECK(colon.code == 0);
  const Ran tooLong = run({"compute", folder / std::string(4096, 'x'), "-o", folder / "x.csv"});
  CHECK(tooLong.code == 3);
  CHECK(has(tooLong.err, "too long"));
}

TEST_CASE("fault 70: the same run gives the same bytes whatever the clock", "[faults]") {
  const Folder folder;
  std::string png, json;
  for (const char* epoch : {"SOURCE_DATE_EPOCH=0", "SOURCE_DATE_EPOCH=1700000000", "SOURCE_DATE_EPOCH"}) {
    INFO(epoch);
    REQUIRE(run({"render", example("lens.safetensors"), "-q", "-o", "f.png", "-o", "f.json"},
                {.environment = {epoch}, .directory = folder / "."})
                .code == 0);
    const std::string nextPng = readBytes(folder / "f.png"), nextJson = readBytes(folder / "f.json");
    CHECK((png.empty() || nextPng == png));
    CHECK((json.empty() || nextJson == json));
    png = nextPng;
    json = nextJson;
  }
}
