// What a figure cannot show as it is, is said on standard error: once, by name; the figure is made all the same.
#include <algorithm>
#include <sstream>

#include "catch.h"
#include "program.h"

using namespace divlens::test;

namespace {

const std::string kTable = "r,a,b,c\nx,1,2,3\ny,3,4,5\n";

/// The lines of standard error of a render that works, with some words in them.
std::vector<std::string> notes(const std::vector<std::string>& more, const std::string& words,
                               const std::string& table = kTable) {
  const Folder folder;
  std::vector<std::string> arguments = {
      "render", folder.write("t.csv", table), "-o", folder / "t.png", "-o", folder / "t.pdf", "-o", folder / "t.svg"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Ran ran = run(arguments);
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK(readBytes(folder / "t.png").size() > 500);
  std::vector<std::string> found;
  std::istringstream lines(ran.err);
  for (std::string line; std::getline(lines, line);)
    if (has(line, words)) found.push_back(line);
  return found;
}

std::string longText(const std::string& word) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += word;
  return text;
}

}  // namespace

TEST_CASE("texts that do not fit are named, each once", "[notes]") {
  struct Case {
    std::vector<std::string> options;
    std::string what;
  };
  const std::string wide = longText("wide "), word = longText("word");
  const Case cases[] = {
      {{"--title", wide}, "the title"},
      {{"--xlabel", wide}, "the x label"},
      {{"--ylabel", wide}, "the y label"},
      {{"--cbar-label", wide}, "the colour bar's label"},
      {{"--xticklabels", word + "," + word + ",c"}, "x tick labels"},
      {{"--yticklabels", word + "," + word}, "y tick labels"},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    std::vector<std::string> options = c.options;
    options.insert(options.end(), {"--figsize", "3,2"});
    const std::vector<std::string> found = notes(options, "fits");
    REQUIRE(found.size() == 1);
    CHECK(has(found[0], "divlens: warning: " + c.what));
    CHECK(has(found[0], "--figsize"));
  }
}

TEST_CASE("a file with too few or too many labels is left aside, which is said once", "[notes]") {
  const Folder folder;
  for (const char* lines : {"one\ntwo\n", "one\ntwo\nthree\nfour\n"}) {
    const std::string file = folder.write("labels.txt", lines);
    const std::vector<std::string> found = notes({"--xticklabels", "@" + file}, "labels for");
    REQUIRE(found.size() == 1);
    CHECK(has(found[0], std::to_string(std::count(lines, lines + std::string(lines).size(), '\n')) + " labels for 3"));
  }
  const Ran list = run({"render", folder.write("t.csv", "r,a,b,c\nx,1,2,3\ny,3,4,5\n"), "--xticklabels", "one,two",
                        "-o", folder / "t.png"});
  CHECK(list.code == 2);
  CHECK(has(list.err, "2 labels for 3 entries"));
}

TEST_CASE("labels of a dump that are cut are said once for each axis", "[notes]") {
  const std::string word = longText("w"), table = "r,a," + word + "," + word + "x\n" + word + ",1,2,3\ny,3,4,5\n";
  CHECK(notes({"--figsize", "12,9"}, "cut in the middle", table).size() == 2);
  CHECK(notes({}, "cut in the middle").empty());
}

TEST_CASE("a figure that shows all says nothing", "[notes]") { CHECK(notes({}, "warning").empty()); }

TEST_CASE("characters that no font has are named", "[notes]") {
  const std::string table = "r,\xF4\x8F\xBF\xBD,b\nx,1,2\n\xF4\x8F\xBF\xBD,3,4\n";  // U+10FFFD, private use
  const std::vector<std::string> found = notes({"--title", "\xF4\x8F\xBF\xBC"}, "no font", table);
  REQUIRE(found.size() == 1);
  CHECK(has(found[0], "U+10FFFC"));
  CHECK(has(found[0], "U+10FFFD"));
}
