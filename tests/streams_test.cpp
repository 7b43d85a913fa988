// Standard streams that are closed, files that may not grow, outputs that are inputs.
#include <sys/stat.h>

#include <filesystem>

#include "catch.h"
#include "program.h"

using namespace divlens::test;

namespace {

using Words = std::vector<std::string>;

Words compute(const std::string& dump, const std::string& output) {
  return {"compute", dump, "--axes", "layer,token,vocab", "-o", output};
}

std::string logits(const Folder& folder) {
  std::vector<float> values;
  for (int i = 0; i < 4 * 3 * 500; ++i) values.push_back(float(i * 7919 % 1000) / 100);
  return folder.write("logits.npy", npyOf({4, 3, 500}, values));
}

/// Through a shell that redirects.
Ran redirected(const Words& words, const std::string& redirections) {
  return run(words, {.launcher = {"sh", "-c", "exec \"$0\" \"$@\" " + redirections}});
}

}  // namespace

TEST_CASE("closed standard streams do not end up in a file", "[faults]") {
  const Folder folder;
  const std::string dump = logits(folder), good = folder / "good.csv", bad = folder / "bad.csv";
  REQUIRE(run(compute(dump, good)).code == 0);
  for (const char* closed : {"2>&-", "<&- 2>&-", "<&- >&- 2>&-"}) {
    CAPTURE(closed);
    CHECK(redirected(compute(dump, bad), closed).code == 0);
    CHECK(readBytes(bad) == readBytes(good));
    std::filesystem::remove(bad);
  }
  CHECK(redirected({"info", dump}, ">&-").code == 6);
  CHECK(redirected({"info", dump}, ">&- 2>&-").code == 6);
  CHECK(redirected({"--version"}, "<&- >&- 2>&-").code == 6);
}

TEST_CASE("a file that may not grow is an output that cannot be written", "[faults]") {
  const Folder folder;
  const std::string dump = folder.write("table.npy", npyOf({300, 100}, std::vector<float>(30'000, 1)));
  const Ran ran = run({"compute", dump, "--axes", "a,b", "-o", folder / "out.npy"},
                      {.launcher = {"sh", "-c", "ulimit -f 4; exec \"$0\" \"$@\""}});
  CHECK(ran.code == 6);
  CHECK(has(ran.err, "File too large"));
  CHECK(folder.names() == Words{"table.npy"});
}

TEST_CASE("an output that is the dump is refused, by whatever name", "[faults]") {
  const Folder folder;
  const std::string dump = logits(folder), bytes = readBytes(dump), alias = folder / "alias.npy";
  std::filesystem::create_symlink(dump, alias);
  for (const std::string& output : {dump, alias}) {
    const Ran ran = run(compute(dump, output));
    CHECK(ran.code == 2);
    CHECK(has(ran.err, "the dump itself"));
  }
  CHECK(run(compute(dump + ":logits", dump)).code == 2);
  Words against = compute(folder.write("other.npy", bytes), dump);
  against.insert(against.end(), {"--reference", "file:" + dump});
  CHECK(run(against).code == 2);
  CHECK(readBytes(dump) == bytes);
}

TEST_CASE("with --json standard error holds JSON alone", "[faults]") {
  const Folder folder;
  const Ran ran = run({"compute", logits(folder), "--device", "99", "--json", "-o", folder / "out.npy"});
  CHECK(ran.code == 4);
  CHECK(ran.err.starts_with("{\"error\""));
}

TEST_CASE("with -v statistics of tensors say how fast they were read, beside reading alone", "[weights]") {
  const Folder folder;
  std::vector<std::string> words = {"compute", example("checkpoints/base"), "--metric", "rms", "-o", folder / "a.csv"};
  CHECK_FALSE(has(run(words).err, "without a statistic"));
  words.push_back("-v");
  const Ran ran = run(words);
  CHECK(ran.code == 0);
  CHECK(has(ran.err, "divlens: read 126 KiB in "));
  CHECK(has(ran.err, "/s; without a statistic the cells are read at "));
}

TEST_CASE("names that are not UTF-8 are drawn in every format", "[faults]") {
  const Folder folder;
  const std::string dump = folder / "\xff.npy";
  std::filesystem::rename(logits(folder), dump);
  Words words = compute(dump, folder / "out.pdf");
  words[0] = "render";
  words.insert(words.end(), {"-o", folder / "out.svg", "-o", folder / "out.png", "-o", folder / "\xfe.json"});
  const Ran ran = run(words);
  INFO(ran.err);
  CHECK(ran.code == 0);
}

TEST_CASE("options that say nothing, or nothing that fits, are refused", "[faults]") {
  const Folder folder;
  const std::string dump = logits(folder);
  const auto refused = [&](const Words& more, const char* word) {
    Words words = compute(dump, folder / "out.png");
    words[0] = "render";
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = run(words);
    CAPTURE(more, ran.err);
    CHECK(ran.code == 2);
    CHECK(has(ran.err, word));
  };
  refused({"--axis-scale", "step=log"}, "its axes are layer and token");
  refused({"--onset", "<0.1", "--persist", "0"}, "1 or more");
  refused({"--persist", "3"}, "--onset");
  refused({"--font-size", "0"}, "3 to 96");
  refused({"--reference", ""}, "--reference");
  const std::string groups = folder.write("groups.csv", "token,group\n0,a\n1,a\n2,b\n0,b\n");
  CHECK(run({"compute", dump, "--axes", "layer,token,vocab", "--rows", "layer", "--group", "token", "--groups", groups,
             "-o", folder / "out.npy"})
            .code == 3);
}
