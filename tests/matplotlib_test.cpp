// Pixels of the program's figures against the colours that matplotlib gives the same cells (tools/make_norms.py).
#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "catch.h"
#include "picture.h"
#include "program.h"

using namespace divlens::test;

namespace {

Pixel pixelOf(const std::string& hex) {
  const auto channel = [&](size_t i) { return uint8_t(std::stoi(hex.substr(2 * i, 2), nullptr, 16)); };
  return {channel(0), channel(1), channel(2), 255};
}

nlohmann::json table() {
  std::ifstream file(std::string(DIVLENS_TEST_DATA) + "/matplotlib_norms.json");
  return nlohmann::json::parse(file);
}

}  // namespace

TEST_CASE("cells have matplotlib's colours under every norm", "[matplotlib][norm]") {
  const nlohmann::json oracle = table();
  const std::vector<long> shape = oracle["shape"];
  const Folder folder;
  for (const auto& [name, values] : oracle["grids"].items()) {
    std::vector<float> cells;
    for (const auto& v : values) cells.push_back(v.is_null() ? std::nanf("") : v.get<float>());
    folder.write(name + ".npy", npyOf(shape, cells));
  }
  std::vector<std::string> norms;
  for (const auto& c : oracle["cases"]) {
    std::vector<std::string> words = {"render", folder / (std::string(c["grid"]) + ".npy")};
    for (const std::string option : c["options"]) words.push_back(option);
    INFO(fmt::format("{}", c["options"].dump()));
    for (const auto& [option, value] : {std::pair<std::string, std::string>{"--axes", "row,column"},
                                        {"--kind", "scalar"},
                                        {"--cmap", c["cmap"]},
                                        {"--bad-color", oracle["bad"]},
                                        {"--under-color", oracle["under"]},
                                        {"--over-color", oracle["over"]},
                                        {"--dpi", "100"},
                                        {"-o", folder / "figure.png"}})
      words.insert(words.end(), {option, value});
    const Ran ran = run(words);
    INFO(ran.err);
    REQUIRE(ran.code == 0);
    const Picture picture = readPicture(folder / "figure.png");
    const Frame frame = findFrame(picture);
    for (long row = 0; row < shape[0]; ++row)
      for (long column = 0; column < shape[1]; ++column) {
        CAPTURE(row, column);
        CHECK(cellPixel(picture, frame, {row, column}, {shape[0], shape[1]}) ==
              pixelOf(c["colors"][size_t(row * shape[1] + column)]));
      }
    const auto norm = std::find(words.begin(), words.end(), "--norm");
    norms.push_back(norm == words.end() ? "linear" : norm[1]);
  }
  for (const char* norm : {"linear", "log", "symlog", "asinh", "power", "two-slope", "centered", "boundaries"})
    CHECK(std::count(norms.begin(), norms.end(), norm) > 0);
}
