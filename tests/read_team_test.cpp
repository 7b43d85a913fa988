// Rows read by several threads at once.
#include "dump/read_team.h"

#include <cstring>

#include "catch.h"
#include "dump_fixtures.h"
#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;

namespace {

constexpr int64_t kRows = 300, kWidth = 4001;

Array counted() {
  Array array{"x", {axis("row", kRows), axis("entry", kWidth)}, Kind::Unknown, DType::F32, {}};
  for (int64_t i = 0; i < kRows * kWidth; ++i) array.values.push_back(double(i % 65'537));
  return array;
}

/// Fails in its second half.
class Broken : public ByteSource {
 public:
  explicit Broken(std::shared_ptr<const ByteSource> source) : source_(std::move(source)) {}
  uint64_t size() const override { return source_->size(); }
  const std::string& name() const override { return source_->name(); }
  void read(uint64_t offset, std::span<std::byte> out) const override {
    if (offset + out.size() > size() / 2) throw Error(Exit::BadInput, "changed while reading");
    source_->read(offset, out);
  }

 private:
  std::shared_ptr<const ByteSource> source_;
};

}  // namespace

TEST_CASE("a team reads what one thread reads", "[rows]") {
  const Tensor tensor = tensorOf(counted());
  const RowReader reader(tensor, kWidth);
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < kRows; ++i) rows.push_back(i * 7 % kRows);
  std::vector<std::byte> expected(rows.size() * reader.rowBytes()), got(expected.size());
  reader.read(rows, expected.data());
  for (const size_t threads : {1, 2, 5}) {
    ReadTeam team(threads);
    for (int again = 0; again < 20; ++again) {
      std::memset(got.data(), again, got.size());
      team.read(reader, rows, got.data());
      REQUIRE(got == expected);
    }
    team.read(reader, std::span(rows).first(1), got.data());
    CHECK(std::memcmp(got.data(), expected.data(), reader.rowBytes()) == 0);
    team.read(reader, {}, got.data());
  }
}

TEST_CASE("what one thread of a team meets, its caller gets", "[rows]") {
  Tensor tensor = tensorOf(counted());
  tensor.source = std::make_shared<Broken>(tensor.source);
  const RowReader reader(tensor, kWidth);
  std::vector<int64_t> rows(kRows);
  for (int64_t i = 0; i < kRows; ++i) rows[size_t(i)] = i;
  std::vector<std::byte> out(rows.size() * reader.rowBytes());
  ReadTeam team(4);
  for (int again = 0; again < 5; ++again)
    CHECK_THAT(failure(Exit::BadInput, [&] { team.read(reader, rows, out.data()); }), ContainsSubstring("changed"));
  CHECK_NOTHROW(team.read(reader, std::span(rows).first(100), out.data()));
}
