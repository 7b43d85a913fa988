#include "dump/table.h"

#include <cmath>
#include <limits>

#include "dump_fixtures.h"

using namespace divlens;
using namespace divlens::test;

namespace {

Tensor table(const std::string& text, const std::string& file = "a.csv") {
  const TempDir dir;
  const Dump dump = openDump(dir.write(file, text));
  REQUIRE(dump.tensors.size() == 1);
  return dump.tensors[0];
}

std::string refused(const std::string& text) {
  const TempDir dir;
  return openFailure(dir.write("a.csv", text));
}

using Labels = std::vector<std::string>;

}  // namespace

TEST_CASE("a table has its labels around it", "[table]") {
  const Tensor tensor = table("step,1,2,x\n0,0.5,-1e3,+3\n150,4,5,6\n");
  CHECK(tensor.name == "a");
  CHECK(tensor.kind == Kind::Scalar);
  CHECK(tensor.shape == std::vector<int64_t>{2, 3});
  REQUIRE(tensor.axes.size() == 2);
  CHECK(tensor.axes[0].name == "step");
  CHECK(tensor.axes[0].labels == Labels{"0", "150"});
  CHECK(tensor.axes[0].coordinates == std::vector<double>{0, 150});
  CHECK(tensor.axes[1].name == "column");
  CHECK(tensor.axes[1].labels == Labels{"1", "2", "x"});
  CHECK(tensor.axes[1].coordinates.empty());
  CHECK(allElements(tensor) == std::vector<float>{0.5f, -1000, 3, 4, 5, 6});
}

TEST_CASE("RFC 4180: quotes, separators and line ends in cells", "[table]") {
  const Tensor tensor =
      table("\xEF\xBB\xBF\"a,b\",\"say \"\"x\"\"\",\"two\nlines\"\r\n\"r\r\n1\",1,2\r\n\r\nq,\"3\",4");
  CHECK(tensor.axes[0].name == "a,b");
  CHECK(tensor.axes[0].labels == Labels{"r\r\n1", "q"});
  CHECK(tensor.axes[1].labels == Labels{"say \"x\"", "two\nlines"});
  CHECK(allElements(tensor) == std::vector<float>{1, 2, 3, 4});
  const Tensor tabs = table("\tx, y\tz\nr\t1\t2\n", "a.tsv");
  CHECK(tabs.axes[0].name == "row");
  CHECK(tabs.axes[1].labels == Labels{"x, y", "z"});
}

TEST_CASE("cells may be missing or infinite", "[table]") {
  const std::vector<float> values = allElements(table("r,a,b,c,d,e,f,g\nx,,nan,NaN,NA,inf,-inf,\n"));
  for (const size_t i : {0, 1, 2, 3, 6}) CHECK(std::isnan(values[i]));
  CHECK(values[4] == std::numeric_limits<float>::infinity());
  CHECK(values[5] == -std::numeric_limits<float>::infinity());
}

TEST_CASE("words for nothing and numbers beyond a double are those of Python", "[table]") {
  const std::vector<float> nothing = allElements(table("r,a,b,c,d,e,f\nx,None,null,N/A,#N/A,<NA>,-nan\n"));
  for (const float value : nothing) CHECK(std::isnan(value));
  const std::pair<const char*, double> numbers[] = {
      {"1e-400", 0},
      {"-1e-400", -0.0},
      {"1e400", std::numeric_limits<double>::infinity()},
      {"-1e999", -std::numeric_limits<double>::infinity()},
      {"1e-99999999999999999999", 0},
      {"1e+99999999999999999999", std::numeric_limits<double>::infinity()},
      {"0e99999", 0},
      {"12345e-400", 0},
      {"4.9e-324", 4.9e-324},
      {"1.7976931348623157e308", 1.7976931348623157e308}};
  for (const auto& [text, value] : numbers) {
    INFO(text);
    const auto read = tableNumber(text);
    REQUIRE(read);
    CHECK(*read == value);
    CHECK(std::signbit(*read) == std::signbit(value));
  }
  CHECK(tableNumber("0." + std::string(400, '0') + "1") == 0.0);
  CHECK(tableNumber("1" + std::string(400, '0')) == std::numeric_limits<double>::infinity());
}

TEST_CASE("fault 37: labels that are not UTF-8 show their bytes", "[table][faults]") {
  const Tensor tensor = table("st\xE9p,caf\xE9\nna\xEFve,1\n");
  CHECK(tensor.axes[0].name == "st\\xE9p");
  CHECK(tensor.axes[0].labels == Labels{"na\\xEFve"});
  CHECK(tensor.axes[1].labels == Labels{"caf\\xE9"});
}

TEST_CASE("lines may end as on old Macs, other separators are told", "[table]") {
  CHECK(allElements(table("r,a,b\rx,1,2\ry,3,4\r")) == std::vector<float>{1, 2, 3, 4});
  CHECK_THAT(refused("r;a;b\nx;1,5;2\n"), ContainsSubstring("decimal point"));
  CHECK_THAT(refused("r\ta\nx\t1\n"), ContainsSubstring(".tsv"));
}

TEST_CASE("a table of plain numbers needs no labels", "[table]") {
  const Tensor tensor = table("1,2\n3,4\n5,6");
  CHECK(tensor.shape == std::vector<int64_t>{3, 2});
  CHECK(tensor.axes[0].name == "row");
  CHECK(tensor.axes[0].labels.empty());
  CHECK(tensor.axes[0].coordinates.empty());
  CHECK(allElements(tensor) == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(allElements(table("1\n2\n3\n")) == std::vector<float>{1, 2, 3});
  CHECK(table("column,x\n1,2\n").axes[0].name == "row");
}

TEST_CASE("faults of a table are told with line and column", "[table]") {
  CHECK_THAT(refused("r,a,b\nx,1,2\ny,1\n"), ContainsSubstring("line 3 has 2 cells, the first line has 3"));
  CHECK_THAT(refused("r,a,b\nx,1,2\ny,1,2,3\n"), ContainsSubstring("line 3 has 4 cells"));
  CHECK_THAT(refused("r,a,b\n\"x\ny\",1,2\nz,1,two\n"), ContainsSubstring("line 4, column 3: 'two' is not a number"));
  for (const char* cell : {"1,5x", "0x10", "1e", "--1", "+-1", "1 2", "nan(1)", "1_000", "1e5.5", "\"1\"2"}) {
    INFO(cell);
    CHECK_THAT(refused(std::string("r,a\nx,") + cell + "\n"), ContainsSubstring("line 2"));
  }
  CHECK_THAT(refused("r,a\nx,\"1"), ContainsSubstring("line 2: a quoted cell that does not end"));
  CHECK_THAT(refused("r,a\n"), ContainsSubstring("no cells"));
  CHECK_THAT(refused("\n\n"), ContainsSubstring("no cells"));
  CHECK_THAT(refused("words\nmore\n"), ContainsSubstring("no columns of numbers"));
  CHECK_THAT(refused("\xFF\xFEr\0,\0"), ContainsSubstring("UTF-16"));
  CHECK_THAT(refused("r,a\nx,\x1b[31m\n"), ContainsSubstring("\\x1B[31m"));
}

TEST_CASE("a table of several panels has an axis of them, which are groups", "[table]") {
  const Tensor tensor = table("panel,site,0,x\nkl,a,1,2\nkl,b,3,4\njsd,a,5,6\njsd,b,7,8\n");
  CHECK(tensor.shape == std::vector<int64_t>{2, 2, 2});
  REQUIRE(tensor.axes.size() == 3);
  CHECK(tensor.axes[0].name == "panel");
  CHECK(tensor.axes[0].labels == Labels{"kl", "jsd"});
  CHECK(tensor.axes[0].groups == Labels{"kl", "jsd"});
  CHECK(tensor.axes[1].name == "site");
  CHECK(tensor.axes[1].labels == Labels{"a", "b"});
  CHECK(tensor.axes[2].labels == Labels{"0", "x"});
  CHECK(allElements(tensor) == std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8});
  // Rows that are merely called so, and a column of numbers beside them.
  CHECK(table("panel,layer,0,x\nkl,1,1,2\ntv,1,3,4\n").shape == std::vector<int64_t>{2, 1, 2});
  const Tensor plain = table("panel,x,y\na,1,2\nb,3,4\n");
  CHECK(plain.shape == std::vector<int64_t>{2, 2});
  CHECK(plain.axes[0].labels == Labels{"a", "b"});
  CHECK(allElements(plain) == std::vector<float>{1, 2, 3, 4});
  CHECK_THAT(refused("panel,x,y\na,1,2\nb,q,4\n"), ContainsSubstring("line 3, column 2: 'q'"));
  CHECK_THAT(refused("panel,x,y\na,k,2\na,l,2\nb,k,4\n"), ContainsSubstring("line 2, column 2: 'k'"));
}
