#include "figure/ticks.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "catch.h"
#include "error.h"

using namespace divlens;
using Catch::Approx;

namespace {

using Labels = std::vector<std::string>;
using Entries = std::vector<int64_t>;

Norm normOf(const std::string& name, double min, double max) {
  FigureOptions options;
  options.norm = name;
  return makeNorm(options, {.cells = 2, .min = min, .max = max, .minPositive = min > 0 ? min : 0});
}

Labels labelsOf(double lo, double hi, int most) { return formatTicks(roundTicks(lo, hi, most)).labels; }

}  // namespace

TEST_CASE("round ticks are matplotlib's", "[ticks]") {
  // MaxNLocator(n, steps=[1, 2, 2.5, 5, 10]) of matplotlib 3.11, ticks inside the range.
  struct Case {
    double lo, hi;
    int most;
    std::vector<double> expected;
  };
  const std::vector<Case> cases = {
      {0.18, 0.62, 9, {0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6}},
      {0.1, 0.6, 7, {0.1, 0.2, 0.3, 0.4, 0.5, 0.6}},
      {0.15, 1.45, 7, {0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4}},
      {0.1085, 0.1312, 7, {0.11, 0.115, 0.12, 0.125, 0.13}},
      {0.04, 0.31, 7, {0.05, 0.1, 0.15, 0.2, 0.25, 0.3}},
      {-3.2, 7.9, 5, {-2.5, 0, 2.5, 5, 7.5}},
      {0, 1, 4, {0, 0.25, 0.5, 0.75, 1}},
      {1e-7, 9e-7, 5, {2e-7, 4e-7, 6e-7, 8e-7}},
      {-2e5, 1.3e6, 6, {0, 250000, 500000, 750000, 1000000, 1250000}},
  };
  for (const Case& c : cases) {
    INFO(c.lo << " … " << c.hi);
    const auto ticks = roundTicks(c.lo, c.hi, c.most);
    REQUIRE(ticks.size() == c.expected.size());
    for (size_t i = 0; i < ticks.size(); ++i) CHECK(ticks[i] == Approx(c.expected[i]).margin(1e-12));
  }
}

TEST_CASE("the published bars get the labels that they have", "[ticks]") {
  CHECK(labelsOf(0.15, 1.45, 7) == Labels{"0.2", "0.4", "0.6", "0.8", "1.0", "1.2", "1.4"});
  CHECK(labelsOf(0.04, 0.31, 7) == Labels{"0.05", "0.10", "0.15", "0.20", "0.25", "0.30"});
  CHECK(labelsOf(0.108, 0.132, 3) == Labels{"0.11", "0.12", "0.13"});
  CHECK(labelsOf(0.1, 0.6, 5) == Labels{"0.1", "0.2", "0.3", "0.4", "0.5", "0.6"});
  CHECK(labelsOf(-0.5, 0.5, 4) == Labels{"−0.50", "−0.25", "0.00", "0.25", "0.50"});
}

TEST_CASE("very small and large numbers share a factor", "[ticks]") {
  const NumericTicks small = formatTicks({0, 2e-7, 4e-7});
  CHECK(small.labels == Labels{"0", "2", "4"});
  CHECK(small.offset == "×10⁻⁷");
  const NumericTicks large = formatTicks({1e6, 1.5e6});
  CHECK(large.labels == Labels{"1.0", "1.5"});
  CHECK(large.offset == "×10⁶");
  CHECK(formatTicks({0, 50000}).offset.empty());
}

TEST_CASE("every range has at least two ticks, or one where it is a point", "[ticks]") {
  for (const double lo : {0.0, -1.0, 0.1199999, 123456.0, 3e-38})
    for (const double width : {1e-6, 0.3, 17.0, 1e12})
      for (const int most : {1, 2, 5, 9}) {
        INFO(lo << " + " << width << ", " << most);
        const auto ticks = roundTicks(lo, lo + width, most);
        CHECK(ticks.size() >= 2);
        CHECK(ticks.size() <= static_cast<size_t>(most) + 2);
        CHECK(ticks.front() >= lo - 1e-6 * width);
        CHECK(ticks.back() <= (lo + width) + 1e-6 * width);
      }
  CHECK(roundTicks(1, 1, 5).size() == 1);
}

TEST_CASE("logarithmic bars have decades", "[ticks]") {
  CHECK(colorbarTicks(normOf("log", 1e-4, 10), 9).labels == Labels{"10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "10⁰", "10¹"});
  CHECK(colorbarTicks(normOf("log", 1e-30, 10), 5).labels.size() <= 7);
  CHECK(colorbarTicks(normOf("log", 0.15, 6), 9).labels == Labels{"0.2", "0.5", "1", "2", "5"});
  CHECK(colorbarTicks(normOf("log", 0.31, 0.39), 4).labels.size() >= 2);
  CHECK(colorbarTicks(normOf("symlog", -100, 100), 9).labels ==
        Labels{"−10²", "−10¹", "−10⁰", "0", "10⁰", "10¹", "10²"});
}

TEST_CASE("logarithmic bars have small ticks between the decades", "[ticks]") {
  const auto minor = colorbarTicks(normOf("log", 0.15, 6), 9).minor;
  REQUIRE(minor.size() == 14);  // 0.2 … 0.9 and 1 … 6
  CHECK(minor.front() == Approx(0.2));
  CHECK(minor.back() == Approx(6));
  const auto both = colorbarTicks(normOf("symlog", -100, 100), 9).minor;
  CHECK(std::count_if(both.begin(), both.end(), [](double v) { return v < 0; }) == std::ssize(both) / 2);
  CHECK(colorbarTicks(normOf("linear", 0, 1), 9).minor.empty());
}

TEST_CASE("a bar with two slopes has its center and round values on either side", "[ticks]") {
  FigureOptions options;
  options.norm = "two-slope";
  options.center = 0.12;
  const auto labels = [&](double min, double max) {
    return colorbarTicks(makeNorm(options, {.cells = 2, .min = min, .max = max}), 7).labels;
  };
  CHECK(labels(0.08, 0.28) == Labels{"0.08", "0.09", "0.10", "0.11", "0.12", "0.15", "0.20", "0.25"});
  CHECK(labels(0.1085, 0.1312) == Labels{"0.110", "0.115", "0.120", "0.125", "0.130"});
  options.center = 0.123;  // 0.12 and 0.125 would touch it
  CHECK(labels(0.1, 0.15) == Labels{"0.100", "0.110", "0.123", "0.130", "0.140", "0.150"});
}

TEST_CASE("a bar has the ticks that were chosen, as they were asked to be written", "[ticks]") {
  FigureOptions options;
  options.cbarTicks = "0.6,0.2,0.4,0.2";
  const Norm norm = normOf("linear", 0, 1);
  CHECK(colorbarTicks(options, norm, 7).labels == Labels{"0.2", "0.4", "0.6"});
  options.cbarFmt = ".0%";
  CHECK(colorbarTicks(options, norm, 7).labels == Labels{"20%", "40%", "60%"});
  options.cbarTicks = "";
  options.cbarFmt = "+.1f";
  CHECK(colorbarTicks(options, normOf("linear", -1, 1), 2).labels == Labels{"−1.0", "+0.0", "+1.0"});
  options.cbarFmt = ".1e";
  CHECK(colorbarTicks(options, normOf("linear", 0, 2e-7), 2).offset.empty());
  for (const char* wrong : {"a", "0.1,", "nan", "0.1;0.2"}) {
    INFO(wrong);
    options.cbarTicks = wrong;
    CHECK_THROWS_AS(colorbarTicks(options, norm, 7), Error);
  }
}

TEST_CASE("automatic thinning keeps the last entry and drops what it would touch", "[ticks]") {
  CHECK(thinnedEntries(0, 36, 5, 14) == Entries{0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 35});
  CHECK(thinnedEntries(0, 36, 7, 14) == Entries{0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 35});
  CHECK(thinnedEntries(0, 33, 20, 14).size() == 33);
  CHECK(thinnedEntries(0, 1, 1, 100) == Entries{0});
  CHECK(thinnedEntries(0, 100000, 0.004, 14) == Entries{0,     4000,  8000,  12000, 16000, 20000, 24000, 28000, 32000,
                                                        36000, 40000, 44000, 48000, 52000, 56000, 60000, 64000, 68000,
                                                        72000, 76000, 80000, 84000, 88000, 92000, 96000, 99999});
  for (const int64_t count : {2, 7, 32, 36, 97, 512})
    for (const double extent : {1.0, 10.0, 33.0, 1000.0}) {
      const Entries entries = thinnedEntries(0, count, 4, extent);
      REQUIRE_FALSE(entries.empty());
      CHECK(entries.back() == count - 1);
      for (size_t i = 1; i < entries.size(); ++i) CHECK(static_cast<double>(entries[i] - entries[i - 1]) * 4 >= extent);
    }
}

TEST_CASE("strides are seaborn's, with the last one on request", "[ticks]") {
  CHECK(stridedEntries(0, 36, 3, true) == Entries{0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 35});
  CHECK(stridedEntries(0, 32, 2, false).size() == 16);
  CHECK(stridedEntries(5, 12, 3, true) == Entries{6, 9, 11});
  CHECK(stridedEntries(0, 31, 2, true).back() == 30);
}

TEST_CASE("tick choices are read and checked", "[ticks]") {
  using Kind = TickChoice::Kind;
  CHECK(parseTickChoice("auto", "--xticklabels", 3).kind == Kind::Auto);
  CHECK(parseTickChoice("none", "--xticklabels", 3).kind == Kind::None);
  CHECK(parseTickChoice("2", "--xticklabels", 3).stride == 2);
  CHECK_FALSE(parseTickChoice("2", "--xticklabels", 3).last);
  CHECK(parseTickChoice("3,last", "--xticklabels", 3).last);
  CHECK(parseTickChoice("a,b c,", "--xticklabels", 3).labels == Labels{"a", "b c", ""});
  for (const char* wrong : {"0", "-2", "0,last", "a,b", "99999999999999999999", "@/no/such/file"}) {
    INFO(wrong);
    CHECK_THROWS_WITH(parseTickChoice(wrong, "--xticklabels", 3), Catch::Matchers::ContainsSubstring("--xticklabels"));
  }
  const std::string path =
      (std::filesystem::temp_directory_path() / ("divlens-test-" + std::to_string(getpid()))).string();
  std::ofstream(path) << "one\r\ntwo,too\nthree\n";
  CHECK(parseTickChoice("@" + path, "--yticklabels", 3).labels == Labels{"one", "two,too", "three"});
  CHECK(parseTickChoice("@" + path, "--yticklabels", 3).warning.empty());
  for (const int entries : {2, 4}) {
    const TickChoice other = parseTickChoice("@" + path, "--yticklabels", entries);
    CHECK(other.kind == Kind::Auto);
    CHECK_THAT(other.warning, Catch::Matchers::ContainsSubstring("--yticklabels @" + path + ": 3 labels for " +
                                                                 std::to_string(entries) + " entries"));
  }
  CHECK_THROWS_AS(parseLabels("@" + path, "--panel-labels", 4), Error);
  std::remove(path.c_str());
}
