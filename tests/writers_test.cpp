// What the built program writes beyond one plain grid: intervals, onsets, differences of groups, vector figures,
// awkward labels.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "catch.h"
#include "program.h"

using namespace divlens::test;
using Json = nlohmann::json;

namespace {

using Words = std::vector<std::string>;

const Words kGrouped = {"compute",     example("interventions.safetensors"),
                        "--tensor",    "intervened",
                        "--reference", "tensor:clean",
                        "--rows",      "site",
                        "--columns",   "layer",
                        "-q"};

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void succeed(const Words& words) {
  const Ran ran = run(words);
  INFO(ran.err);
  REQUIRE(ran.code == 0);
}

/// One F32 tensor `t` of [rows, columns] = [2, 2] with these labels of its columns.
std::string labelled(const Folder& folder, const Json& labels) {
  const float values[] = {0.1F, 1e-7F, 16777216, -2.5F};
  const Json about = {{"version", 1},
                      {"tensors", {{"t", {{"axes", {"layer", "token"}}, {"kind", "scalar"}}}}},
                      {"labels", {{"token", labels}}}};
  const Json header = {{"__metadata__", {{"divlens", about.dump()}}},
                       {"t", {{"dtype", "F32"}, {"shape", {2, 2}}, {"data_offsets", {0, 16}}}}};
  return folder.write("t.safetensors", safetensorsBytes(header.dump(), {reinterpret_cast<const char*>(values), 16}));
}

}  // namespace

TEST_CASE("labels with separators, quotes and line breaks survive a table", "[writers]") {
  const Folder folder;
  const std::string dump = labelled(folder, {"a,b", "say \"x\"\nthen\ty"});
  succeed({"compute", dump, "-q", "-o", folder / "t.csv", "-o", folder / "t.tsv", "-o", folder / "t.json"});
  CHECK(readBytes(folder / "t.csv") == "layer,\"a,b\",\"say \"\"x\"\"\nthen\ty\"\n0,0.1,1e-07\n1,16777216,-2.5\n");
  CHECK(readBytes(folder / "t.tsv") == "layer\ta,b\t\"say \"\"x\"\"\nthen\ty\"\n0\t0.1\t1e-07\n1\t16777216\t-2.5\n");
  const std::string text = readBytes(folder / "t.json");
  CHECK(has(text, "0.1"));
  CHECK_FALSE(has(text, "0.100000001"));
  CHECK(Json::parse(text)["columns"]["labels"] == Json{"a,b", "say \"x\"\nthen\ty"});
  // Read again, the labels are the same ones.
  succeed({"compute", folder / "t.csv", "-q", "-o", folder / "again.csv"});
  CHECK(readBytes(folder / "again.csv") == readBytes(folder / "t.csv"));
}

TEST_CASE("an .npy file starts its data at a multiple of 64 bytes", "[writers]") {
  const Folder folder;
  succeed({"compute", labelled(folder, {"a", "b"}), "-q", "-o", folder / "t.npy"});
  const std::string bytes = readBytes(folder / "t.npy");
  CHECK((bytes.size() - 16) % 64 == 0);
  const NpyArray array = parseNpy(bytes);
  CHECK(array.shape == std::vector<long>{2, 2});
  CHECK(array.values == std::vector<float>{0.1F, 1e-7F, 16777216, -2.5F});
}

TEST_CASE("an interval stands in front of the panels and in the JSON", "[writers]") {
  const Folder folder;
  const Words words = {"compute", example("steps.safetensors"), "--rows", "step", "--columns", "layer", "--ci", "0.9",
                       "-q"};
  succeed(with(words, {"-o", folder / "a.npy", "-o", folder / "a.json"}));
  const NpyArray array = parseNpy(readBytes(folder / "a.npy"));
  REQUIRE(array.shape == std::vector<long>{3, 33, 12});
  const size_t n = 33 * 12;
  for (size_t i = 0; i < n; ++i)
    CHECK((array.values[n + i] <= array.values[i] && array.values[i] <= array.values[2 * n + i]));
  const Json panel = Json::parse(readBytes(folder / "a.json"))["panels"][0];
  CHECK(panel.at("lower").at(5).at(3).get<float>() == array.values[n + 5 * 12 + 3]);
  CHECK(panel.at("upper").at(5).at(3).get<float>() == array.values[2 * n + 5 * 12 + 3]);
  // The same seed: the same bytes.
  succeed(with(words, {"-o", folder / "b.npy"}));
  CHECK(readBytes(folder / "a.npy") == readBytes(folder / "b.npy"));
}

TEST_CASE("the difference of two groups is one panel named after both", "[writers]") {
  const Folder folder;
  succeed(with(kGrouped, {"--group", "example", "-o", folder / "both.npy"}));
  succeed(
      with(kGrouped, {"--group", "example", "--minus", "fictional", "-o", folder / "d.npy", "-o", folder / "d.json"}));
  const Json json = Json::parse(readBytes(folder / "d.json"));
  REQUIRE(json["panels"].size() == 1);
  CHECK(has(json["panels"][0].at("label"), "known"));
  CHECK(has(json["panels"][0].at("label"), "fictional"));
  const NpyArray both = parseNpy(readBytes(folder / "both.npy")), difference = parseNpy(readBytes(folder / "d.npy"));
  REQUIRE(difference.values.size() == 90);
  for (size_t i = 0; i < 90; ++i)
    CHECK(difference.values[i] == Catch::Approx(both.values[i] - both.values[90 + i]).margin(1e-6));
}

TEST_CASE("an onset is the first layer beyond the threshold for good", "[writers]") {
  const Folder folder;
  // Layers down, tokens across: stays below from layer 2; dips once and returns; never.
  const std::string dump =
      folder.write("o.npy", npyOf({4, 3}, {.9F, .9F, .9F, .5F, .01F, .9F, .05F, .9F, .9F, .02F, .03F, .9F}));
  const Words words = {"compute", dump, "--axes", "layer,token", "-q", "-o", folder / "o.json", "--onset", "<0.1"};
  succeed(words);
  CHECK(Json::parse(readBytes(folder / "o.json"))["panels"][0].at("onset") == Json{2, 3, nullptr});
  succeed(with(words, {"--persist", "1"}));
  CHECK(Json::parse(readBytes(folder / "o.json"))["panels"][0].at("onset") == Json{2, 1, nullptr});
  succeed(with(words, {"--select", "layer=3,1,2"}));
  const Json panel = Json::parse(readBytes(folder / "o.json"))["panels"][0];
  CHECK(panel.at("onset") == Json{2, 3, nullptr});
  CHECK(panel.at("onset_index") == Json{2, 0, nullptr});
}

TEST_CASE("vector figures are whole, anonymous and say how they were made", "[writers]") {
  const Folder folder;
  Words words = with(kGrouped, {"--metric", "kl", "-o", folder / "f.pdf", "-o", folder / "f.svg"});
  words[0] = "render";
  succeed(words);
  const std::string pdf = readBytes(folder / "f.pdf"), svg = readBytes(folder / "f.svg");
  CHECK(pdf.starts_with("%PDF-1."));
  CHECK(has(pdf.substr(pdf.size() - 16), "%%EOF"));
  CHECK_FALSE(has(pdf, "/Type3"));
  CHECK(has(svg, "<svg"));
  CHECK(svg.rfind("</svg>") > svg.size() - 10);
  for (const char* part : {"Subj.", "KL", "divlens " DIVLENS_VERSION}) {
    INFO(part);
    CHECK(has(svg, part));
  }
  for (const std::string& text : {pdf, svg}) {
    CHECK_FALSE(has(text, "/examples/"));
    CHECK_FALSE(has(text, "divlens-test"));
  }
}

TEST_CASE("explain takes one cell apart, largest term first, and its terms add up", "[writers]") {
  const Words words = {"explain",     example("generated.safetensors"),
                       "--tensor",    "ablated",
                       "--reference", "tensor:clean",
                       "--metric",    "kl",
                       "--at",        "layer=2",
                       "--at",        "token=1",
                       "-q"};
  const Ran table = run(with(words, {"--top", "5"}));
  INFO(table.err);
  REQUIRE(table.code == 0);
  CHECK(table.out.starts_with("id\ttoken\tp\tq\trank_p\trank_q\tterm\n"));
  CHECK(std::count(table.out.begin(), table.out.end(), '\n') == 6);
  const Json expected =
      Json::parse(readBytes(example("expected.json")))["generated kl reference=tensor:clean"]["values"][2][1];
  const Ran all = run(with(words, {"--top", "49152"}));
  REQUIRE(all.code == 0);
  double sum = 0, last = INFINITY;
  for (size_t at = all.out.find('\n') + 1; at < all.out.size();) {
    const size_t end = all.out.find('\n', at);
    const size_t tab = all.out.rfind('\t', end);
    const double term = std::stod(all.out.substr(tab + 1, end - tab - 1));
    CHECK_FALSE(term > last);
    last = term;
    sum += term;
    at = end + 1;
  }
  CHECK(sum == Catch::Approx(expected.get<double>()).epsilon(1e-5));
}

TEST_CASE("--verify recomputes cells in double precision and passes", "[writers]") {
  const Folder folder;
  Words words = with(kGrouped, {"--verify", "40", "-o", folder / "v.csv"});
  std::erase(words, "-q");
  const Ran ran = run(words);
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK(has(ran.err, "40"));
}
