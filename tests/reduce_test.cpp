// Statistics over reduced axes against numpy's definitions.
#include <cmath>

#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;

namespace {

const std::vector<std::string> kHows = {"mean", "median", "q0.9", "min", "max", "std", "sem", "count"};

bool near(double expected, float got, double scale) {
  if (std::isnan(expected)) return std::isnan(got);
  return std::abs(double(got) - expected) <= 2e-6 * std::max(scale, std::abs(expected));
}

/// A table [row 2, column 3, example n] with some NaN and infinite entries where `holes`.
Array table(int64_t entries, bool holes) {
  Random random{static_cast<uint32_t>(entries)};
  Array out{"table", {axis("row", 2), axis("column", 3), axis("example", entries)}, Kind::Scalar, DType::F32, {}};
  for (int64_t i = 0; i < 6 * entries; ++i) {
    double v = double(float(5 + 3 * random.normal()));
    if (holes && random.uniform() < 0.2)
      v = random.uniform() < 0.5 ? NAN : random.uniform() < 0.5 ? INFINITY : -INFINITY;
    out.values.push_back(v);
  }
  return out;
}

std::vector<double> slice(const std::vector<double>& values, size_t first, size_t count) {
  return {values.begin() + std::ptrdiff_t(first), values.begin() + std::ptrdiff_t(first + count)};
}

}  // namespace

TEST_CASE_METHOD(GpuTest, "each statistic agrees with its definition at every size", "[gpu][reduce]") {
  for (const int64_t entries : {2, 3, 5, 48, 1000})
    for (const bool holes : {false, true}) {
      const Array values = table(entries, holes);
      for (const std::string& how : kHows) {
        const Cells got = run(dumpOf({values}), {.rows = "row", .columns = "column", .reduce = {"example=" + how}});
        for (int64_t cell = 0; cell < 6; ++cell) {
          const double expected = oracleStatistic(how, slice(values.values, size_t(cell * entries), size_t(entries)));
          CAPTURE(how, entries, holes, cell, expected, got.panels[0][size_t(cell)]);
          CHECK(near(expected, got.panels[0][size_t(cell)], 10));
        }
      }
    }
}

TEST_CASE_METHOD(GpuTest, "statistics of huge entries are finite where their value is", "[gpu][reduce]") {
  const double most = double(std::numeric_limits<float>::max());
  for (const int64_t entries : {2, 3, 7, 300})
    for (const bool mixed : {false, true}) {
      Array values{
          "table", {axis("row", 1), axis("column", 1), axis("example", entries)}, Kind::Scalar, DType::F32, {}};
      Random random{static_cast<uint32_t>(entries)};
      for (int64_t i = 0; i < entries; ++i)
        values.values.push_back(mixed && i % 3 == 1   ? double(float(random.normal()))
                                : mixed && i % 3 == 2 ? double(float(-most / 4))
                                                      : double(float(most * (1 - random.uniform() / 4))));
      for (const std::string& how : kHows) {
        const Cells got = run(dumpOf({values}), {.rows = "row", .columns = "column", .reduce = {"example=" + how}});
        CAPTURE(how, entries, mixed);
        CHECK(near(oracleStatistic(how, values.values), got.at(0, 0, 0), how == "count" ? 0 : most));
      }
      const PlanOptions interval{.rows = "row", .columns = "column", .confidence = 0.9};
      const Plan plan = makePlan(dumpOf({values}), "", interval);
      const Result result = evaluate(context(), plan);
      const float low = result.lower->read(context(), 0)[0], high = result.upper->read(context(), 0)[0];
      CAPTURE(low, high);
      CHECK(std::isfinite(low));
      CHECK(std::isfinite(high));
      CHECK(low <= high);
    }
}

TEST_CASE_METHOD(GpuTest, "a single entry is its own mean, median, min and max", "[gpu][reduce]") {
  const Array values = table(1, false);
  for (const std::string& how : kHows) {
    const Cells got = run(dumpOf({values}), {.rows = "row", .columns = "column", .reduce = {"example=" + how}});
    for (int64_t cell = 0; cell < 6; ++cell) {
      const double expected = oracleStatistic(how, {values.values[size_t(cell)]});
      CAPTURE(how);
      CHECK(near(expected, got.panels[0][size_t(cell)], 0));
    }
  }
}

TEST_CASE_METHOD(GpuTest, "entries that are all NaN or infinite leave a NaN, and a count of 0", "[gpu][reduce]") {
  const Array values{"table",
                     {axis("row", 1), axis("column", 1), axis("example", 3)},
                     Kind::Scalar,
                     DType::F32,
                     {NAN, INFINITY, -INFINITY}};
  for (const std::string& how : kHows) {
    const Cells got = run(dumpOf({values}), {.rows = "row", .columns = "column", .reduce = {"example=" + how}});
    CAPTURE(how);
    if (how == "count")
      CHECK(got.at(0, 0, 0) == 0);
    else
      CHECK(std::isnan(got.at(0, 0, 0)));
    CHECK(got.nans == 1);
    CHECK(got.infinities == 2);
  }
}

TEST_CASE_METHOD(GpuTest, "neighbouring axes with one statistic are reduced together", "[gpu][reduce]") {
  Random random(21);
  const Array values{"table",
                     {axis("example", 4), axis("row", 2), axis("token", 5)},
                     Kind::Scalar,
                     DType::F32,
                     normals(random, 40, 1)};
  const Cells got = run(dumpOf({values}), {.rows = "row", .reduce = {"example=median", "token=median"}});
  for (size_t row = 0; row < 2; ++row) {
    std::vector<double> all;
    for (size_t example = 0; example < 4; ++example)
      for (size_t token = 0; token < 5; ++token)
        all.push_back(double(float(values.values[(example * 2 + row) * 5 + token])));
    CHECK(near(oracleStatistic("median", all), got.at(0, int64_t(row), 0), 1));
  }
}

TEST_CASE_METHOD(GpuTest, "mixed statistics reduce the last axis first", "[gpu][reduce]") {
  Random random(22);
  const Array values{"table",
                     {axis("example", 7), axis("row", 2), axis("token", 5)},
                     Kind::Scalar,
                     DType::F32,
                     normals(random, 70, 1)};
  for (const auto& [outer, inner] : {std::pair{"median", "mean"}, {"mean", "max"}, {"std", "median"}}) {
    const Cells got = run(dumpOf({values}),
                          {.rows = "row", .reduce = {std::string("example=") + outer, std::string("token=") + inner}});
    for (size_t row = 0; row < 2; ++row) {
      std::vector<double> perExample;
      for (size_t example = 0; example < 7; ++example) {
        std::vector<double> tokens;
        for (const double v : slice(values.values, (example * 2 + row) * 5, 5)) tokens.push_back(double(float(v)));
        perExample.push_back(oracleStatistic(inner, tokens));
      }
      CAPTURE(outer, inner);
      CHECK(near(oracleStatistic(outer, perExample), got.at(0, int64_t(row), 0), 1));
    }
  }
}

TEST_CASE_METHOD(GpuTest, "groups reduce their own entries, in the order of first appearance", "[gpu][reduce]") {
  Random random(23);
  const std::vector<std::string> groups = {"b", "a", "b", "b", "a"};
  const Array values{
      "table", {axis("example", 5, {}, groups), axis("row", 3)}, Kind::Scalar, DType::F32, normals(random, 15, 1)};
  for (const char* how : {"mean", "median"}) {
    const Cells got =
        run(dumpOf({values}), {.rows = "row", .reduce = {std::string("example=") + how}, .group = "example"});
    REQUIRE(got.panels.size() == 2);
    for (size_t row = 0; row < 3; ++row)
      for (size_t panel = 0; panel < 2; ++panel) {
        std::vector<double> own;
        for (size_t example = 0; example < 5; ++example)
          if (groups[example] == (panel == 0 ? "b" : "a"))
            own.push_back(double(float(values.values[example * 3 + row])));
        CHECK(near(oracleStatistic(how, own), got.at(panel, int64_t(row), 0), 1));
      }
  }
}

TEST_CASE_METHOD(GpuTest, "spreads keep their digits, however large, small or far from zero the entries are",
                 "[gpu][reduce]") {
  Random random(9);
  std::vector<double> far;
  for (int i = 0; i < 1001; ++i) far.push_back(double(float(1e4 + random.normal())));
  for (const std::vector<double>& entries : {std::vector<double>{double(1e30F), double(3e30F)},
                                             {double(1e-30F), double(3e-30F)},
                                             {double(10000.001F), double(10000.002F), double(10000.004F)},
                                             far}) {
    const auto count = int64_t(entries.size());
    const Array values{
        "table", {axis("row", 1), axis("column", 1), axis("example", count)}, Kind::Scalar, DType::F32, entries};
    for (const std::string how : {"mean", "std", "sem"}) {
      const Cells got = run(dumpOf({values}), {.rows = "row", .columns = "column", .reduce = {"example=" + how}});
      const double expected = oracleStatistic(how, entries);
      CAPTURE(how, expected, got.panels[0][0]);
      CHECK(std::abs(double(got.panels[0][0]) - expected) <= 5e-6 * std::abs(expected));
    }
  }
}
