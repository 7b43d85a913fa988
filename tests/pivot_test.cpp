// Tables that list a cell a line, and training logs.
#include <cmath>

#include "dump_fixtures.h"

using namespace divlens;
using namespace divlens::test;

namespace {

using Labels = std::vector<std::string>;

OpenOptions columns(const std::string& rows, const std::string& across, const std::string& value) {
  OpenOptions options;
  options.rows = rows;
  options.columns = across;
  options.value = value;
  return options;
}

Dump opened(const std::string& file, const std::string& text, const OpenOptions& options = {}) {
  const TempDir dir;
  return openDump(dir.write(file, text), options);
}

std::string refused(Exit code, const std::string& file, const std::string& text, const OpenOptions& options = {}) {
  const TempDir dir;
  const std::string path = dir.write(file, text);
  return failure(code, [&] { openDump(path, options); });
}

const std::string kLong = "step,layer,kl\n0,1,0.5\n0,3,0.7\n150,1,1\n150,2,2\n150,3,3\n1000,1,inf\n";

}  // namespace

TEST_CASE("a table that lists cells becomes a grid", "[table]") {
  const Dump dump = opened("a.csv", kLong, columns("step", "layer", "kl"));
  const Tensor& tensor = dump.tensors.at(0);
  CHECK(tensor.kind == Kind::Scalar);
  CHECK(tensor.axes[0].name == "step");
  CHECK(tensor.axes[0].labels == Labels{"0", "150", "1000"});
  CHECK(tensor.axes[0].coordinates == std::vector<double>{0, 150, 1000});
  CHECK(tensor.axes[1].name == "layer");
  CHECK(tensor.axes[1].labels == Labels{"1", "2", "3"});  // 2 comes late, between 1 and 3
  const std::vector<float> values = allElements(tensor);
  CHECK(values[0] == 0.5f);
  CHECK(std::isnan(values[1]));
  CHECK(values[2] == 0.7f);
  CHECK(values[4] == 2);
  CHECK(std::isinf(values[6]));
  CHECK(std::isnan(values[8]));
  REQUIRE(dump.notes.size() == 1);
  CHECK_THAT(dump.notes[0], ContainsSubstring("3 of 9 cells"));
}

TEST_CASE("the columns may be in any order, and the third need not be named", "[table]") {
  const Dump dump =
      opened("a.tsv", "kl\tlayer\tstep\n1\tb\tx\n2\ta\tx\n3\tb\ty\n4\ta\ty\n", columns("step", "layer", ""));
  CHECK(dump.tensors[0].axes[1].labels == Labels{"b", "a"});
  CHECK(allElements(dump.tensors[0]) == std::vector<float>{1, 2, 3, 4});
  // A header without those columns is a grid as before.
  CHECK(opened("a.csv", "step,1,2\n0,5,6\n", columns("step", "layer", "")).tensors[0].axes[1].labels ==
        Labels{"1", "2"});
}

TEST_CASE("lists of cells that make no grid say why", "[table]") {
  const OpenOptions all = columns("step", "layer", "kl");
  CHECK_THAT(refused(Exit::BadInput, "a.csv", kLong + "0,3,9\n", all),
             ContainsSubstring("lines 3 and 8") && ContainsSubstring("step '0', layer '3'"));
  CHECK_THAT(refused(Exit::BadInput, "a.csv", kLong + "1,2\n", all), ContainsSubstring("line 8 has 2 cells"));
  CHECK_THAT(refused(Exit::BadInput, "a.csv", kLong + "1,2,x\n", all), ContainsSubstring("'x' is not a number"));
  CHECK_THAT(refused(Exit::BadInput, "a.csv", "step,layer,kl\n", all), ContainsSubstring("no lines"));
  CHECK_THAT(refused(Exit::Usage, "a.csv", kLong, columns("step", "layers", "kl")),
             ContainsSubstring("no column 'layers'") && ContainsSubstring("layer"));
  CHECK_THAT(refused(Exit::Usage, "a.csv", kLong, columns("step", "layer", "step")),
             ContainsSubstring("three columns"));
  CHECK_THAT(refused(Exit::Usage, "a.csv", kLong, columns("", "layer", "kl")), ContainsSubstring("--rows"));
  CHECK_THAT(refused(Exit::Usage, "a.csv", "a,b,c,d\n1,2,3,4\n", columns("a", "b", "")), ContainsSubstring("--value"));
}

TEST_CASE("what else lists of cells differ in becomes an axis", "[table]") {
  // Two seeds of each cell but one; what is measured beside, and what the token says already, are none.
  const std::string text =
      "token,layer,seed,kind,loss,kl\n"
      "a,0,s1,x,0.11,1\na,0,s2,x,0.12,2\na,1,s1,x,0.13,3\na,1,s2,x,0.14,4\n"
      "b,0,s1,y,0.15,5\nb,0,s2,y,0.16,6\nb,1,s2,y,0.17,7\n";
  const Dump dump = opened("a.csv", text, columns("layer", "token", "kl"));
  const Tensor& tensor = dump.tensors.at(0);
  REQUIRE(tensor.axes.size() == 3);
  CHECK(tensor.axes[0].name == "seed");
  CHECK(tensor.axes[0].labels == Labels{"s1", "s2"});
  CHECK(tensor.axes[0].groups == Labels{"s1", "s2"});
  CHECK(tensor.axes[1].name == "layer");
  CHECK(tensor.axes[2].name == "token");
  const std::vector<float> values = allElements(tensor);
  REQUIRE(values.size() == 8);
  CHECK(std::vector<float>(values.begin(), values.begin() + 3) == std::vector<float>{1, 5, 3});
  CHECK(std::isnan(values[3]));
  CHECK(std::vector<float>(values.begin() + 4, values.end()) == std::vector<float>{2, 6, 4, 7});
  REQUIRE(dump.notes.size() == 2);
  CHECK_THAT(dump.notes[0], ContainsSubstring("also differ in 'seed'"));
  CHECK_THAT(dump.notes[1], ContainsSubstring("1 of 8 cells"));
  // An option names another.
  OpenOptions named = columns("layer", "token", "kl");
  named.outer = {"kind", "layer", "nothing"};
  const Dump more = opened("a.csv", text, named);
  REQUIRE(more.tensors[0].axes.size() == 4);
  CHECK(more.tensors[0].axes[0].labels == Labels{"x", "y"});
  CHECK(more.tensors[0].axes[1].name == "seed");
  // Measured numbers tell lines apart, but are no axis.
  CHECK_THAT(refused(Exit::BadInput, "a.csv",
                     "t,l,loss,kl\na,0,0.1,1\na,0,0.2,2\nb,0,0.3,3\nb,1,0.4,4\na,1,0.5,5\nc,0,0.6,6\n",
                     columns("t", "l", "kl")),
             ContainsSubstring("lines 2 and 3") && ContainsSubstring("--reduce"));
}

TEST_CASE("two further keys of a list of cells, and one of a log", "[table]") {
  std::string text = "model,seed,copy,step,layer,kl\n", log;
  for (int i = 0; i < 24; ++i) {
    text += fmt::format("m{},{},{},{},{},{}\n", i / 12, i / 4 % 3, i / 4 % 3 * 10, i / 2 % 2, i % 2, i);
    log += fmt::format("{{\"step\": {}, \"layer\": {}, \"seed\": {}, \"kl\": {}}}\n", i / 2 % 2, i % 2, i / 4, i);
  }
  const Dump table = opened("a.csv", text, columns("step", "layer", "kl"));
  REQUIRE(table.tensors[0].shape == std::vector<int64_t>{2, 3, 2, 2});
  CHECK(table.tensors[0].axes[0].name == "model");
  CHECK((table.tensors[0].axes[1].name == "seed" || table.tensors[0].axes[1].name == "copy"));
  std::vector<float> counting(24);
  for (size_t i = 0; i < counting.size(); ++i) counting[i] = float(i);
  CHECK(allElements(table.tensors[0]) == counting);
  OpenOptions seeds = columns("step", "layer", "kl");
  CHECK_THAT(refused(Exit::BadInput, "a.jsonl", log, seeds), ContainsSubstring("--reduce KEY=mean"));
  seeds.outer = {"seed"};
  const Dump listed = opened("a.jsonl", log, seeds);
  CHECK(listed.tensors[0].shape == std::vector<int64_t>{6, 2, 2});
  CHECK(allElements(listed.tensors[0]) == counting);
}

TEST_CASE("a long list of cells that hardly meet is no grid", "[table]") {
  std::string text = "a,b,v\n";
  for (int i = 0; i < 20000; ++i) text += fmt::format("{},{},1\n", i, i);
  CHECK_THAT(refused(Exit::Budget, "a.csv", text, columns("a", "b", "v")), ContainsSubstring("20000 cells are listed"));
}

TEST_CASE("a training log is a grid of steps and what they log", "[table]") {
  const Dump dump = opened("log.jsonl",
                           "{\"step\": 0, \"loss\": 2.5, \"note\": \"start\", \"grad\": {\"0\": 1, \"1\": NaN}}\n\n"
                           "{\"step\": 10, \"loss\": Infinity, \"text\": \"NaN \\\"x\"}\n"
                           "{\"eval\": 1}\n"
                           "{\"step\": 10, \"lr\": 1e-4}\n");
  const Tensor& tensor = dump.tensors.at(0);
  CHECK(tensor.name == "log");
  CHECK(tensor.axes[0].name == "step");
  CHECK(tensor.axes[0].labels == Labels{"0", "10"});
  CHECK(tensor.axes[1].labels == Labels{"loss", "lr", "grad.0", "grad.1"});
  const std::vector<float> values = allElements(tensor);
  CHECK(values[0] == 2.5f);
  CHECK(std::isnan(values[1]));
  CHECK(values[2] == 1);
  CHECK(std::isnan(values[3]));
  CHECK(std::isinf(values[4]));
  CHECK(values[5] == 1e-4f);
  CHECK_THAT(dump.notes.at(0), ContainsSubstring("1 lines have no 'step'"));
}

TEST_CASE("the first line of a log need not have the key of its rows", "[table]") {
  const std::string text =
      "{\"lr\": 0.1, \"norm\": \"none\"}\n{\"it\": 3, \"loss\": \"0.5\"}\n{\"it\": 9, \"loss\": \"nan\"}\n";
  const Dump dump = opened("log.jsonl", text, columns("it", "", ""));
  CHECK(dump.tensors.at(0).axes[0].labels == Labels{"3", "9"});
  CHECK(dump.tensors.at(0).axes[1].labels == Labels{"loss"});
  CHECK(allElements(dump.tensors.at(0))[0] == 0.5f);
  CHECK_THAT(dump.notes.at(0), ContainsSubstring("1 lines have no 'it'"));
  // Inner keys, of objects and of lists.
  const std::string nested =
      "{\"info\": {\"step\": 3}, \"m\": {\"kl\": [1, 2], \"x\": 5}}\n{\"info\": {\"step\": 9}, \"m\": {\"kl\": [3, 4], "
      "\"x\": 6}}\n";
  const Tensor inner = opened("log.jsonl", nested, columns("info.step", "", "m.kl")).tensors.at(0);
  CHECK(inner.axes[0].labels == Labels{"3", "9"});
  CHECK(allElements(inner) == std::vector<float>{1, 2, 3, 4});
  CHECK(allElements(opened("log.jsonl", nested, columns("info.step", "", "m.kl.1")).tensors.at(0)) ==
        std::vector<float>{2, 4});
  CHECK(opened("log.jsonl", nested, columns("info.step", "", "")).tensors.at(0).shape == std::vector<int64_t>{2, 3});
  CHECK(opened("log.jsonl", "{\"seed\": 1}\n{\"step\": 7, \"x\": 2}\n").tensors.at(0).axes[0].labels == Labels{"7"});
}

TEST_CASE("a JSON document that holds a list of objects is a log, too", "[table]") {
  const std::string list =
      "[{\"step\": 10, \"loss\": 1.5},\n {\"step\": 20, \"loss\": NaN}, {\"step\": 20, \"eval\": 2}]";
  for (const std::string& text : {list, "{\"best\": null, \"log_history\": " + list + ", \"stateful\": [1]}"}) {
    const Tensor tensor = opened("trainer_state.json", text).tensors.at(0);
    CHECK(tensor.name == "trainer_state");
    CHECK(tensor.axes[0].labels == Labels{"10", "20"});
    CHECK(tensor.axes[1].labels == Labels{"loss", "eval"});
    CHECK(allElements(tensor)[3] == 2);
  }
  for (const char* text : {"{\"model_type\": \"llama\"}", "[1, 2]", "[]", "7", "{\"a\": [{}], \"b\": [{}]}"})
    CHECK_THAT(refused(Exit::BadInput, "config.json", text), ContainsSubstring("no log"));
  CHECK_THAT(refused(Exit::BadInput, "a.json", "{\"a\": "), ContainsSubstring("a.json"));
}

TEST_CASE("a log's lists and objects spread along the columns", "[table]") {
  const OpenOptions options = columns("step", "layer", "kl");
  const std::string text =
      "{\"step\": 0, \"kl\": [0.1, 0.2], \"x\": 1}\n{\"step\": 5, \"kl\": [0.3, 0.4]}\n{\"x\": 1}\n";
  const Tensor spread = opened("log.jsonl", text, options).tensors.at(0);
  CHECK(spread.axes[1].name == "layer");
  CHECK(spread.axes[1].labels == Labels{"0", "1"});
  CHECK(allElements(spread) == std::vector<float>{0.1f, 0.2f, 0.3f, 0.4f});
  const std::string lines =
      "{\"step\": 0, \"layer\": \"a\", \"kl\": 1}\n{\"step\": 0, \"layer\": \"b\", \"kl\": null}\n";
  const Tensor listed = opened("log.ndjson", lines, options).tensors.at(0);
  CHECK(listed.axes[1].labels == Labels{"a", "b"});
  CHECK(std::isnan(allElements(listed)[1]));
}

TEST_CASE("logs that cannot be read say where", "[table]") {
  CHECK_THAT(refused(Exit::BadInput, "a.jsonl", "{\"step\": 0, \"x\": 1}\n{\"step\": \n"), ContainsSubstring("line 2"));
  CHECK_THAT(refused(Exit::BadInput, "a.jsonl", "[1]\n"), ContainsSubstring("no JSON object"));
  CHECK_THAT(refused(Exit::BadInput, "a.jsonl", "{\"step\": 0}\n"), ContainsSubstring("no numbers"));
  CHECK_THAT(refused(Exit::BadInput, "a.jsonl", "{\"step\": 0, \"x\": 1}\n{\"step\": 0, \"x\": 2}\n"),
             ContainsSubstring("lines 1 and 2"));
  CHECK_THAT(refused(Exit::Usage, "a.jsonl", "{\"step\": 0, \"loss\": 1}\n", columns("step", "layer", "los")),
             ContainsSubstring("'los'") && ContainsSubstring("loss"));
  CHECK_THAT(refused(Exit::Usage, "a.jsonl", "{\"step\": 0, \"loss\": 1}\n", columns("stp", "", "")),
             ContainsSubstring("'stp'"));
}
