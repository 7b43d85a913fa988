// Numbers as Python's format() writes them: tests/data/python_formats.tsv is Python's word (tools/make_formats.py).
#include "figure/number_format.h"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#include "catch.h"
#include "error.h"
#include "program.h"

using namespace divlens;
using namespace divlens::test;

namespace {

std::string formatted(const std::string& spec, double value) { return NumberFormat(spec, "--fmt")(value); }

void checkRefused(const std::string& spec, NumberFormat::Of of = NumberFormat::Of::Floats) {
  INFO("'" << spec << "'");
  try {
    NumberFormat(spec, "--fmt", of);
    FAIL_CHECK("accepted");
  } catch (const Error& error) {
    CHECK(error.code() == Exit::Usage);
    CHECK(has(error.what(), "--fmt"));
  }
}

}  // namespace

TEST_CASE("format specs give what Python gives, and are refused where Python refuses them", "[format]") {
  std::ifstream file(std::string(DIVLENS_TEST_DATA) + "/python_formats.tsv");
  int written = 0, refused = 0;
  for (std::string line; std::getline(file, line);) {
    const size_t tab = line.find('\t');
    const std::string spec = line.substr(0, tab);
    if (tab == line.npos) {
      checkRefused(spec);
      ++refused;
      continue;
    }
    const size_t next = line.find('\t', tab + 1);
    const std::string value = line.substr(tab + 1, next - tab - 1);
    INFO("'" << spec << "' of " << value);
    CHECK(formatted(spec, std::strtod(value.c_str(), nullptr)) == line.substr(next + 1));
    ++written;
  }
  CHECK(written > 1500);
  CHECK(refused > 30);
}

TEST_CASE("numbers in specs have a limit", "[format]") {
  CHECK(formatted("200.1f", 1).size() == 200);
  for (const char* spec : {"201.1f", ".201f", "99999999999999999999f", ".99999999999999999999f"}) checkRefused(spec);
}

TEST_CASE("infinity is a sign of its own, one character wide", "[format]") {
  CHECK(formatted(".2f", INFINITY) == "∞");
  CHECK(formatted(".2f", -INFINITY) == "-∞");
  CHECK(formatted("+5.1f", INFINITY) == "   +∞");
  CHECK(formatted("05.1%", INFINITY) == "000∞%");
}

TEST_CASE("floats without a precision have their own digits", "[format]") {
  CHECK(NumberFormat("", "--fmt")(0.1f) == "0.1");
  CHECK(NumberFormat(",", "--fmt")(1234.56f) == "1,234.56");
  CHECK(NumberFormat(".10f", "--fmt")(0.1f) == "0.1000000015");
}

TEST_CASE("cells that count are whole, and take type d as ints do", "[format]") {
  CHECK(formatted("d", 42) == "42");
  CHECK(formatted(",d", -20000) == "-20,000");
  CHECK(formatted("d", 2.5) == "2");
}

TEST_CASE("labels that are whole are written as ints", "[format]") {
  const auto label = [](const char* spec, double value) {
    return NumberFormat(spec, "--xtick-fmt", NumberFormat::Of::Labels)(value);
  };
  CHECK(label(",d", -20000) == "-20,000");
  CHECK(label(",", 20000) == "20,000");
  CHECK(label("08d", 150) == "00000150");
  CHECK(label(".1f", 150) == "150.0");
  CHECK(label("", 0.5) == "0.5");
  CHECK_FALSE(NumberFormat("d", "--xtick-fmt", NumberFormat::Of::Labels).writes(0.5));
  checkRefused(".2d", NumberFormat::Of::Labels);
  checkRefused("zd", NumberFormat::Of::Labels);
}
