// --convention against the tools' own formulas, which tools/conventions.py has in numpy.
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "dump_fixtures.h"
#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;
using nlohmann::json;

namespace {

double number(const json& value) {
  return value.is_number() ? value.get<double>() : std::stod(value.get<std::string>());
}

json pairs() {
  std::ifstream file(data("conventions.json"));
  REQUIRE(file);
  return json::parse(file);
}

Dump dumpOfPair(const json& pair, DType dtype) {
  const auto width = int64_t(pair["cell"].size());
  Array array{"logits", {axis("layer", 2), axis("token", 1), axis("vocab", width)}, Kind::Logits, dtype, {}};
  for (const char* side : {"cell", "reference"})
    for (const json& value : pair[side]) array.values.push_back(number(value));
  return dumpOf({array});
}

}  // namespace

TEST_CASE_METHOD(GpuTest, "every convention equals its tool's formula to four digits", "[gpu][conventions]") {
  std::set<std::pair<std::string, std::string>> seen;
  for (const json& pair : pairs())
    for (const json& row : pair["values"]) {
      const std::string tool = row["tool"], metric = row["metric"];
      seen.insert({tool, metric});
      PlanOptions options{.metrics = {metric}, .reference = "layer=-1"};
      options.convention = tool;
      for (const DType dtype : {DType::F16, DType::F32, DType::F64}) {
        const double expected = number(row["value"]);
        const auto got = double(run(dumpOfPair(pair, dtype), options).at(0, 0, 0));
        CAPTURE(pair["name"].get<std::string>(), tool, metric, info(dtype).name, expected, got);
        if (std::isfinite(expected))
          CHECK(std::abs(got - expected) <= 5e-5 * std::abs(expected));
        else
          CHECK((std::isnan(expected) ? std::isnan(got) : got == expected));
      }
    }
  for (const Metric& row : conventions()) {
    CAPTURE(row.tool, row.name);
    CHECK(seen.count({row.tool, row.name}) == 1);
  }
}

TEST_CASE("the committed values of the conventions are what the script prints", "[conventions]") {
  // Debian's python3-numpy, where it is installed (tools/setup --dev).
  if (std::system("/usr/bin/python3 -c 'import numpy' 2>/dev/null") != 0) {
    WARN("no python3-numpy: tools/conventions.py is not run");
    return;
  }
  CHECK(std::system("/usr/bin/python3 '" DIVLENS_SOURCE_DIR "/tools/conventions.py' > /dev/null") == 0);
}
