// The benchmark as a user runs it: every case verified, every rate above zero, and the same words for programs.
#include <nlohmann/json.hpp>

#include "catch.h"
#include "program.h"

using namespace divlens::test;

TEST_CASE("bench measures each case beside the limit of the same run", "[bench]") {
  const Ran ran = run({"bench", "--json", "-q"}, {.seconds = 600});
  CAPTURE(ran.err);
  REQUIRE(ran.code == 0);
  const auto report = nlohmann::json::parse(ran.out);
  CHECK_FALSE(report["device"].get<std::string>().empty());
  CHECK(report["cases"].size() >= 15);
  for (const auto& each : report["cases"]) {
    CAPTURE(each.dump());
    CHECK(each["bytesPerSecond"] > 0);
    CHECK(each["elementsPerSecond"] > 0);
    CHECK(each["limitBytesPerSecond"] > 0);
    CHECK(each["ratioToLimit"] > 0);
    CHECK(each["pairsKept"] > 0);
    CHECK(each["right"] == true);
    CHECK(each["largestError"] < 1e-4);
  }
  for (const char* leg : {"copyBytesPerSecond", "readBytesPerSecond", "weightsBytesPerSecond", "submitSeconds"})
    CHECK(report[leg] > 0);
  CHECK(report["gates"].empty());  // a GPU's
  CHECK(report["fileToGridBytesPerSecond"] > 0);
}
