// Small figures of the example dumps against tests/golden, and the colours of cells against the committed maps.
// tools/update_golden rewrites the figures; look at them before committing.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "catch.h"
#include "picture.h"
#include "program.h"

using namespace divlens::test;

namespace {

using Words = std::vector<std::string>;

/// Text may differ a little between versions of the font libraries: this share of pixels by more than kStep of 255.
constexpr double kShare = 0.002;
constexpr int kStep = 2;

struct Figure {
  const char* name;
  Words words;
};

/// Tokens as vocabularies hold them: byte-level marks, scripts, emoji, what cannot be seen, repeats, 10 kB.
std::vector<std::string> tokens() {
  return {"The",      "Ġcapital",   "Ġof",  "ĠFrance",  "Ċ",      "ĊĊ",      "▁Paris", "日本語",
          "東京",     "北京市",     "中文", "한국어",   "서울",   "العربية", "مرحبا",  "עברית",
          "हिन्दी",    "नमस्ते",       "ไทย",  "Ελληνικά", "Привет", "Ã±andÃº", "naÃ¯ve", "æĹ¥æľ¬",
          "😀",       "👩\u200d🚀", "🇫🇷",   "❤️",        "ﬃ",      "<|eot|>", "\t",     std::string(1, '\0'),
          "\x1b[31m", "\u200b",     " ",    "  ",       "the",    "the",     "the",    std::string(10240, 'x')};
}

/// Grids at the ends of what is drawn, written into the test's folder.
void writeGrids(const Folder& folder) {
  const auto grid = [&](const std::string& name, long rows, long columns, auto value) {
    std::vector<float> cells;
    for (long r = 0; r < rows; ++r)
      for (long c = 0; c < columns; ++c) cells.push_back(float(value(double(r), double(c))));
    folder.write(name + ".npy", npyOf({rows, columns}, cells));
  };
  const auto peak = [](double at) { return at == 77777 ? 1.0 : 0.2 * std::abs(std::sin(at / 9000)); };
  grid("many", 200, 300, [](double r, double c) { return std::abs(std::sin(r / 17) * std::cos(c / 23)); });
  grid("one", 1, 1, [](double, double) { return 0.3; });
  grid("wide", 1, 100000, [&](double, double c) { return peak(c); });
  grid("tall", 100000, 1, [&](double r, double) { return peak(r); });
  grid("nan", 5, 7, [](double, double) { return NAN; });
  grid("labels", 4, long(tokens().size()), [](double r, double c) { return std::fmod(0.618 * (c + 7 * r), 1); });
  folder.write("labels.npy.divlens.json",
               nlohmann::json{{"version", 1},
                              {"tensors", {{"labels", {{"axes", {"layer", "token"}}, {"kind", "scalar"}}}}},
                              {"labels", {{"token", tokens()}}}}
                   .dump());
}

/// The same fonts for everybody who has installed what tools/setup --dev lists.
std::string fontsOnly(const Folder& folder) {
  std::string list;
  for (const char* directory : {"/usr/share/fonts/truetype/noto", "/usr/share/fonts/truetype/wqy"}) {
    INFO("tools/setup --dev installs these fonts: " << directory);
    REQUIRE(std::filesystem::is_directory(directory));
    list += fmt::format("<dir>{}</dir>", directory);
  }
  return folder.write("fonts.conf", "<?xml version=\"1.0\"?><!DOCTYPE fontconfig SYSTEM \"fonts.dtd\"><fontconfig>" +
                                        list +
                                        "<include ignore_missing=\"yes\">/etc/fonts/conf.d</include><cachedir "
                                        "prefix=\"xdg\">fontconfig</cachedir></fontconfig>");
}

const std::vector<Figure>& figures() {
  static const std::vector<Figure> table = {
      {"interventions",
       {example("interventions.safetensors"), "--tensor", "intervened", "--reference", "tensor:clean", "--rows", "site",
        "--columns", "layer", "--select", "example=group:known", "--cmap", "Blues", "--xticklabels", "2",
        "--cbar-label", "Avg JS Divergence"}},
      {"generated",
       {example("generated.safetensors"), "--tensor", "ablated", "--reference", "tensor:clean", "--metric", "kl",
        "--cmap", "YlOrRd", "--xlabel", "Generated Token"}},
      {"steps", {example("steps.csv"), "--axes", "step,layer", "--cmap", "rocket", "--ylabel", "Steps"}},
      {"lens_symlog",
       {example("lens.safetensors"), "--metric", "kl", "--cmap", "magma", "--norm", "symlog", "--linthresh", "1"}},
      {"lens_previous",
       {example("lens.safetensors"), "--reference", "layer:prev", "--cmap", "#2166ac,#f7f7f7,#e08214", "--center",
        "0.3", "--vmin", "0.1", "--vmax", "0.6", "--extend", "both", "--origin", "lower"}},
      {"groups",
       {example("interventions.safetensors"), "--tensor", "intervened", "--reference", "tensor:clean", "--rows", "site",
        "--columns", "layer", "--group", "example"}},
      {"metrics",
       {example("lens.safetensors"), "--metric", "kl", "--metric", "jsd", "--norm", "asinh", "--marginals", "--mark",
        "layer=9,token=3"}},
      {"scaled",
       {example("steps.csv"), "--axes", "step,layer", "--axis-scale", "step=log", "--threshold", "1.5", "--norm",
        "two-slope", "--center", "1.5", "--note", ""}},
      {"labels", {"@labels.npy"}},
      {"many", {"@many.npy"}},
      {"one", {"@one.npy"}},
      {"wide", {"@wide.npy"}},
      {"tall", {"@tall.npy"}},
      {"nan", {"@nan.npy"}}};
  return table;
}

Picture render(const Folder& folder, Words words, const Words& more = {}) {
  words.insert(words.begin(), "render");
  for (const char* word : {"--dpi", "100", "-q", "-o"}) words.emplace_back(word);
  words.push_back(folder / "figure.png");
  words.insert(words.end(), more.begin(), more.end());
  for (std::string& word : words)
    if (word.starts_with("@")) {
      word = folder / word.substr(1);
      for (const char* plan : {"--axes", "layer,token", "--kind", "scalar"}) words.emplace_back(plan);
      break;
    }
  const Ran ran = run(words, {.environment = {"FONTCONFIG_FILE=" + fontsOnly(folder)}});
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  return readPicture(folder / "figure.png");
}

void compare(const Picture& got, const Picture& golden) {
  REQUIRE(got.width == golden.width);
  REQUIRE(got.height == golden.height);
  size_t different = 0;
  for (size_t i = 0; i < got.rgba.size(); i += 4) {
    int step = 0;
    for (size_t c = 0; c < 4; ++c) step = std::max(step, std::abs(int(got.rgba[i + c]) - int(golden.rgba[i + c])));
    different += step > kStep;
  }
  CHECK(double(different) <= kShare * double(got.rgba.size() / 4));
  const Frame frame = findFrame(golden);
  REQUIRE(frame.right - frame.left > 100);
  REQUIRE(frame.bottom - frame.top > 20);
  size_t cells = 0;
  for (int y = frame.top; y < frame.bottom; ++y)
    for (int x = frame.left; x < frame.right; ++x) cells += got.at(x, y) != golden.at(x, y);
  CHECK(cells == 0);
}

}  // namespace

TEST_CASE("figures look as they did", "[golden]") {
  const bool update = std::getenv("DIVLENS_UPDATE_GOLDEN") != nullptr;
  for (const Figure& figure : figures()) {
    INFO(figure.name);
    const Folder folder;
    writeGrids(folder);
    const Picture got = render(folder, figure.words);
    const std::string golden = fmt::format("{}/{}.png", DIVLENS_GOLDEN, figure.name);
    if (update)
      std::filesystem::copy_file(folder / "figure.png", golden, std::filesystem::copy_options::overwrite_existing);
    compare(got, readPicture(golden));
  }
}

TEST_CASE("a cell's colour is entry min(255, floor(256 t)) of the committed map", "[golden]") {
  struct Case {
    const char* map;
    Words words;
    double low, high;  // NaN: of the data
  };
  const double data = std::nan("");
  const std::vector<Case> cases = {
      {"Blues", figures()[0].words, data, data},
      {"YlOrRd", figures()[1].words, data, data},
      {"rocket", figures()[2].words, data, data},
      {"viridis", {example("lens.safetensors"), "--vmin", "0.25", "--vmax", "0.5"}, 0.25, 0.5}};
  for (const Case& c : cases) {
    INFO(c.map);
    const Folder folder;
    const Picture got = render(folder, c.words, {"-o", folder / "grid.npy"});
    const NpyArray grid = parseNpy(readBytes(folder / "grid.npy"));
    const std::vector<Pixel> table = colormapTable(c.map);
    REQUIRE(table.size() == 256);
    const auto [low, high] = std::minmax_element(grid.values.begin(), grid.values.end());
    const double vmin = std::isnan(c.low) ? double(*low) : c.low, vmax = std::isnan(c.high) ? double(*high) : c.high;
    const Frame frame = findFrame(got);
    const long rows = grid.shape.at(0), columns = grid.shape.at(1);
    for (long row = 0; row < rows; ++row)
      for (long column = 0; column < columns; ++column) {
        const double at = 256 * (double(grid.values[size_t(row * columns + column)]) - vmin) / (vmax - vmin);
        const auto entry = [&](double v) { return table[size_t(std::clamp(std::floor(v), 0.0, 255.0))]; };
        const Pixel pixel = cellPixel(got, frame, {row, column}, {rows, columns});
        // On the edge of two entries float32 may fall to either side.
        if (pixel != entry(at - 1e-4) && pixel != entry(at + 1e-4))
          FAIL_CHECK(
              fmt::format("cell {}, {}: entry {:.4f}, found {},{},{}", row, column, at, pixel[0], pixel[1], pixel[2]));
      }
  }
}

TEST_CASE("--xlim and --ylim show a part in the colours of the whole", "[golden]") {
  const Folder folder;
  const Words words = {example("lens.safetensors"), "--metric", "kl"};
  const Picture whole = render(folder, words);
  const Picture part = render(folder, words, {"--xlim", "2,6", "--ylim", "4,8"});
  const Frame a = findFrame(whole), b = findFrame(part);
  const Ran shape = run({"compute", example("lens.safetensors"), "--metric", "kl", "-o", folder / "grid.npy"});
  REQUIRE(shape.code == 0);
  const NpyArray grid = parseNpy(readBytes(folder / "grid.npy"));
  const long rows = grid.shape.at(0), columns = grid.shape.at(1);
  for (long row = 4; row < 8; ++row)
    for (long column = 2; column < 6; ++column) {
      CAPTURE(row, column);
      CHECK(cellPixel(whole, a, {row, column}, {rows, columns}) == cellPixel(part, b, {row - 4, column - 2}, {4, 4}));
    }
  for (const char* wrong : {"--xlim=4,2", "--xlim=-1,2", "--ylim=0,1000", "--ylim=x", "--xlim=3"}) {
    CAPTURE(wrong);
    const Ran ran = run({"render", example("lens.safetensors"), wrong, "-o", folder / "wrong.png"});
    CHECK(ran.code == 2);
    CHECK(has(ran.err, std::string(wrong).substr(0, 6)));
  }
}
