#include "dump_fixtures.h"

using namespace divlens;
using namespace divlens::test;

namespace {

std::string shard(const std::string& tensor) {
  return safetensors(R"({")" + tensor + R"(":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", "ab");
}

std::string index(const TempDir& dir, const std::string& json) { return dir.write("m.safetensors.index.json", json); }

}  // namespace

TEST_CASE("an index joins the shards beside it", "[shards]") {
  const TempDir dir;
  dir.write("m-1.safetensors", shard("a"));
  dir.write("m-2.safetensors", shard("b"));
  const std::string map = R"("weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}})";
  const Dump dump = openDump(index(dir, R"({"metadata":{"total_size":4},)" + map));
  CHECK(dump.format == "shards");
  CHECK(dump.notes.empty());
  CHECK(dump.tensors.size() == 2);
  CHECK(dump.bytes > 2 * shard("a").size());
  CHECK(allElements(*dump.find("b")) == std::vector<float>{'a', 'b'});
  const Dump off = openDump(index(dir, R"({"metadata":{"total_size":5},)" + map));
  CHECK_THAT(off.warnings.at(0), ContainsSubstring("total_size is 5, the tensors have 4 bytes"));
}

TEST_CASE("an index names nothing outside its folder", "[shards]") {
  const TempDir dir;
  for (const char* file :
       {"../../outside.safetensors", "/etc/a.safetensors", "https://x/a.safetensors", "sub/a.safetensors", "..", "",
        "a.bin", "a\\\\b.safetensors", "a\\u0000.safetensors", ".hidden.safetensors"}) {
    INFO(file);
    CHECK_THAT(openFailure(index(dir, R"({"weight_map":{"a":")" + std::string(file) + R"("}})")),
               ContainsSubstring("is refused"));
  }
}

TEST_CASE("an index that does not fit its shards is told apart", "[shards]") {
  const TempDir dir;
  dir.write("m-1.safetensors", shard("a"));
  CHECK_THAT(
      openFailure(index(dir, R"({"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors","c":"m-3.safetensors"}})")),
      ContainsSubstring("2 shards cannot be opened: 'm-2.safetensors', 'm-3.safetensors'") &&
          ContainsSubstring("No such file"));
  CHECK_THAT(openFailure(index(dir, R"({"weight_map":{"b":"m-1.safetensors"}})")),
             ContainsSubstring("m-1.safetensors lacks 'b'"));
  dir.write("m-2.safetensors", shard("a"));
  const Dump dump = openDump(index(dir, R"({"weight_map":{"a":"m-1.safetensors"}})"));
  CHECK(dump.tensors.size() == 1);
  for (const char* json : {"[]", "{}", R"({"weight_map":[]})", R"({"weight_map":{}})"}) {
    CHECK_THAT(openFailure(index(dir, json)), ContainsSubstring("weight_map"));
  }
  CHECK_THAT(openFailure(index(dir, R"({"weight_map":{"a":1}})")), ContainsSubstring("'weight_map.a' must be a text"));
  CHECK_THAT(openFailure(index(dir, R"({"weight_map":{"a":"x","a":"y"}})")), ContainsSubstring("'a' appears twice"));
  CHECK_THAT(openFailure(index(dir, "{")), ContainsSubstring("not valid JSON"));
}
