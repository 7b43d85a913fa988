// The bundled examples against values that float64 code from elsewhere found for them.
#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;
using nlohmann::json;

namespace {

const std::string kExamples = DIVLENS_EXAMPLES;

json entries() {
  std::ifstream file(kExamples + "/expected.json");
  REQUIRE(file);
  return json::parse(file);
}

std::vector<std::string> assignments(const json& pairs) {
  std::vector<std::string> out;
  for (const auto& [axis, spec] : pairs.items()) out.push_back(axis + "=" + spec.get<std::string>());
  return out;
}

/// "step,layer" taken apart.
std::vector<std::string> listOf(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) out.push_back(part);
  return out;
}

PlanOptions planOptions(const json& entry) {
  PlanOptions out;
  if (entry["tensor"].is_string()) out.tensor = entry["tensor"];
  const std::map<std::string, std::function<void(const json&)>> known = {
      {"axes", [&](const json& v) { out.axes = listOf(v); }},
      {"rows", [&](const json& v) { out.rows = v; }},
      {"columns", [&](const json& v) { out.columns = v; }},
      {"metric", [&](const json& v) { out.metrics = {v.get<std::string>()}; }},
      {"reference",
       [&](const json& v) {
         out.reference = v;
         if (out.reference.starts_with("file:")) out.reference.insert(5, kExamples + "/");
       }},
      {"group", [&](const json& v) { out.group = v; }},
      // Both as paths beside expected.json.
      {"lens", [&](const json& v) { out.lens = kExamples + "/" + v.get<std::string>(); }},
      {"targets", [&](const json& v) { out.targets = v; }},
      {"reduce", [&](const json& v) { out.reduce = assignments(v); }},
      {"select", [&](const json& v) { out.select = assignments(v); }},
  };
  for (const auto& [key, value] : entry["args"].items()) {
    INFO("argument of expected.json: " << key);
    REQUIRE(known.count(key) == 1);
    known.at(key)(value);
  }
  return out;
}

double number(const json& value) {
  if (value.is_number()) return value;
  const std::string text = value;
  return text == "nan" ? NAN : text == "inf" ? INFINITY : -INFINITY;
}

void checkPanel(const std::string& metric, const json& expected, const Cells& got, size_t panel) {
  REQUIRE(int64_t(expected.size()) == got.rows);
  for (size_t row = 0; row < expected.size(); ++row) {
    REQUIRE(int64_t(expected[row].size()) == got.columns);
    for (size_t column = 0; column < expected[row].size(); ++column) {
      const double value = number(expected[row][column]);
      const float cell = got.at(panel, int64_t(row), int64_t(column));
      CAPTURE(row, column, value, cell);
      CHECK(excess(metric, value, cell) <= 1);
    }
  }
}

}  // namespace

TEST_CASE_METHOD(GpuTest, "every cell of the bundled examples has its expected value", "[gpu][expected]") {
  const json all = entries();
  CHECK(all.size() >= 10);
  for (const auto& [key, entry] : all.items()) {
    INFO(key);
    const Dump dump = openDump(kExamples + "/" + entry["file"].get<std::string>());
    const Cells got = run(dump, planOptions(entry));
    const std::string metric = entry["args"].value("metric", "");
    const json& values = entry["values"];
    if (values.is_array()) {
      REQUIRE(got.panels.size() == 1);
      checkPanel(metric, values, got, 0);
      continue;
    }
    // One panel a group, found by its label.
    const Plan plan = makePlan(dump, "", planOptions(entry));
    REQUIRE(got.panels.size() == values.size());
    for (size_t panel = 0; panel < plan.panels.size(); ++panel) {
      INFO(plan.panels[panel].label);
      REQUIRE(values.contains(plan.panels[panel].label));
      checkPanel(metric, values[plan.panels[panel].label], got, panel);
    }
  }
}
