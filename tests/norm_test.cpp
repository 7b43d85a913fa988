#include "figure/norm.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "catch.h"
#include "error.h"

using namespace divlens;
using Catch::Approx;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

DataRange range(double min, double max) {
  DataRange data{.cells = 10, .min = min, .max = max, .minPositive = min > 0 ? min : 0};
  data.percentiles = [=](std::span<const double> percents) {
    std::vector<double> out;
    for (const double p : percents) out.push_back(min + (max - min) * p / 100);
    return out;
  };
  return data;
}

FigureOptions named(const std::string& norm) {
  FigureOptions options;
  options.norm = norm;
  return options;
}

void checkValues(const Norm& norm, const std::vector<double>& values, const std::vector<double>& expected) {
  REQUIRE(values.size() == expected.size());
  for (size_t i = 0; i < values.size(); ++i) {
    INFO(norm.name() << " at " << values[i]);
    CHECK(norm.t(values[i]) == Approx(expected[i]).margin(2e-6));
    CHECK(norm.value(norm.t(values[i])) == Approx(values[i]).margin(2e-5).epsilon(1e-4));
  }
}

Exit codeOf(const FigureOptions& options, const DataRange& data) {
  try {
    makeNorm(options, data);
  } catch (const Error& error) {
    return error.code();
  }
  return Exit::Done;
}

}  // namespace

// Expected values: matplotlib 3.11, rounded to nine digits.
TEST_CASE("norms agree with matplotlib", "[norm]") {
  const std::vector<double> values = {0.001, 0.02, 0.3, 0.75, 1.0, 2.5, 9.0, 10.0};
  checkValues(makeNorm(named("linear"), range(0.001, 10)), values,
              {0, 0.00190019002, 0.0299029903, 0.0749074907, 0.099909991, 0.249924992, 0.899989999, 1});
  checkValues(makeNorm(named("log"), range(0.001, 10)), values,
              {0, 0.325257499, 0.619280314, 0.718765316, 0.75, 0.849485002, 0.988560627, 1});
  checkValues(makeNorm(named("power"), range(0.001, 10)), values,
              {0, 0.043591169, 0.172924811, 0.273692329, 0.316085417, 0.499924987, 0.948678027, 1});

  FigureOptions symlog = named("symlog");
  symlog.linthresh = 0.5;
  checkValues(makeNorm(symlog, range(-10, 10)), {-10, -3, -0.5, -0.1, 0, 0.2, 0.5, 4, 10},
              {0, 0.108384776, 0.269683642, 0.453936728, 0.5, 0.592126543, 0.730316358, 0.917513116, 1});
  FigureOptions square = named("power");
  square.gamma = 2;
  checkValues(makeNorm(square, range(-1, 3)), {-1, -0.5, 0, 1, 2.5, 3}, {0, 0.015625, 0.0625, 0.25, 0.765625, 1});
  FigureOptions slopes = named("two-slope");
  slopes.center = 0.12;
  checkValues(makeNorm(slopes, range(0.1, 0.2)), {0.1, 0.105, 0.12, 0.15, 0.2}, {0, 0.125, 0.5, 0.6875, 1});
  FigureOptions centered = named("centered");
  centered.center = 0.5;
  checkValues(makeNorm(centered, range(0, 2.5)), {-1.5, 0, 0.5, 1.1, 2.5}, {0, 0.375, 0.5, 0.65, 1});
  FigureOptions asinh = named("asinh");
  asinh.linthresh = 0.3;
  checkValues(makeNorm(asinh, range(-2, 5)), {-2, -0.1, 0, 0.2, 1, 5},
              {0, 0.37166687, 0.42531818, 0.527745542, 0.739721184, 1});
}

TEST_CASE("a center keeps the bar's range and puts itself in the map's middle", "[norm]") {
  FigureOptions options;
  options.center = 0.12;
  const Norm norm = makeNorm(options, range(0.11, 0.15));
  CHECK(norm.vmin == 0.11);
  CHECK(norm.vmax == 0.15);
  CHECK(norm.t(0.12) == Approx(0.5));
  CHECK(norm.t(0.15) == Approx(1));
  CHECK(norm.t(0.11) == Approx((0.11 - 0.12 + 0.03) / 0.06).margin(1e-6));
  CHECK(norm.index(0.12f) == 128);
}

TEST_CASE("the center of centered has the middle colour, of constant cells too", "[norm]") {
  FigureOptions options = named("centered");
  for (const double center : {0.3, 0.1, -0.7, 1e-5, 123.456, 0.0}) {
    CAPTURE(center);
    options.center = center;
    const auto cell = static_cast<float>(center);
    const Norm constant = makeNorm(options, range(double(cell), double(cell)));
    CHECK(constant.index(cell) == 128);
    CHECK(constant.vmax - center == Approx(center == 0 ? 1 : std::abs(center) * 0.1));
    CHECK(makeNorm(options, range(center - 2, center + 1)).index(cell) == 128);
  }
}

TEST_CASE("values are sorted into inside, bad, infinite, under and over", "[norm]") {
  FigureOptions options;
  options.vmin = 0.2;
  options.vmax = 0.8;
  const NormParams p = makeNorm(options, range(0, 1)).params;
  CHECK(normClass(p, 0.2f) == kCellInside);
  CHECK(normClass(p, 0.8f) == kCellInside);
  CHECK(normClass(p, 0.19f) == kCellUnder);
  CHECK(normClass(p, 0.81f) == kCellOver);
  CHECK(normClass(p, kNan) == kCellBad);
  CHECK(normClass(p, kInf) == kCellInf);
  CHECK(normClass(p, -kInf) == kCellInf);
  const NormParams log = makeNorm(named("log"), range(0.1, 1)).params;
  CHECK(normClass(log, 0.0f) == kCellBad);
  CHECK(normClass(log, -1.0f) == kCellBad);
  CHECK(normClass(log, 0.05f) == kCellUnder);
}

TEST_CASE("the colour index is min(255, floor(256 t))", "[norm]") {
  const Norm norm = makeNorm({}, range(0, 1));
  for (int i = 0; i < 256; ++i) {
    CHECK(norm.index(static_cast<float>(i) / 256.0f) == i);
    CHECK(norm.index((static_cast<float>(i) + 0.99f) / 256.0f) == i);
  }
  CHECK(norm.index(1.0f) == 255);
}

TEST_CASE("constant data have a range of some width", "[norm]") {
  for (const double value : {0.0, 0.12, -3.0, 1e-30, 1e30}) {
    for (const char* name : {"linear", "symlog", "power", "centered", "asinh", "two-slope"}) {
      INFO(name << " of " << value);
      const Norm norm = makeNorm(named(name), range(value, value));
      CHECK(norm.vmin < norm.vmax);
      CHECK(norm.vmin <= value);
      CHECK(value <= norm.vmax);
      CHECK(std::isfinite(norm.t(value)));
    }
  }
  const Norm zero = makeNorm({}, range(0, 0));
  CHECK(zero.vmin == 0);
  CHECK(zero.index(0.0f) == 0);
  CHECK(makeNorm(named("log"), range(2, 2)).vmin < 2);
  // Only zeros under a log norm, and no finite cell at all.
  CHECK(makeNorm(named("log"), range(0, 0)).vmin > 0);
  for (const char* name : {"linear", "log", "symlog", "power", "centered", "asinh", "two-slope"})
    CHECK(makeNorm(named(name), {}).vmin < makeNorm(named(name), {}).vmax);
}

TEST_CASE("ranges come from percentiles when robust", "[norm]") {
  FigureOptions options;
  options.robust = "2,98";
  CHECK(makeNorm(options, range(0, 100)).vmin == 2);
  CHECK(makeNorm(options, range(0, 100)).vmax == 98);
  options.vmax = 50;
  CHECK(makeNorm(options, range(0, 100)).vmax == 50);
  for (const char* wrong : {"2", "98,2", "-1,50", "2,101", "2,98,", "a,b"}) {
    options.robust = wrong;
    INFO(wrong);
    CHECK(codeOf(options, range(0, 100)) == Exit::Usage);
  }
}

TEST_CASE("norm options that do not fit are usage errors", "[norm]") {
  const DataRange data = range(0.1, 1);
  const auto with = [](const std::string& norm, auto set) {
    FigureOptions options = named(norm);
    set(options);
    return options;
  };
  CHECK(codeOf(named("lin"), data) == Exit::Usage);
  CHECK_THROWS_WITH(makeNorm(named("symlg"), data), Catch::Matchers::ContainsSubstring("'symlog'"));
  CHECK(codeOf(with("linear", [](auto& o) { o.vmin = 1, o.vmax = 1; }), data) == Exit::Usage);
  CHECK(codeOf(with("linear", [](auto& o) { o.vmin = 2, o.vmax = 1; }), data) == Exit::Usage);
  CHECK(codeOf(with("linear", [](auto& o) { o.vmin = kNan; }), data) == Exit::Usage);
  CHECK(codeOf(with("linear", [](auto& o) { o.vmax = kInf; }), data) == Exit::Usage);
  CHECK(codeOf(with("linear", [](auto& o) { o.vmax = 1e300; }), data) == Exit::Usage);
  CHECK(codeOf(with("log", [](auto& o) { o.vmin = 0; }), data) == Exit::Usage);
  CHECK(codeOf(with("log", [](auto& o) { o.vmax = -1; }), data) == Exit::Usage);
  CHECK(codeOf(with("log", [](auto& o) { o.center = 0.5; }), data) == Exit::Usage);
  CHECK(codeOf(with("symlog", [](auto& o) { o.linthresh = 0; }), data) == Exit::Usage);
  CHECK(codeOf(with("linear", [](auto& o) { o.linthresh = 1; }), data) == Exit::Usage);
  CHECK(codeOf(with("power", [](auto& o) { o.gamma = -1; }), data) == Exit::Usage);
  CHECK(codeOf(with("log", [](auto& o) { o.gamma = 1; }), data) == Exit::Usage);
  CHECK(codeOf(with("two-slope", [](auto& o) { o.center = 0, o.vmin = 0.05; }), data) == Exit::Usage);
  // Fine: data beyond one given end, or on one side of the center.
  CHECK(codeOf(with("linear", [](auto& o) { o.vmin = 5; }), data) == Exit::Done);
  CHECK(codeOf(with("log", [](auto& o) { o.vmax = 0.01; }), data) == Exit::Done);
  CHECK(makeNorm(with("two-slope", [](auto& o) { o.center = 0; }), data).vmin == -1);
}

TEST_CASE("the bar has arrows where data go beyond it", "[norm]") {
  FigureOptions options;
  options.vmin = 0.2;
  const DataRange data = range(0.1, 1);
  CHECK(makeExtend(options, makeNorm(options, data), data).min);
  CHECK_FALSE(makeExtend(options, makeNorm(options, data), data).max);
  options.extend = "neither";
  CHECK_FALSE(makeExtend(options, makeNorm(options, data), data).min);
  options.extend = "both";
  CHECK(makeExtend(options, makeNorm(options, data), data).max);
  options.extend = "left";
  CHECK_THROWS_AS(makeExtend(options, makeNorm(options, data), data), Error);
}

TEST_CASE("boundaries make classes of one colour each", "[norm]") {
  FigureOptions options = named("boundaries");
  options.boundaries = "0,0.1,0.5,1";
  const Norm norm = makeNorm(options, range(0, 5));
  CHECK(norm.vmin == 0);
  CHECK(norm.vmax == 1);
  // matplotlib's BoundaryNorm([0, 0.1, 0.5, 1], 256)
  for (const auto& [value, entry] : {std::pair{0.0f, 0}, {0.0999f, 0}, {0.1f, 127}, {0.4999f, 127}, {0.5f, 255}})
    CHECK(norm.index(value) == entry);
  CHECK(norm.index(1.0f) == 255);
  CHECK(norm.t(0.1) == Approx(1 / 3.0));
  CHECK(norm.t(0.3) == Approx(0.5));
  CHECK(norm.value(norm.t(0.3)) == Approx(0.3));
  CHECK(normBarIndex(norm.params, 0.33f) == 0);
  CHECK(normBarIndex(norm.params, 0.34f) == 127);
  CHECK(normBarIndex(norm.params, 1.0f) == 255);
  CHECK(makeExtend(options, norm, range(0, 5)).max);
  CHECK_FALSE(makeExtend(options, norm, range(0, 5)).min);

  options.boundaries = "0,1";
  CHECK(makeNorm(options, range(0, 5)).index(0.5f) == 127);
  // Without a list: round steps over the data.
  const Norm round = makeNorm(named("boundaries"), range(0.03, 0.98));
  CHECK(round.vmin == 0);
  CHECK(round.vmax == 1);
  CHECK(round.edges.size() == 6);
  CHECK(makeNorm(named("boundaries"), range(2, 2)).edges.size() >= 2);
  CHECK(makeNorm(named("boundaries"), {}).edges.size() >= 2);
}

TEST_CASE("boundaries that make no classes are usage errors", "[norm]") {
  std::string many = "0";
  for (int i = 1; i < 258; ++i) many += "," + std::to_string(i);
  for (const std::string& wrong :
       {std::string("1"), std::string("1,1"), std::string("1,0"), std::string("a,b"), std::string("0,1,"),
        std::string("0;1"), std::string("0,nan"), std::string("0,1e300"), std::string("0,1,,2"), many}) {
    FigureOptions options = named("boundaries");
    options.boundaries = wrong;
    INFO(wrong);
    CHECK(codeOf(options, range(0, 1)) == Exit::Usage);
  }
  FigureOptions options;
  options.boundaries = "0,1";
  CHECK(codeOf(options, range(0, 1)) == Exit::Usage);
  options.norm = "boundaries";
  options.vmin = 0;
  CHECK(codeOf(options, range(0, 1)) == Exit::Usage);
}
