#include "app/options.h"

#include <set>

#include "catch.h"
#include "plan_dumps.h"

using namespace divlens;
using Texts = std::vector<std::string>;

namespace {

Settings parse(const Texts& words, const HelpLists& lists = {}) {
  std::vector<const char*> argv = {"divlens"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  return parseOptions(static_cast<int>(argv.size()), argv.data(), lists);
}

}  // namespace

TEST_CASE("options of all sections are read", "[options]") {
  const Settings s = parse({"render",
                            "a.npy:x",
                            "--rows",
                            "layer",
                            "--metric",
                            "kl",
                            "--metric",
                            "jsd",
                            "-o",
                            "a.png",
                            "-o",
                            "B.NPY",
                            "--cmap=viridis",
                            "--max-gpu-mem",
                            "2G",
                            "-q",
                            "--axes",
                            "a,b,c",
                            "--vocab",
                            "100",
                            "--temperature",
                            "0.5",
                            "--strict",
                            "--partial",
                            "--dtype",
                            "bf16"});
  CHECK(s.command == "render");
  CHECK(s.dumps == Texts{"a.npy:x"});
  CHECK(s.plan.rows == "layer");
  CHECK(s.plan.metrics == Texts{"kl", "jsd"});
  CHECK(s.plan.axes == Texts{"a", "b", "c"});
  CHECK(s.plan.vocab == 100);
  CHECK(s.plan.temperature == 0.5);
  CHECK(s.plan.open.partial);
  CHECK_FALSE(s.plan.open.lenient);
  CHECK(s.plan.open.dtype == "bf16");
  CHECK(s.figure.cmap == "viridis");
  CHECK(s.maxGpuMemory == uint64_t{2} << 30);
  CHECK(s.quiet);
  CHECK(s.strict);
  CHECK(s.arguments.size() == 26);
  CHECK(s.arguments.front() == "render");
  REQUIRE(s.outputs.size() == 2);
  CHECK(s.outputs[0].format->writer == Writer::Png);
  CHECK(s.outputs[1].format->writer == Writer::Npy);
}

TEST_CASE("values that look like options are values", "[options]") {
  const Settings s = parse({"render", "a.npy", "-o", "a.png", "--vmin", "-1", "--vmax", "-.5e-1", "--reference",
                            "layer=-1", "--center", "+2", "--title", "--odd--", "--select", "layer=-3:"});
  CHECK(s.figure.vmin == -1);
  CHECK(s.figure.vmax == -0.05);
  CHECK(s.figure.center == 2);
  CHECK(s.figure.title == "--odd--");
  CHECK(s.plan.reference == "layer=-1");
  CHECK(s.plan.select == Texts{"layer=-3:"});
}

TEST_CASE("repeatable options leave the files alone", "[options]") {
  const Settings s = parse({"compute", "--select", "a=1", "--select", "b=[2,3]", "dump.npy", "-o", "x.csv"});
  CHECK(s.plan.select == Texts{"a=1", "b=[2,3]"});
  CHECK(s.dumps == Texts{"dump.npy"});
  CHECK(parse({"compute", "-o", "x.csv", "--reduce", "a=mean", "d.npy"}).dumps == Texts{"d.npy"});
  CHECK(parse({"info", "render", "info"}).dumps == Texts{"render", "info"});
  CHECK(parse({"info", "--", "--odd.npy"}).dumps == Texts{"--odd.npy"});
  CHECK(parse({"render", "d", "-o", "a.png", "--dpi", "100", "--dpi", "300"}).figure.dpi == 300);
}

TEST_CASE("--robust may take its percentiles, and swallows no file", "[options]") {
  CHECK(parse({"render", "-o", "a.png", "--robust", "d.npy"}).figure.robust == "2,98");
  CHECK(parse({"render", "-o", "a.png", "--robust", "d.npy"}).dumps == Texts{"d.npy"});
  CHECK(parse({"render", "-o", "a.png", "--robust=5,95", "d.npy"}).figure.robust == "5,95");
  CHECK(parse({"render", "-o", "a.png", "d.npy"}).figure.robust.empty());
  CHECK(parse({"render", "-o", "a.png", "d.npy"}).figure.cbar);
  CHECK_FALSE(parse({"render", "-o", "a.png", "d.npy", "--no-cbar"}).figure.cbar);
}

TEST_CASE("empty and odd text reaches the options as it is", "[options]") {
  const Settings s = parse({"render", "d", "-o", "a.png", "--xlabel", "", "--title", "{}", "--ylabel", "[a, b]"});
  REQUIRE(s.figure.xlabel.has_value());
  CHECK(s.figure.xlabel->empty());
  CHECK_FALSE(s.figure.cbarLabel.has_value());
  CHECK(s.figure.title == "{}");
  CHECK(s.figure.ylabel == "[a, b]");
}

TEST_CASE("unknown names get a suggestion and exit code 2", "[options]") {
  const auto [words, text] = GENERATE(table<Texts, std::string>({
      {{"rendr", "a"}, "unknown command 'rendr', did you mean 'render'?"},
      {{"frobnicate"}, "known: info, compute, render"},
      {Texts{}, "say what to do"},
      {{"--jsn"}, "did you mean '--json'?"},
      {{"compute", "a", "--rowss", "x", "-o", "a.npy"}, "unknown option '--rowss', did you mean '--rows'?"},
      {{"compute", "a", "--temp=1", "-o", "a.npy"}, "did you mean '--temperature'?"},
      {{"compute", "a", "-x", "-o", "a.npy"}, "divlens compute --help"},
      {{"compute", "a", "--cmap", "viridis", "-o", "a.npy"}, "divlens compute takes no --cmap; divlens render does"},
      {{"compute", "a"}, "pass -o OUT"},
      {{"compute", "-o", "a.npy"}, "name a file"},
      {{"compute", "a", "b", "-o", "a.npy"}, "'b' is one too many"},
      {{"devices", "b"}, "takes no files"},
      {{"compute", "a", "-o", "a.png"}, "divlens render writes figures"},
      {{"render", "a", "-o", "a.gif"}, ".png, .pdf, .svg, .npy, .csv, .tsv, .json"},
      {{"render", "a", "-o", "-"}, "--format"},
      {{"render", "a", "-o", "-", "--format", "jso"}, "did you mean 'json'?"},
      {{"compute", "a", "-o", "-", "-o", "-", "--format", "csv"}, "more than once"},
      {{"render", "a", "-o"}, "--output"},
      {{"render", "a", "-o", "a.png", "--vmin", "1,5"}, "--vmin '1,5': it must be a finite number"},
      {{"render", "a", "-o", "a.png", "--vmin", "nan"}, "finite"},
      {{"render", "a", "-o", "a.png", "--vmin", ""}, "finite"},
      {{"render", "a", "-o", "a.png", "--vocab", "1.5"}, "whole number"},
      {{"render", "a", "-o", "a.png", "--max-ram", "2Q"}, "--max-ram '2Q'"},
  }));
  CAPTURE(words);
  CHECK_REFUSED(parse(words), Exit::Usage, text);
}

TEST_CASE("outputs are chosen by suffix, then by --format", "[options]") {
  CHECK(parse({"compute", "a", "-o", "-", "--format", "csv"}).outputs.at(0).format->writer == Writer::Csv);
  CHECK(parse({"compute", "a", "-o", "x.dat", "--format", "tsv"}).outputs.at(0).format->writer == Writer::Tsv);
  CHECK(parse({"compute", "a", "-o", "x.json", "--format", "tsv"}).outputs.at(0).format->writer == Writer::Json);
}

TEST_CASE("sizes are powers of 1024", "[options]") {
  CHECK(parseBytes("4096", "--max-ram") == 4096);
  CHECK(parseBytes("512M", "--max-ram") == uint64_t{512} << 20);
  CHECK(parseBytes("1.5k", "--max-ram") == 1536);
  CHECK(parseBytes("2GiB", "--max-ram") == uint64_t{2} << 30);
  CHECK(parseBytes("3TB", "--max-ram") == uint64_t{3} << 40);
  for (const char* text : {"", "G", "-1G", "0", "2GG", "nan", "inf", "1e40", "2 G"}) {
    INFO(text);
    CHECK_REFUSED(parseBytes(text, "--max-ram"), Exit::Usage, "--max-ram");
  }
}

TEST_CASE("the help comes from the tables", "[options]") {
  const std::string program = parse({"--help"}).text;
  for (const Command& command : commands()) CHECK_THAT(program, Catch::Matchers::ContainsSubstring(command.help));
  HelpLists lists;
  lists.colormaps = [] { return Texts{"mapone", "maptwo"}; };
  const std::string render = parse({"render", "--help"}, lists).text;
  const std::string explain = parse({"explain", "--help"}).text;
  const std::string bench = parse({"bench", "--help"}).text;
  for (const OptionRow& row : optionRows()) {
    const std::string names = row.names;
    CHECK_THAT(row.section == kExplainSection ? explain
               : row.section == kBenchSection ? bench
                                              : render,
               Catch::Matchers::ContainsSubstring(names.substr(names.find("--"))));
  }
  for (const Metric& metric : metrics()) CHECK_THAT(render, Catch::Matchers::ContainsSubstring(metric.formula));
  CHECK_THAT(render, Catch::Matchers::ContainsSubstring("mapone maptwo"));
  CHECK_THAT(parse({"info", "-h"}).text, !Catch::Matchers::ContainsSubstring("--cmap"));
  CHECK(parse({"--version"}).text == "divlens " DIVLENS_VERSION "\n");
  CHECK(parse({"--version"}).command.empty());
}

TEST_CASE("no option stands twice in the table", "[options]") {
  std::set<std::string> names;
  for (const OptionRow& row : optionRows()) CHECK(names.insert(row.names).second);
}
