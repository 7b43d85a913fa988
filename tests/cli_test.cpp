// The command line as scripts see it: what the built program prints, writes and returns.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "catch.h"
#include "figure/png.h"
#include "program.h"

using divlens::test::example;
using divlens::test::Folder;
using divlens::test::has;
using divlens::test::parseNpy;
using divlens::test::Ran;
using divlens::test::readBytes;
using divlens::test::run;
using Json = nlohmann::json;

namespace {

using Words = std::vector<std::string>;

const Words kInterventions = {"compute",     example("interventions.safetensors"),
                              "--tensor",    "intervened",
                              "--reference", "tensor:clean",
                              "--rows",      "site",
                              "--columns",   "layer"};
const Words kLens = {"compute", example("lens.safetensors")};

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// Runs it, wants exit code 0, returns standard output.
std::string output(const Words& words, const divlens::test::RunOptions& options = {}) {
  const Ran ran = run(words, options);
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  return ran.out;
}

/// Fields of RFC 4180; none of ours holds a line break.
std::vector<Words> table(const std::string& text, char separator = ',') {
  std::vector<Words> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    Words row = {""};
    bool quoted = false;
    for (size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"')
        row.back() += line[i++];
      else if (line[i] == '"')
        quoted = !quoted;
      else if (line[i] == separator && !quoted)
        row.emplace_back();
      else
        row.back() += line[i];
    }
    rows.push_back(row);
  }
  return rows;
}

/// Number of a JSON cell, which may be one of the three words.
double number(const Json& cell) {
  if (cell.is_number()) return cell.get<double>();
  return cell == "nan" ? NAN : cell == "inf" ? INFINITY : -INFINITY;
}

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

std::string textOf(const divlens::PngImage& image, const std::string& key) {
  for (const divlens::PngText& text : image.header.text)
    if (text.key == key) return text.value;
  return "(no " + key + ")";
}

}  // namespace

TEST_CASE("every command explains itself on standard output", "[cli]") {
  for (const Words& words :
       {Words{"--help"}, {"info", "--help"}, {"compute", "--help"}, {"render", "--help"}, {"devices", "--help"}}) {
    INFO(words.front());
    const Ran ran = run(words);
    CHECK(ran.code == 0);
    CHECK(has(ran.out, "divlens"));
    CHECK(ran.err.empty());
  }
  for (const char* command : {"info", "compute", "render", "devices"}) CHECK(has(output({"--help"}), command));
  CHECK(has(output({"render", "--help"}), "--xticklabels"));
  CHECK(has(output({"render", "--help"}), "YlOrRd"));
  CHECK(has(output({"compute", "--help"}), "kl-reverse"));
  CHECK(output({"--version"}) == "divlens " DIVLENS_VERSION "\n");
}

TEST_CASE("devices are listed for people and for scripts", "[cli]") {
  const Json list = Json::parse(output({"devices", "--json"}));
  REQUIRE(!list.at("devices").empty());
  const Json& first = list["devices"][0];
  CHECK(has(output({"devices"}), first.at("name").get<std::string>()));
  CHECK(first.at("index") == 0);
  CHECK(first.contains("uuid"));
  CHECK(first.contains("rejected"));
}

TEST_CASE("info describes tensors and the plan", "[cli]") {
  const std::string text = output({"info", example("lens.safetensors")});
  for (const char* part : {"logits", "layer 11", "token 8", "vocab 4096", "F16", "jsd", "layer=-1", "Ġlocated"})
    CHECK(has(text, part));
  const Json json = Json::parse(output({"info", example("lens.safetensors"), "--json"}));
  REQUIRE(json.at("dumps").size() == 1);
  CHECK(json["dumps"][0].at("format") == "safetensors");
  CHECK(json["dumps"][0].at("tensors").size() == 4);
}

TEST_CASE("one run computes once and writes every format", "[cli]") {
  const Folder folder;
  const Words formats = {"npy", "csv", "tsv", "json"};
  Words words = kInterventions;
  for (const std::string& f : formats) words = with(words, {"-o", folder / ("grid." + f)});
  CHECK(output(words).empty());
  CHECK(folder.names() == Words{"grid.csv", "grid.json", "grid.npy", "grid.tsv"});

  const divlens::test::NpyArray npy = parseNpy(readBytes(folder / "grid.npy"));
  CHECK(npy.shape == std::vector<long>{3, 30});
  const Json json = Json::parse(readBytes(folder / "grid.json"));
  const std::vector<Words> csv = table(readBytes(folder / "grid.csv"));
  REQUIRE(csv.size() == 4);
  CHECK(csv[0].size() == 31);
  CHECK(csv[0][0] == "site");
  CHECK(csv[0][30] == "29");
  CHECK(csv[3][0] == "Last.");
  const std::vector<Words> tsv = table(readBytes(folder / "grid.tsv"), '\t');
  CHECK(tsv == csv);
  for (size_t r = 0; r < 3; ++r)
    for (size_t c = 0; c < 30; ++c) {
      const std::string& text = csv[r + 1][c + 1];
      float value = 0;
      std::from_chars(text.data(), text.data() + text.size(), value);
      const float cell = npy.values[r * 30 + c];
      CHECK(value == cell);
      CHECK(text == fmt::format("{}", cell));
      CHECK(float(number(json["panels"][0]["values"][r][c])) == cell);
    }
}

TEST_CASE("JSON carries the plan and what the cells were made of", "[cli]") {
  const Words words = with(kInterventions, {"--base", "2", "--metric", "kl", "-o", "-", "--format", "json"});
  const Json json = Json::parse(output(words));
  CHECK(json.at("version") == DIVLENS_VERSION);
  CHECK(json.at("metric") == "kl");
  CHECK(has(json.at("direction"), "KL("));
  CHECK(json.at("unit") == "bits");
  CHECK(json.at("reference") == "tensor:clean");
  CHECK(json.at("rows") == Json{{"axis", "site"}, {"labels", {"Subj.", "Attn.", "Last."}}});
  CHECK(json.at("columns").at("axis") == "layer");
  CHECK(json.at("columns").at("labels").at(29) == "29");
  REQUIRE(json.at("panels").size() == 1);
  CHECK(json["panels"][0].at("label").is_null());
  CHECK(json["panels"][0].at("metric") == "kl");
  CHECK(json["panels"][0].at("count") == 2);
  CHECK(json.at("counts") == Json{{"cells", 180}, {"nan", 0}, {"inf", 0}});
  CHECK(json.at("device").is_string());
  REQUIRE(json.at("inputs").size() == 1);
  CHECK(json["inputs"][0].at("path") == words[1]);
  CHECK(json["inputs"][0].at("bytes") == readBytes(words[1]).size());
  Words command = {"divlens"};
  CHECK(json.at("command") == Json(with(command, words)));
}

TEST_CASE("symmetric metrics, metrics without reference and tables have null where nothing has a meaning", "[cli]") {
  const Json jsd = Json::parse(output(with(kLens, {"-o", "-", "--format", "json"})));
  CHECK(jsd.at("direction").is_null());
  CHECK(jsd.at("unit") == "nats");
  CHECK(jsd.at("reference") == "layer=-1");
  const Json top = Json::parse(output(with(kLens, {"--metric", "max-prob", "-o", "-", "--format", "json"})));
  CHECK(top.at("direction").is_null());
  CHECK(top.at("unit") == "");
  const Json scalar =
      Json::parse(output({"compute", example("steps.csv"), "--axes", "step,layer", "-o", "-", "--format", "json"}));
  CHECK(scalar.at("metric").is_null());
  CHECK(scalar.at("reference").is_null());
  CHECK(scalar.at("rows").at("axis") == "step");
  CHECK(scalar.at("rows").at("labels").at(32) == "20000");
}

TEST_CASE("several panels: a leading axis, a leading column, a label each", "[cli]") {
  const Folder folder;
  const Words grouped = with(kInterventions, {"--group", "example"});
  Words words = grouped;
  for (const char* name : {"g.npy", "g.csv", "g.json"}) words = with(words, {"-o", folder / name});
  output(words);
  CHECK(parseNpy(readBytes(folder / "g.npy")).shape == std::vector<long>{2, 3, 30});
  const std::vector<Words> csv = table(readBytes(folder / "g.csv"));
  REQUIRE(csv.size() == 7);
  CHECK(csv[0][0] == "panel");
  CHECK(csv[0][1] == "site");
  CHECK(csv[1][0] == "known");
  CHECK(csv[6][0] == "fictional");
  CHECK(csv[6][1] == "Last.");
  const Json json = Json::parse(readBytes(folder / "g.json"));
  CHECK(json["panels"][0].at("label") == "known");
  CHECK(json["panels"][0].at("count") == 1);

  const Json both =
      Json::parse(output(with(grouped, {"--metric", "jsd", "--metric", "tv", "-o", "-", "--format", "json"})));
  Words labels;
  for (const Json& panel : both.at("panels")) labels.push_back(panel.at("label"));
  CHECK(labels == Words{"jsd/known", "jsd/fictional", "tv/known", "tv/fictional"});
}

TEST_CASE("cells that JSON and CSV cannot hold are words", "[cli]") {
  const Folder folder;
  const float inf = INFINITY;
  // Rows: p itself; q without p's second entry; a row of nothing.
  const std::string dump =
      folder.write("edge.npy", divlens::test::npyOf({3, 1, 3}, {0, -inf, 1, -inf, -inf, -inf, 0, 0, 0}));
  const Words words = {"compute", dump, "--axes", "layer,token,vocab", "--metric", "kl", "-q"};
  const Json json = Json::parse(output(with(words, {"-o", "-", "--format", "json"})));
  CHECK(json["panels"][0]["values"] == Json{{"inf"}, {"nan"}, {0.0}});
  CHECK(json.at("counts") == Json{{"cells", 3}, {"nan", 1}, {"inf", 1}});
  CHECK(output(with(words, {"-o", "-", "--format", "csv"})) == "layer,0\n0,inf\n1,nan\n2,0\n");
  output(with(words, {"-o", folder / "edge_out.npy"}));
  const divlens::test::NpyArray npy = parseNpy(readBytes(folder / "edge_out.npy"));
  CHECK(npy.shape == std::vector<long>{3, 1});
  CHECK(std::isinf(npy.values[0]));
  CHECK(std::isnan(npy.values[1]));
}

TEST_CASE("a written table reads back as the same cells", "[cli]") {
  const Folder folder;
  output(with(kLens, {"--metric", "kl", "-o", folder / "a.csv"}));
  const Ran again = run({"compute", folder / "a.csv", "-o", folder / "b.csv", "-o", folder / "b.tsv"});
  INFO(again.err);
  REQUIRE(again.code == 0);
  const std::string first = readBytes(folder / "a.csv");
  CHECK(readBytes(folder / "b.csv") == first);
  CHECK(table(readBytes(folder / "b.tsv"), '\t') == table(first));
  // A label with a comma travels in quotes.
  CHECK(has(first, "ĠParis,\",\"\n"));
}

TEST_CASE("cells agree with double precision on every example", "[cli]") {
  const Json expected = Json::parse(readBytes(example("expected.json")));
  REQUIRE(expected.size() > 15);
  for (const auto& [key, entry] : expected.items()) {
    INFO(key);
    Words words = {"compute", example(entry["file"])};
    if (entry["tensor"].is_string()) words = with(words, {"--tensor", entry["tensor"]});
    for (const auto& [name, value] : entry["args"].items()) {
      const std::string text = value.is_string() ? value.get<std::string>() : "";
      // Paths are beside the file.
      if (name == "lens")
        words = with(words, {"--lens", example(text)});
      else if (text.starts_with("file:"))
        words = with(words, {"--" + name, "file:" + example(text.substr(5))});
      else if (!value.is_object())
        words = with(words, {"--" + name, value});
      if (value.is_object())
        for (const auto& [axis, spec] : value.items())
          words = with(words, {"--" + name, axis + "=" + spec.get<std::string>()});
    }
    const Json got = Json::parse(output(with(words, {"-o", "-", "--format", "json"})));
    const Json values = entry["values"].is_object() ? entry["values"] : Json{{"", entry["values"]}};
    REQUIRE(got.at("panels").size() == values.size());
    for (const Json& panel : got["panels"]) {
      const Json& want = values.at(panel["label"].is_null() ? "" : panel["label"].get<std::string>());
      REQUIRE(panel["values"].size() == want.size());
      for (size_t r = 0; r < want.size(); ++r)
        for (size_t c = 0; c < want[r].size(); ++c) {
          const double x = number(want[r][c]), y = number(panel["values"][r][c]);
          const double tolerance = std::abs(x) >= 1e-6 ? 1e-5 * std::abs(x) : std::max(1e-3 * std::abs(x), 1e-12);
          if (!same(x, y) && !(std::abs(x - y) <= tolerance))
            FAIL_CHECK(fmt::format("row {}, column {}: {} instead of {}", r, c, y, x));
        }
    }
  }
}

TEST_CASE("a PNG carries its resolution and how it was made, and no folder", "[cli]") {
  const Folder folder;
  Words words = with(kInterventions, {"--metric", "kl", "--base", "2", "--dpi", "100", "-o", folder / "figure.png"});
  words[0] = "render";
  output(words);
  const divlens::PngImage image = divlens::readPng(folder / "figure.png");
  CHECK(image.header.dpi == Catch::Approx(100).epsilon(1e-3));
  CHECK(textOf(image, "metric") == "kl");
  CHECK(has(textOf(image, "direction"), "KL("));
  CHECK(textOf(image, "base") == "2");
  CHECK(has(textOf(image, "reference"), "clean"));
  CHECK(textOf(image, "version") == DIVLENS_VERSION);
  CHECK(has(textOf(image, "command"), "--metric kl"));
  for (const divlens::PngText& text : image.header.text) {
    INFO(text.key);
    CHECK_FALSE(has(text.value, "/examples/"));
    CHECK_FALSE(has(text.value, "/home"));
    CHECK_FALSE(has(text.value, "divlens-test"));
  }
}

TEST_CASE("a figure can go to standard output, whole", "[cli]") {
  Words words = with(kLens, {"-o", "-", "--format", "png"});
  words[0] = "render";
  const std::string png = output(words);
  const divlens::PngImage image =
      divlens::decodePng({reinterpret_cast<const uint8_t*>(png.data()), png.size()}, "standard output");
  CHECK(image.header.width > 100);
}

TEST_CASE("data goes to standard output and words to standard error", "[cli]") {
  const Ran loud = run(with(kLens, {"-o", "-", "--format", "csv"}));
  CHECK(loud.code == 0);
  CHECK(loud.out.starts_with("layer,Ġis,"));
  CHECK(loud.err.starts_with("divlens: computing on "));
  CHECK_FALSE(has(loud.err, "\r"));
  CHECK_FALSE(has(loud.out + loud.err, "\033"));
  const Ran quiet = run(with(kLens, {"-o", "-", "--format", "csv", "-q"}));
  CHECK(quiet.out == loud.out);
  CHECK(quiet.err.empty());
}

TEST_CASE("standard output that is a file is appended to, not replaced", "[cli]") {
  const Folder folder;
  const std::string log = folder.write("log", "before\n");
  const divlens::test::RunOptions appending{.environment = {}, .directory = {}, .standardOutput = log};
  REQUIRE(run({"--version"}, appending).code == 0);
  REQUIRE(run(with(kLens, {"-q", "-o", "-", "--format", "csv"}), appending).code == 0);
  const std::string text = readBytes(log);
  CHECK(text.starts_with("before\ndivlens " DIVLENS_VERSION "\nlayer,"));
  CHECK(folder.names() == Words{"log"});
}

TEST_CASE("errors are one object on standard error with --json", "[cli]") {
  struct Case {
    Words words;
    int code;
    const char* part;
  };
  const std::vector<Case> cases = {
      {{"compute", example("lens.safetensors"), "--metric", "jsd2", "-o", "-", "--format", "csv"},
       2,
       "did you mean 'jsd'"},
      {{"compute", "missing.npy", "-o", "-", "--format", "csv"}, 3, "missing.npy"},
      {{"compute", example("lens.safetensors"), "-o", "/dev/null/x.csv"}, 6, "x.csv"},
      {{"fly"}, 2, "fly"},
      {{"render", example("lens.safetensors"), "-o", "grid.bmp"}, 2, "png"}};
  for (const Case& c : cases) {
    INFO(c.part);
    const Ran plain = run(c.words);
    CHECK(plain.code == c.code);
    CHECK(plain.out.empty());
    CHECK(has(plain.err, c.part));
    CHECK(plain.err.starts_with("divlens: "));
    const Ran json = run(with(c.words, {"--json", "-q"}));
    CHECK(json.code == c.code);
    CHECK(json.out.empty());
    const Json error = Json::parse(json.err, nullptr, false);
    REQUIRE(error.is_object());
    CHECK(error.at("error").at("code") == c.code);
    CHECK(has(error["error"].at("message"), c.part));
  }
}

TEST_CASE("numbers do not follow the locale", "[cli]") {
  const Words words = with(kLens, {"--metric", "kl", "--temperature", "1.5", "-q", "-o", "-", "--format", "csv"});
  const std::string plain = output(words);
  for (const char* locale : {"LC_ALL=de_DE.UTF-8", "LC_ALL=tr_TR.UTF-8", "LC_ALL=C"})
    CHECK(output(words, {.environment = {locale}}) == plain);
}

TEST_CASE("a run that names no output, or one of no known kind, is a usage error", "[cli]") {
  CHECK(run({"compute", example("lens.safetensors")}).code == 2);
  CHECK(run({"compute", example("lens.safetensors"), "-o", "-"}).code == 2);
  CHECK(run({"compute", example("lens.safetensors"), "-o", "grid"}).code == 2);
  CHECK(run({"compute", example("lens.safetensors"), "-o", "figure.png"}).code == 2);
  CHECK(run({}).code == 2);
}
