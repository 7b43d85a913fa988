// Faulty input given to the built program: exit code, the words that help, nothing written, no hang.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <functional>

#include "catch.h"
#include "program.h"

using namespace divlens::test;

namespace {

using Words = std::vector<std::string>;

constexpr double kSoon = 20;  ///< seconds on a busy machine; most of these take a hundredth

/// Runs `compute DUMP more… -o out.csv` in the folder.
Ran compute(const Folder& folder, const std::string& dump, const Words& more = {}) {
  Words words = {"compute", dump, "-o", folder / "out.csv"};
  words.insert(words.end(), more.begin(), more.end());
  const Ran ran = run(words, {.environment = {}, .directory = {}, .standardOutput = {}, .seconds = kSoon});
  CHECK_FALSE(ran.late);
  CHECK(ran.out.empty());
  return ran;
}

/// The program must refuse `dump` as bad input, say each of `parts`, and leave nothing behind.
void checkRefused(const Folder& folder, const std::string& dump, const Words& parts, const Words& more = {}) {
  const Words before = folder.names();
  const Ran ran = compute(folder, dump, more);
  INFO("message: " + ran.err.substr(0, 2000));
  CHECK(ran.code == 3);
  CHECK(ran.err.size() < 20000);
  for (const std::string& part : parts) {
    INFO("it should say: " + part);
    CHECK(has(ran.err, part));
  }
  CHECK(folder.names() == before);
}

struct Fault {
  const char* name;
  std::string bytes;
  Words parts;
};

void checkAllRefused(const std::vector<Fault>& faults) {
  for (const Fault& fault : faults) {
    INFO(fault.name);
    const Folder folder;
    Words parts = fault.parts;
    parts.emplace_back(fault.name);
    checkRefused(folder, folder.write(fault.name, fault.bytes), parts);
  }
}

std::string lengthOnly(uint64_t length) { return {reinterpret_cast<const char*>(&length), 8}; }

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape, const std::string& at) {
  return fmt::format(R"("{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{}]}})", name, dtype, shape, at);
}

/// A safetensors file of these entries and so many zero bytes.
std::string file(const std::string& entries, size_t bytes) {
  return safetensorsBytes("{" + entries + "}", std::string(bytes, '\0'));
}

std::string npy(const std::string& descr, const std::string& shape, size_t bytes, const char* fortran = "False") {
  return npyBytes(fmt::format("{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}", descr, fortran, shape),
                  std::string(bytes, '\0'));
}

}  // namespace

TEST_CASE("faults 1, 2, 4, 5: files that are not what they should be", "[faults]") {
  checkAllRefused({
      {"empty.npy", "", {"empty file"}},
      {"empty.safetensors", "", {"empty file"}},
      {"magic.npy", "\x93NUM", {}},
      {"half.npy", std::string("\x93NUMPY\x01\x00", 8), {}},
      {"seven.safetensors", "1234567", {}},
      {"model.pt", "\x80\x04\x95 pickle", {"pickle", "safetensors"}},
      {"model.bin", "\x80\x02}q\x01.", {"pickle", "safetensors"}},
      {"zipped.pt",
       "PK\x03\x04" + std::string(22, '\0') + std::string("\x10\0\0\0", 4) + "archive/data.pkl",
       {"safetensors"}},
      {"pointer.safetensors",
       "version https://git-lfs.github.com/spec/v1\noid sha256:" + std::string(64, 'a') + "\nsize 12345\n",
       {"LFS pointer", "git lfs pull"}},
  });
}

TEST_CASE("fault 3: a wrong suffix is seen by content and said", "[faults]") {
  const Folder folder;
  const Ran ran = compute(folder, folder.write("lens.npy", readBytes(example("lens.safetensors"))));
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK(has(ran.err, "safetensors"));
  CHECK(has(ran.err, "lens.npy"));
}

TEST_CASE("faults 6, 7: what cannot be read as a file", "[faults]") {
  const Folder folder;
  mkdir((folder / "nothing").c_str(), 0777);
  mkfifo((folder / "fifo.npy").c_str(), 0666);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  (folder / "s.npy").copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  symlink("gone.npy", (folder / "dangling.npy").c_str());
  folder.write("plain", "x");
  checkRefused(folder, folder / "nothing", {"nothing"});
  checkRefused(folder, folder / "fifo.npy", {"fifo.npy"});
  checkRefused(folder, folder / "s.npy", {"s.npy"});
  checkRefused(folder, "/dev/zero", {"/dev/zero"});
  checkRefused(folder, folder / "missing.npy", {"missing.npy", "No such file"});
  checkRefused(folder, folder / "dangling.npy", {"dangling.npy", "No such file"});
  checkRefused(folder, folder / "plain/x.npy", {"x.npy", "Not a directory"});
  close(socket);
}

TEST_CASE("faults 8 to 10: safetensors headers that lie about themselves", "[faults]") {
  checkAllRefused({
      {"zero.safetensors", lengthOnly(0) + "{}", {}},
      {"long.safetensors", lengthOnly(1000) + "{}", {"1000"}},
      {"huge.safetensors", lengthOnly(uint64_t(1) << 63) + "{}", {}},
      {"bom.safetensors", safetensorsBytes("\xEF\xBB\xBF{}", ""), {"8"}},
      {"list.safetensors", safetensorsBytes("[]", ""), {"{"}},
      {"bytes.safetensors", safetensorsBytes("{\"\xff\xfe\": 1}", ""), {"UTF-8"}},
      {"deep.safetensors", safetensorsBytes("{\"a\":" + std::string(1000000, '[') + "}", ""), {}},
  });
  const Folder folder;
  const std::string path = folder.write("header.safetensors", lengthOnly(150000000) + "{");
  std::filesystem::resize_file(path, 200000000);
  checkRefused(folder, path, {"header.safetensors"});
}

TEST_CASE("faults 11, 12, 14 to 16: safetensors entries that cannot be", "[faults]") {
  checkAllRefused({
      {"twice.safetensors", file(entry("a", "F32", "1,2", "0,8") + "," + entry("a", "F32", "1,2", "8,16"), 16), {"a"}},
      {"overlap.safetensors", file(entry("a", "F32", "1,2", "0,8") + "," + entry("b", "F32", "1,2", "4,12"), 12), {}},
      {"backwards.safetensors", file(entry("a", "F32", "1,2", "8,0"), 8), {"a"}},
      {"negative.safetensors", file(entry("a", "F32", "1,2", "-8,0"), 8), {"a"}},
      {"float.safetensors", file(entry("a", "F32", "1,2", "0.5,8.5"), 8), {"a"}},
      {"far.safetensors", file(entry("a", "F32", "1,2", "0,18014398509481984"), 8), {"a"}},
      {"text.safetensors", file(entry("a", "F32", "1,2", "\"0\",\"8\""), 8), {"a"}},
      {"overflow.safetensors", file(entry("a", "F32", "4294967296,4294967296,2", "0,8"), 8), {"a"}},
      {"length.safetensors", file(entry("a", "F32", "1,3", "0,8"), 8), {"a", "12", "8"}},
  });
}

TEST_CASE("fault 13: holes and trailing bytes are refused, or forgiven with a warning", "[faults]") {
  const Folder folder;
  const Words dumps = {folder.write("hole.safetensors",
                                    file(entry("a", "F32", "1,2", "0,8") + "," + entry("b", "I32", "2", "16,24"), 24)),
                       folder.write("tail.safetensors", file(entry("a", "F32", "1,2", "0,8"), 20))};
  for (const std::string& dump : dumps) {
    INFO(dump);
    checkRefused(folder, dump, {"--lenient"});
    const Ran ran = compute(folder, dump, {"--lenient", "--tensor", "a"});
    INFO(ran.err);
    CHECK(ran.code == 0);
    CHECK(has(ran.err, "warning: "));
    CHECK(has(ran.err, "bytes"));
    std::filesystem::remove(folder / "out.csv");
    const Ran strict = compute(folder, dump, {"--lenient", "--strict", "--tensor", "a"});
    INFO(strict.err);
    CHECK(strict.code == 1);
    CHECK(has(strict.err, "bytes"));
    CHECK(has(strict.err, "--strict makes this an error"));
    CHECK_FALSE(std::filesystem::exists(folder / "out.csv"));
  }
}

TEST_CASE("faults 17, 18: tensors that are listed but hold no grid", "[faults]") {
  const Folder folder;
  const std::string dump = folder.write(
      "odd.safetensors", file(entry("four", "F4", "4", "0,2") + "," + entry("scale", "F8_E8M0", "2", "2,4") + "," +
                                  entry("none", "F32", "0,3", "4,4") + "," + entry("one", "F32", "", "4,8") + "," +
                                  entry("nine", "F32", "1,1,1,1,1,1,1,1,1", "8,12"),
                              12));
  const Ran info = run({"info", dump});
  INFO(info.err);
  CHECK(info.code == 0);
  for (const char* name : {"four", "scale", "none", "one", "nine", "F4", "F8_E8M0"}) CHECK(has(info.out, name));
  checkRefused(folder, dump, {"four", "F4", "F32", "BF16"}, {"--tensor", "four"});
  checkRefused(folder, dump, {"scale", "F8_E8M0"}, {"--tensor", "scale"});
  checkRefused(folder, dump, {"none"}, {"--tensor", "none"});
  checkRefused(folder, dump, {"one"}, {"--tensor", "one"});
  checkRefused(folder, dump, {"nine", "--axes"}, {"--tensor", "nine"});
}

TEST_CASE("fault 19: a hundred thousand tensors open in seconds", "[faults]") {
  const Folder folder;
  std::string entries;
  for (int i = 0; i < 100000; ++i)
    entries += (i ? "," : "") +
               entry(fmt::format("model.layers.{}.weight", i), "F16", "1,1", fmt::format("{},{}", 2 * i, 2 * i + 2));
  const std::string dump = folder.write("many.safetensors", file(entries, 200000));
  const Ran info = run({"info", dump});
  CHECK(info.code == 0);
  CHECK(info.seconds < 10);
  const Ran one = compute(folder, dump, {"--tensor", "model.layers.99999.weight"});
  INFO(one.err.substr(0, 1000));
  CHECK(one.code == 0);
  CHECK(one.seconds < 10);
}

TEST_CASE("fault 20: names of tensors are escaped, and never paths", "[faults]") {
  const Folder folder;
  const std::string longName(1 << 20, 'n');
  const std::string dump = folder.write(
      "names.safetensors",
      file(entry("a\\u001b[31m\\nb", "F32", "1,1", "0,4") + "," + entry("../../escape", "F32", "1,1", "4,8") + "," +
               entry("\\u202eright", "F32", "1,1", "8,12") + "," + entry(longName, "F32", "1,1", "12,16"),
           16));
  const Ran info = run({"info", dump});
  INFO(info.err.substr(0, 1000));
  CHECK(info.code == 0);
  CHECK_FALSE(has(info.out, "\x1b"));
  CHECK_FALSE(has(info.out, "\u202e"));
  CHECK(has(info.out, "[31m"));
  CHECK(info.out.size() < 100000);
  CHECK(folder.names() == Words{"names.safetensors"});
}

TEST_CASE("faults 22 to 25: npy headers", "[faults]") {
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), ";
  checkAllRefused({
      {"long.npy", npyBytes(good + std::string(12000, ' ') + "}", std::string(8, '\0')), {"10"}},
      {"extra.npy", npyBytes(good + "'more': 1, }", std::string(8, '\0')), {"more"}},
      {"fewer.npy", npyBytes("{'descr': '<f4', 'shape': (1, 2), }", std::string(8, '\0')), {"fortran_order"}},
      {"code.npy", npyBytes("__import__('os').system('touch touched')", ""), {}},
      {"object.npy", npy("'|O'", "(1, 2)", 16), {"object"}},
      {"fields.npy", npy("[('a', '<f4'), ('b', '<i4')]", "(1, 2)", 16), {}},
      {"text.npy", npy("'<U3'", "(1, 2)", 24), {"<U3"}},
      {"complex.npy", npy("'<c8'", "(1, 2)", 16), {"<c8"}},
      {"date.npy", npy("'<M8[s]'", "(1, 2)", 16), {"<M8"}},
      {"big.npy", npy("'>f4'", "(1, 2)", 8), {"big-endian", "astype"}},
      {"raw.npy", npy("'|V2'", "(1, 2)", 4), {"--dtype bf16"}},
      {"nothing.npy", npy("'<f4'", "(0, 2)", 0), {"no cells"}},
  });
  CHECK_FALSE(std::filesystem::exists("touched"));
}

TEST_CASE("fault 25: half floats, bytes and announced bfloat16 are read", "[faults]") {
  const Folder folder;
  const std::string half("\x00\x3c\x00\xc0", 4), brain("\x80\x3f\x00\xc0", 4);
  const std::string head = "', 'fortran_order': False, 'shape': (1, 2), }";
  CHECK(compute(folder, folder.write("half.npy", npyBytes("{'descr': '<f2" + head, half))).code == 0);
  CHECK(readBytes(folder / "out.csv") == "row,0,1\n0,1,-2\n");
  CHECK(compute(folder, folder.write("raw.npy", npyBytes("{'descr': '|V2" + head, brain)), {"--dtype", "bf16"}).code ==
        0);
  CHECK(readBytes(folder / "out.csv") == "row,0,1\n0,1,-2\n");
  const Ran bytes = run({"info", folder.write("ids.npy", npyBytes("{'descr': '|u1" + head, "ab"))});
  CHECK(bytes.code == 0);
  CHECK(has(bytes.out, "U8"));
}

TEST_CASE("fault 26: Fortran order gives the same cells", "[faults]") {
  const Folder folder;
  std::vector<float> c(2 * 3 * 5), f(2 * 3 * 5);
  for (size_t l = 0; l < 2; ++l)
    for (size_t t = 0; t < 3; ++t)
      for (size_t v = 0; v < 5; ++v)
        f[l + 2 * (t + 3 * v)] = c[(l * 3 + t) * 5 + v] = float(std::sin(double(l + 7 * t * v + v)));
  std::string fortran = npyOf({2, 3, 5}, f);
  fortran.replace(fortran.find("False,"), 6, "True, ");
  const Words axes = {"--axes", "layer,token,vocab", "--metric", "kl"};
  REQUIRE(compute(folder, folder.write("c.npy", npyOf({2, 3, 5}, c)), axes).code == 0);
  const std::string cells = readBytes(folder / "out.csv");
  REQUIRE(compute(folder, folder.write("f.npy", fortran), axes).code == 0);
  CHECK(readBytes(folder / "out.csv") == cells);
}

TEST_CASE("fault 27: a file that was cut short", "[faults]") {
  const Folder folder;
  const std::string whole = npyOf({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  const std::string cut = folder.write("cut.npy", whole.substr(0, whole.size() - 12));
  checkRefused(folder, cut, {"cut.npy", "2", "4", "--partial"});
  const Ran part = compute(folder, cut, {"--partial"});
  INFO(part.err);
  CHECK(part.code == 0);
  CHECK(readBytes(folder / "out.csv") == "row,0,1\n0,1,2\n1,3,4\n");
}

TEST_CASE("faults 33, 34: shards outside the folder, missing, or in the wrong file", "[faults]") {
  const Folder folder;
  folder.write("one.safetensors", file(entry("a", "F32", "1,2", "0,8"), 8));
  folder.write("two.safetensors", file(entry("b", "F32", "1,2", "0,8"), 8));
  const auto index = [&](const std::string& map, const std::string& size = "16") {
    return folder.write("m.safetensors.index.json",
                        fmt::format(R"({{"metadata":{{"total_size":{}}},"weight_map":{{{}}}}})", size, map));
  };
  for (const char* shard : {"../../outside.safetensors", "/etc/passwd", "https://example.org/x.safetensors", ".."}) {
    INFO(shard);
    checkRefused(folder, index(fmt::format(R"("a":"{}")", shard)), {shard});
  }
  checkRefused(folder, index(R"("a":"one.safetensors","c":"three.safetensors")"), {"three.safetensors"});
  checkRefused(folder, index(R"("a":"one.safetensors","b":"one.safetensors")"), {"b", "one.safetensors"});
  const Ran off = compute(folder, index(R"("a":"one.safetensors","b":"two.safetensors")", "99"), {"--tensor", "a"});
  INFO(off.err);
  CHECK(off.code == 0);
  CHECK(has(off.err, "total_size"));
}

TEST_CASE("fault 35: two dumps of different shape", "[faults]") {
  const Folder folder;
  const auto dump = [&](const char* name, long layers, long tokens, long vocab) {
    return folder.write(name,
                        npyOf({layers, tokens, vocab}, std::vector<float>(size_t(layers * tokens * vocab), 0.5F)));
  };
  const std::string a = dump("a.npy", 2, 3, 8);
  const Words axes = {"--axes", "layer,token,vocab", "--reference"};
  const auto against = [&](const std::string& b) { return Words{axes[0], axes[1], axes[2], "file:" + b}; };
  checkRefused(folder, a, {"vocab", "8", "9", "--vocab 8"}, against(dump("v.npy", 2, 3, 9)));
  checkRefused(folder, a, {"token", "3", "4"}, against(dump("t.npy", 2, 4, 8)));
  checkRefused(folder, a, {"layer", "2", "5"}, against(dump("l.npy", 5, 3, 8)));
}

TEST_CASE("fault 36: guessed axes are announced, and four are not guessed", "[faults]") {
  const Folder folder;
  const Ran guess = compute(folder, folder.write("cube.npy", npyOf({3, 3, 4}, std::vector<float>(36, 1))));
  CHECK(guess.code == 0);
  CHECK(has(guess.err, "layer, token, vocab"));
  CHECK(has(guess.err, "--axes"));
  checkRefused(folder, folder.write("four.npy", npyOf({2, 2, 2, 2}, std::vector<float>(16, 1))),
               {"--axes", "four.npy"});
}
