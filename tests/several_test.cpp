// Several dumps in one run of the built program: their panels, differences of them, and what does not fit.
#include <cmath>
#include <nlohmann/json.hpp>

#include "catch.h"
#include "figure/png.h"
#include "program.h"

using namespace divlens;
using namespace divlens::test;
using Json = nlohmann::json;

namespace {

/// Two tables with the same axes.
struct Tables {
  Folder folder;
  std::string a = folder.write("a.csv", "layer,x,y,z\n0,1,2,3\n1,4,nan,6\n");
  std::string b = folder.write("b.csv", "layer,x,y,z\n0,0.5,2,4\n1,4,1,1\n");
};

/// A dump beside a copy of it, and what they differ by.
Ran renderTwice(const Folder& folder, const std::vector<std::string>& more) {
  const std::string dump = example("interventions.safetensors"),
                    copy = folder.write("copy.safetensors", readBytes(dump));
  std::vector<std::string> words = {"render",      dump,           copy,      "--tensor", "intervened",
                                    "--reference", "tensor:clean", "--minus", "copy"};
  words.insert(words.end(), more.begin(), more.end());
  return run(words);
}

}  // namespace

TEST_CASE("several dumps are panels of one figure and of its data", "[several]") {
  const Tables t;
  const Ran ran = run({"render", t.a, t.b, "--minus", "b", "-q", "-o", t.folder / "f.npy", "-o", t.folder / "f.json",
                       "-o", t.folder / "f.png"});
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  const NpyArray array = parseNpy(readBytes(t.folder / "f.npy"));
  REQUIRE(array.shape == std::vector<long>{3, 2, 3});
  const std::vector<float> expected = {1, 2, 3, 4, 0, 6, 0.5F, 2, 4, 4, 1, 1, 0.5F, 0, -1, 0, 0, 5};
  for (size_t i = 0; i < expected.size(); ++i) {
    INFO(i);
    const bool nan = i == 4 || i == 16;  // and what is less by something from nothing
    CHECK((nan ? std::isnan(array.values[i]) : array.values[i] == expected[i]));
  }
  const Json json = Json::parse(readBytes(t.folder / "f.json"));
  CHECK(json["panels"][0]["label"] == "a");
  CHECK(json["panels"][1]["label"] == "b");
  CHECK(json["panels"][2]["label"] == "a − b");
  CHECK(json["inputs"].size() == 2);
  CHECK(json["counts"]["cells"] == 12);
  // A difference of 0 has the middle of a diverging map: the figure has white cells, which viridis has none of.
  const PngImage image = readPng(t.folder / "f.png");
  int64_t near = 0;
  const auto at = [&](int64_t x, int64_t y) { return &image.rgba[size_t(4 * (y * image.header.width + x))]; };
  for (int64_t y = 0; y < image.header.height; ++y)
    for (int64_t x = 0; x < image.header.width; ++x)
      near += at(x, y)[0] == 0xf7 && at(x, y)[2] >= 0xf5 && at(x, y)[2] <= 0xf8;
  CHECK(near > 500);
}

TEST_CASE("dumps beside each other need grids of one shape, and --minus one of them", "[several]") {
  const Tables t;
  const std::string wide = t.folder.write("wide.csv", "layer,x,y\n0,1,2\n1,4,5\n");
  const Ran shape = run({"render", t.a, wide, "-q", "-o", t.folder / "f.png"});
  CHECK(shape.code == 3);
  CHECK(has(shape.err, "wide.csv: its grid has 2 entries of column, the first dump's has 3 of column (tensors ["));
  const Ran minus = run({"render", t.a, t.b, "--minus", "c", "-q", "-o", t.folder / "f.png"});
  CHECK(minus.code == 2);
  CHECK(has(minus.err, "there are a, b"));
  CHECK(t.folder.names() == std::vector<std::string>{"a.csv", "b.csv", "wide.csv"});
}

TEST_CASE("dumps of one name are told apart without their folders", "[several]") {
  const Tables t;
  std::filesystem::create_directory(t.folder / "run1");
  const std::string other = t.folder.write("run1/a.csv", "layer,x,y,z\n0,1,1,1\n1,1,1,1\n");
  const std::string json = t.folder / "f.json", svg = t.folder / "f.svg";
  REQUIRE(run({"render", t.a, other, "--minus", "a (2)", "-q", "-o", json, "-o", svg}).code == 0);
  const Json panels = Json::parse(readBytes(json))["panels"];
  CHECK(panels[0]["label"] == "a (1)");
  CHECK(panels[1]["label"] == "a (2)");
  CHECK(panels[2]["label"] == "a (1) − a (2)");
  CHECK_FALSE(has(readBytes(svg), "run1"));
  // Suffixes are told where they differ.
  const std::string tabs = t.folder.write("a.tsv", "layer\tx\ty\tz\n0\t1\t2\t3\n1\t4\t5\t6\n");
  REQUIRE(run({"render", t.a, tabs, "-q", "-o", json}).code == 0);
  CHECK(Json::parse(readBytes(json))["panels"][1]["label"] == "a.tsv");
}

TEST_CASE("panels have the titles that they are given, one each", "[several]") {
  const Tables t;
  const auto render = [&](const char* labels) {
    return run({"render", t.a, t.b, "--panel-labels", labels, "-q", "-o", t.folder / "f.svg"});
  };
  REQUIRE(render("Before,After training").code == 0);
  const std::string svg = readBytes(t.folder / "f.svg");
  CHECK(has(svg, ">a) Before<"));
  CHECK(has(svg, ">b) After training<"));
  const Ran few = render("Before");
  CHECK(few.code == 2);
  CHECK(has(few.err, "1 labels for 2 entries"));
}

TEST_CASE("--verify recomputes cells of every dump", "[several]") {
  const Folder folder;
  const Ran ran = renderTwice(folder, {"--verify", "7", "-o", folder / "f.json"});
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK(has(ran.err, "verified 7 values"));
  CHECK(has(ran.err, " of interventions\n"));
  CHECK(has(ran.err, " of copy\n"));
  CHECK(Json::parse(readBytes(folder / "f.json"))["verify"]["values"] == 14);
}

TEST_CASE("an interval of a difference of dumps is refused with what to do instead", "[several]") {
  const Folder folder;
  const Ran ran = renderTwice(folder, {"--ci", "0.95", "-o", folder / "f.png"});
  CHECK(ran.code == 2);
  CHECK(has(ran.err, "--stack"));
  CHECK(folder.names() == std::vector<std::string>{"copy.safetensors"});
}

TEST_CASE("a picture of each format says the command that made it, without paths", "[several]") {
  const Tables t;
  for (const char* suffix : {"png", "pdf", "svg"}) {
    INFO(suffix);
    const std::string picture = t.folder / (std::string("f.") + suffix);
    const Ran made = run({"render", t.a, "--title", "q & <p> ‖ 'x'", "-q", "-o", picture});
    INFO(made.err);
    REQUIRE(made.code == 0);
    const Ran said = run({"render", "--from", picture});
    CHECK(said.code == 0);
    CHECK(said.out == std::string(R"(divlens render a.csv --title 'q & <p> ‖ '\''x'\''' -q -o f.)") + suffix + "\n");
  }
  CHECK(run({"render", "--from", t.a}).code == 3);
  CHECK(run({"render", "--from", t.folder / "none.png"}).code == 3);
  CHECK(run({"render", t.a, "--from", t.folder / "f.png"}).code == 2);
}
