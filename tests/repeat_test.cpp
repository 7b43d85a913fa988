// render --from: the command in a picture's metadata, and its repetition.
#include "app/repeat.h"

#include <filesystem>

#include "app/view_options.h"
#include "catch.h"
#include "figure/png.h"
#include "picture.h"
#include "program.h"

using namespace divlens;
using namespace divlens::test;

namespace {

using Words = std::vector<std::string>;

std::vector<uint8_t> pixels(const std::string& path) {
  const std::string bytes = readBytes(path);
  return decodePng({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, path).rgba;
}

}  // namespace

TEST_CASE("a line for a shell comes apart into the words it was made of", "[repeat]") {
  for (const Words& words : {Words{"divlens", "render", "a b", "it's", "\"x\"", "a\\b", "", "--title=1 $HOME"},
                             Words{"f: t*log(t)/2", "<0.1", "Ġthe", "a\nb"}})
    CHECK(shellWords(shellLine(words)) == words);
  CHECK(shellWords("  a  \\b \"c \\\" d\"  ") == Words{"a", "b", "c \" d"});
}

TEST_CASE("folders go from paths, and from nothing else", "[repeat]") {
  const Words given = {"render",
                       "/home/me/x.npy",
                       "--metric",
                       "f:t/2*log(t)",
                       "--title=a/b",
                       "-o",
                       "/tmp/fig.png",
                       "-oout/fig.pdf",
                       "--reference",
                       "file:/data/base/y.npy:logits",
                       "--lens",
                       "/models/big/",
                       "--cmap=/m/c.txt",
                       "--select",
                       "token=label:a/b",
                       "--metric",
                       "@/my/term.glsl",
                       "--annot",
                       "--stack",
                       "step_{step}/x.npy",
                       "--xticklabels",
                       "a/b,c",
                       "--yticklabels=@/my/names.txt",
                       "--panel-labels",
                       "@/my/panels.txt"};
  const Words expected = {"render",
                          "x.npy",
                          "--metric",
                          "f:t/2*log(t)",
                          "--title=a/b",
                          "-o",
                          "fig.png",
                          "-ofig.pdf",
                          "--reference",
                          "file:y.npy:logits",
                          "--lens",
                          "big",
                          "--cmap=c.txt",
                          "--select",
                          "token=label:a/b",
                          "--metric",
                          "@term.glsl",
                          "--annot",
                          "--stack",
                          "step_{step}/x.npy",
                          "--xticklabels",
                          "a/b,c",
                          "--yticklabels=@names.txt",
                          "--panel-labels",
                          "@panels.txt"};
  CHECK(wordsWithoutFolders(given) == expected);
}

TEST_CASE("lists of labels are looked for beside the picture too", "[repeat]") {
  const Folder folder;
  std::filesystem::create_directory(folder / "sub");
  const std::string table = folder.write("sub/t.csv", "r,a,b\nx,1,2\ny,3,4\n");
  const std::string labels = folder.write("sub/labels.txt", "left\nright\n"), svg = folder / "sub/t.svg";
  REQUIRE(run({"render", table, "--xticklabels", "@" + labels, "-q", "-o", svg}).code == 0);
  const std::string again = folder / "again.svg";
  const Ran ran = run({"render", "--from", svg, "-o", again}, {.directory = folder / "."});
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK(has(readBytes(again), ">right<"));
  CHECK_FALSE(has(readBytes(again), "sub"));
}

TEST_CASE("a picture is made again from itself, with other options and in other formats", "[repeat]") {
  const Folder folder;
  const std::string sub = folder / "sub";
  std::filesystem::create_directory(sub);
  std::filesystem::copy(example("lens.safetensors"), sub + "/lens.safetensors");
  const std::string first = sub + "/first.png", again = folder / "again.png", pdf = folder / "again.pdf";
  REQUIRE(run({"render", sub + "/lens.safetensors", "--title", "a/b 'c'", "--metric", "kl", "-o", first}).code == 0);
  REQUIRE(run({"render", "--from", first, "-o", again, "-o", pdf}).code == 0);
  CHECK(pixels(again) == pixels(first));
  CHECK(std::filesystem::exists(pdf));
  const std::string other = folder / "other.png";
  REQUIRE(run({"render", "--from", first, "--cmap", "magma", "-o", other}).code == 0);
  CHECK(pixels(other) != pixels(first));
  CHECK(has(run({"render", "--from", first}).out, "--title 'a/b '\\''c'\\'''"));
  // Away from its dump it says which file is missing.
  const Ran lost = run({"render", "--from", again, "-o", folder / "lost.png"}, {.directory = "/"});
  CHECK(lost.code == 3);
  CHECK(has(lost.err, "lens.safetensors"));
  CHECK_FALSE(std::filesystem::exists(folder / "lost.png"));
  CHECK(run({"render", "--from", first, first, "-o", other}).code == 2);
}
