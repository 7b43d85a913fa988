#include "divergence/select.h"

#include <numeric>

#include "catch.h"
#include "plan_dumps.h"

using namespace divlens;
using Positions = std::vector<int64_t>;

namespace {

Positions pick(const Axis& axis, const std::string& spec) { return selectedPositions(axis, spec, "--select"); }

}  // namespace

TEST_CASE("integers and slices are positions, Python style", "[select]") {
  const Axis axis = test::axis("layer", 10);
  const auto [spec, expected] = GENERATE(table<std::string, Positions>({
      {"3", {3}},
      {"+3", {3}},
      {"-1", {9}},
      {"-10", {0}},
      {"0,4,2", {0, 4, 2}},
      {"4,4", {4, 4}},
      {"0:3", {0, 1, 2}},
      {"7:", {7, 8, 9}},
      {":2", {0, 1}},
      {"-2:", {8, 9}},
      {"0:10:4", {0, 4, 8}},
      {"8:99", {8, 9}},
      {"-99:2", {0, 1}},
      {"::-4", {9, 5, 1}},
      {"2::-1", {2, 1, 0}},
      {"5:2:-1", {5, 4, 3}},
      {"99:7:-1", {9, 8}},
      {"3:-99:-2", {3, 1}},
      {"9:0:-99", {9}},
      {"0:99999999999999999999", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
      {"::99999999999999999999", {0}},
      {"-1,0:2,5", {9, 0, 1, 5}},
      {"5:5,1", {1}},
  }));
  INFO(spec);
  CHECK(pick(axis, spec) == expected);
}

TEST_CASE("what is no position is an exact label; repeated labels keep all", "[select]") {
  const Axis axis =
      test::axis("token", 7, {"the", "cat", "the", "15", "a,b:c", ":", "Cat"}, {"x", "y", "x", "z", "y", "x", "x"});
  CHECK(pick(axis, "cat") == Positions{1});
  CHECK(pick(axis, "cat,the") == Positions{1, 0, 2});
  CHECK(pick(axis, "Cat") == Positions{6});
  CHECK(pick(axis, "label:15") == Positions{3});
  CHECK(pick(axis, "label:a,b:c") == Positions{4});
  CHECK(pick(axis, "label::") == Positions{5});
  CHECK(pick(axis, "group:x") == Positions{0, 2, 5, 6});
  CHECK(pick(axis, ":").size() == 7);
}

TEST_CASE("what selects nothing is refused with what would", "[select]") {
  const Axis axis = test::axis("layer", 9, {"0", "15", "16", "17", "18", "19", "20", "21", "last"});
  CHECK_REFUSED(pick(axis, "15"), Exit::Usage, "layer=label:15");
  CHECK_REFUSED(pick(axis, "9"), Exit::Usage, "9 entries, position 9 is out of range");
  CHECK_REFUSED(pick(axis, "-10"), Exit::Usage, "out of range");
  CHECK_REFUSED(pick(axis, "99999999999999999999"), Exit::Usage, "out of range");
  CHECK_REFUSED(pick(axis, "5:5"), Exit::Usage, "leaves none");
  CHECK_REFUSED(pick(axis, "20:"), Exit::Usage, "leaves none");
  CHECK_REFUSED(pick(axis, "::0"), Exit::Usage, "step 0");
  CHECK_REFUSED(pick(axis, "lst"), Exit::Usage, "did you mean 'last'?");
  CHECK_REFUSED(pick(axis, "0,,1"), Exit::Usage, "no label ''");
  CHECK_REFUSED(pick(axis, "1:2:3:4"), Exit::Usage, "no label '1:2:3:4'");
  CHECK_REFUSED(pick(axis, "group:x"), Exit::Usage, "has no groups");
  CHECK_REFUSED(pick(test::axis("step", 4), "first"), Exit::Usage, "positions go from 0 to 3");
  CHECK_REFUSED(pick(test::axis("a", 1, {"\n"}), "b"), Exit::Usage, "its labels: \\x0A");
}

TEST_CASE("AXIS=REST is split at the first sign", "[select]") {
  using Pair = std::pair<std::string, std::string>;
  CHECK(splitAssignment("token=label:a=b", "--select", "AXIS=SPEC") == Pair{"token", "label:a=b"});
  CHECK_REFUSED(splitAssignment("token", "--select", "AXIS=SPEC"), Exit::Usage, "--select 'token': expected AXIS=SPEC");
  CHECK_REFUSED(splitAssignment("=3", "--select", "AXIS=SPEC"), Exit::Usage, "expected");
  CHECK_REFUSED(splitAssignment("token=", "--select", "AXIS=SPEC"), Exit::Usage, "expected");
}

TEST_CASE("axes are found by name, the distribution's is refused", "[select]") {
  const Dump dump = test::lens();
  const Tensor& tensor = dump.tensors[0];
  CHECK(axisNamed(tensor, 2, "token", "--rows") == 1);
  CHECK_REFUSED(axisNamed(tensor, 2, "tokn", "--rows"), Exit::Usage, "did you mean 'token'?");
  CHECK_REFUSED(axisNamed(tensor, 2, "vocab", "--rows"), Exit::Usage, "holds the distribution");
}
