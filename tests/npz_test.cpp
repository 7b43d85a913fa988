// .npz archives: numpy's own, and every way in which one can lie, given to the built program.
#include <fmt/format.h>
#include <sys/stat.h>

#include <fstream>
#include <functional>

#include "catch.h"
#include "dump_fixtures.h"
#include "program.h"
#include "zip_fixtures.h"

using namespace divlens;
using namespace divlens::test;

namespace {

using Words = std::vector<std::string>;

const Words kNames = {"--axes", "layer,token,vocab", "--kind", "logits", "--metric", "kl", "-q"};

/// Logits of 3 layers, 2 tokens and 40 entries.
std::string array(double scale = 1) {
  std::vector<float> values(3 * 2 * 40);
  for (size_t i = 0; i < values.size(); ++i) values[i] = float(scale * (double(7 * i % 23) - 11) / 4);
  return npyOf({3, 2, 40}, values);
}

Ran compute(const std::string& dump, const Words& more = {}, const Words& environment = {}) {
  Words words = {"compute", dump, "-o", "-", "--format", "csv"};
  words.insert(words.end(), kNames.begin(), kNames.end());
  words.insert(words.end(), more.begin(), more.end());
  const Ran ran = run(words, {.environment = environment, .directory = {}, .standardOutput = {}, .seconds = 120});
  INFO(ran.err);
  CHECK_FALSE(ran.late);
  return ran;
}

std::string csvOf(const std::string& dump, const Words& more = {}) {
  const Ran ran = compute(dump, more);
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  return ran.out;
}

struct Fault {
  const char* name;
  std::function<void(Zip&)> falsify;
  const char* words;
};

/// The program must refuse each archive with exit code 3, whether or not the member in question is the one that is
/// read.
void checkRefused(const std::vector<Fault>& faults, const std::vector<ZipPart>& parts, bool zip64) {
  for (const Fault& fault : faults) {
    INFO(fault.name);
    Zip zip = zipOf(parts, zip64);
    fault.falsify(zip);
    const Folder folder;
    const Ran ran = compute(folder.write("a.npz", zip.bytes) + ":x");
    INFO("message: " + ran.err.substr(0, 2000));
    CHECK(ran.code == 3);
    CHECK(ran.out.empty());
    CHECK(has(ran.err, fault.words));
    CHECK(has(ran.err, "a.npz"));
    CHECK(ran.err.size() < 2000);
    CHECK(folder.names() == Words{"a.npz"});
  }
}

/// CRC-32 of `count` zero bytes.
uint32_t crcOfZeros(uint64_t count) {
  uint32_t sum = 0, block = crcOf(std::string(1, '\0'));
  uint64_t length = 1;
  for (uint64_t left = count; left != 0; left >>= 1, length *= 2) {
    if (left & 1) sum = uint32_t(crc32_combine(sum, block, z_off_t(length)));
    block = uint32_t(crc32_combine(block, block, z_off_t(length)));
  }
  return sum;
}

}  // namespace

TEST_CASE("numpy's archives read the same stored, deflated and in Fortran order", "[npz]") {
  const auto file = GENERATE(as<std::string>{}, "savez.npz", "savez_compressed.npz");
  const Dump dump = openDump(data(file));
  CHECK(dump.format == "npz");
  CHECK(dump.notes.empty());
  struct Row {
    const char* name;
    DType dtype;
  };
  for (const Row& row : {Row{"c_f4", DType::F32}, Row{"f_f2", DType::F16}, Row{"c_i8", DType::I64}}) {
    INFO(row.name);
    const Tensor* tensor = dump.find(row.name);
    REQUIRE(tensor);
    CHECK(tensor->dtype == row.dtype);
    CHECK(tensor->shape == std::vector<int64_t>{3, 4, 5});
    const std::vector<float> values = allElements(*tensor);
    for (size_t i = 0; i < values.size(); ++i)
      REQUIRE(double(values[i]) == pattern(int64_t(i), info(row.dtype).floating));
  }
  // Texts are listed, and only refused when they are read.
  REQUIRE(dump.find("words"));
  CHECK(dump.find("words")->dtype == DType::Unsupported);
  CHECK(dump.find("words")->dtypeName == "<U3");
}

TEST_CASE("members give the cells that the same array gives by itself, and the sidecar names them", "[npz]") {
  const Folder folder;
  const std::string expected = csvOf(folder.write("x.npy", array()));
  const std::vector<ZipPart> parts = {
      {"other.npy", array(2), false}, {"x.npy", array(), true}, {"folder/", "", false}, {"note.txt", "words", false}};
  for (const bool zip64 : {false, true})
    CHECK(csvOf(folder.write("a.npz", zipOf(parts, zip64).bytes) + ":x") == expected);
  CHECK(csvOf(folder.write("a.npz", zipOf({{"x.npy", array(), false}}).bytes) + ":x") == expected);

  folder.write("a.npz.divlens.json", R"({"version": 1, "tensors": {"x": {"axes": ["layer","token","vocab"],
    "kind": "logits"}}, "labels": {"layer": ["a","b","c"]}})");
  const Ran ran = run({"compute", folder / "a.npz", "-o", "-", "--format", "csv", "-q"});
  CHECK(ran.code == 0);
  CHECK(has(ran.out, "\nb,"));
}

TEST_CASE("fault 29: an archive that claims or unfolds to more than it may hold", "[npz][faults]") {
  const std::vector<ZipPart> parts = {{"x.npy", array(), true}};
  checkRefused({{"10 TB out of a few hundred bytes",
                 [](Zip& z) {
                   z.put(z.local[0] + 22, uint64_t(0)).put(z.local[0] + 26, uint16_t(5));
                   z.put(z.central[0] + 24, uint32_t(0xFFFFFFF0));
                 },
                 "more than deflate can hold"}},
               parts, false);
  checkRefused(
      {{"10 TB in the ZIP64 fields", [](Zip& z) { z.put(z.central[0] + 46 + 5 + 4, uint64_t(10'000'000'000'000)); },
        "more than deflate can hold"}},
      parts, true);
  // 64 MB of zeros behind a header that speaks of 3 x 2 x 40 numbers: refused before anything is unfolded.
  checkRefused({{"a bomb", [](Zip&) {}, "needs 960 bytes of data, the member has"}},
               {{"x.npy", array() + std::string(64 << 20, '\0'), true}}, false);
  // A stream that goes on where the archive says that it ends.
  const auto claims = [](int difference) {
    return [difference](Zip& z) {
      const auto bytes = uint32_t(array().size());
      z = zipOf({{"x.npy", array() + std::string(std::max(difference, 0), 'x'), true}});
      if (difference < 0) z = zipOf({{"x.npy", array().substr(0, bytes - uint32_t(-difference)), true}});
      z.put(z.local[0] + 22, bytes).put(z.central[0] + 24, bytes);
    };
  };
  checkRefused({{"more than it claims", claims(5000), "inflates to more than"},
                {"less than it claims", claims(-100), "inflates to"}},
               parts, false);
}

TEST_CASE("fault 29: what does not fit the temporary folder is refused before it is unfolded", "[npz][faults]") {
  // A header of 10 TB, and as many packed bytes as that could need, which take no room on the disk.
  const std::string header =
      npyBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (2500000, 1, 1000000), }", "") +
      std::string(40'000, '\1');
  const uint64_t bytes = header.size() - 40'000 + uint64_t{4} * 2'500'000 * 1'000'000;
  std::string start = deflated(header);
  const ZipHeader zip{"x.npy", 8, 1, bytes / 1000, bytes, true};
  const Folder folder;
  std::ofstream file(folder / "a.npz", std::ios::binary);
  file << localHeader(zip) << start;
  const uint64_t directory = localHeader(zip).size() + zip.packedBytes;
  const std::string central = centralHeader(zip, 0);
  file.seekp(std::streamoff(directory));
  file << central << endRecords(1, directory, central.size(), true);
  file.close();
  const Ran ran = compute(folder / "a.npz");
  INFO(ran.err);
  // Where there is room for 10 TB the stream turns out to be broken.
  CHECK((ran.code == 5 || ran.code == 3));
  CHECK((ran.code == 3 || has(ran.err, "set TMPDIR")));
}

TEST_CASE("fault 30: members that lie are refused", "[npz][faults]") {
  const std::vector<ZipPart> stored = {{"x.npy", array(), false}, {"y.npy", array(2), false}};
  checkRefused(
      {{"sizes", [](Zip& z) { z.put(z.local[0] + 22, uint32_t(9)); }, "does not agree with the central directory"},
       {"packed size", [](Zip& z) { z.put(z.local[0] + 18, uint32_t(9)); }, "does not agree"},
       {"check sums", [](Zip& z) { z.put(z.local[1] + 14, uint32_t(9)); }, "does not agree"},
       {"names", [](Zip& z) { z.bytes[z.local[1] + 30] = 'z'; }, "does not agree"},
       {"methods", [](Zip& z) { z.put(z.local[1] + 8, uint16_t(8)); }, "does not agree"},
       {"stored, with two sizes", [](Zip& z) { z.put(z.central[0] + 24, uint32_t(9)); }, "is stored, but has"},
       {"a damaged byte", [](Zip& z) { z.bytes[z.local[1] - 9] ^= 1; }, "damaged: its check sum"},
       {"overlap",
        [](Zip& z) {
          // Both entries are the first member.
          z.put(z.central[1] + 42, uint32_t(0)).put(z.central[1] + 16, crcOf(array())).bytes[z.central[1] + 46] = 'x';
        },
        "two members are named"},
       {"overlap of two names",
        [](Zip& z) {
          // The second member's header stands inside the first one's data.
          std::string inner = z.bytes.substr(z.local[1], 35);
          z.bytes.replace(z.local[0] + 300, inner.size(), inner);
          z.put(z.central[1] + 42, uint32_t(z.local[0] + 300));
        },
        "overlap"},
       {"encrypted", [](Zip& z) { z.put(z.central[1] + 8, uint16_t(1)); }, "is encrypted"},
       {"strongly encrypted", [](Zip& z) { z.put(z.central[1] + 8, uint16_t(1 << 6)); }, "is encrypted"},
       {"method 14", [](Zip& z) { z.put(z.central[1] + 10, uint16_t(14)); }, "method 14 (lzma)"},
       {"method 77", [](Zip& z) { z.put(z.central[1] + 10, uint16_t(77)); }, "method 77"},
       {"begins behind the members", [](Zip& z) { z.put(z.central[1] + 42, uint32_t(z.end)); }, "behind the members"},
       {"begins nowhere", [](Zip& z) { z.put(z.central[1] + 42, uint32_t(7)); }, "no header of member"},
       {"one member too many", [](Zip& z) { z.put(z.end + 10, uint16_t(3)).put(z.end + 8, uint16_t(3)); },
        "cannot stand in"},
       {"65,534 members", [](Zip& z) { z.put(z.end + 10, uint16_t(65534)); }, "cannot stand in"},
       {"one member too few", [](Zip& z) { z.put(z.end + 10, uint16_t(1)).put(z.end + 8, uint16_t(1)); },
        "more members than it says"},
       {"the directory elsewhere", [](Zip& z) { z.put(z.end + 16, uint32_t(5)); }, "should end at byte"},
       {"one of two disks", [](Zip& z) { z.put(z.end + 4, uint16_t(1)); }, "one part of several"},
       {"ZIP64 without its record", [](Zip& z) { z.put(z.end + 12, uint32_t(0xFFFFFFFF)); }, "ZIP64"},
       {"ZIP64 without its field", [](Zip& z) { z.put(z.central[0] + 20, uint32_t(0xFFFFFFFF)); }, "ZIP64 field"}},
      stored, false);
  checkRefused(
      {{"the place of its end record", [](Zip& z) { z.put(z.end - 12, uint64_t(1) << 62); }, "ZIP64 end record"},
       {"its directory's size", [](Zip& z) { z.put(z.end - 20 - 16, ~uint64_t{0}); }, "should end at byte"},
       {"its number of members",
        [](Zip& z) { z.put(z.end - 20 - 32, uint64_t(1) << 40).put(z.end - 20 - 24, uint64_t(1) << 40); },
        "do not agree"},
       {"its end record", [](Zip& z) { z.put(z.end - 20 - 56, uint32_t(0)); }, "no ZIP64 end record"},
       {"a size of 2^63", [](Zip& z) { z.put(z.central[0] + 46 + 5 + 4, uint64_t(1) << 63); }, "is stored"},
       {"a place of 2^63", [](Zip& z) { z.put(z.central[0] + 46 + 5 + 20, uint64_t(1) << 63); }, "behind the members"},
       {"a short field", [](Zip& z) { z.put(z.central[0] + 46 + 5 + 2, uint16_t(8)); }, "too short"},
       {"local sizes", [](Zip& z) { z.put(z.local[0] + 30 + 5 + 4, uint64_t(9)); }, "does not agree"}},
      stored, true);
  checkRefused({{"a damaged stream", [](Zip& z) { z.bytes[z.local[0] + 80] ^= 0x55; }, "a.npz, member x.npy"},
                {"a wrong sum of good data",
                 [](Zip& z) { z.put(z.local[0] + 14, uint32_t(9)).put(z.central[0] + 16, uint32_t(9)); },
                 "damaged: its check sum"}},
               {{"x.npy", array(), true}}, false);
}

TEST_CASE("fault 32: an archive that was cut off is incomplete", "[npz][faults]") {
  const std::string whole = zipOf({{"x.npy", array(), false}, {"y.npy", array(), true}}).bytes;
  for (const size_t length :
       {size_t{4}, size_t{10}, size_t{60}, whole.size() / 2, whole.size() - 22, whole.size() - 1}) {
    const Folder folder;
    const Ran ran = compute(folder.write("a.npz", whole.substr(0, length)) + ":x");
    INFO(length << ": " << ran.err);
    CHECK(ran.code == 3);
    CHECK(has(ran.err, "incomplete archive"));
  }
  const Folder folder;
  const Ran empty = compute(folder.write("a.npz", zipOf({}).bytes));
  CHECK(empty.code == 3);
  CHECK(has(empty.err, "without arrays"));
  const Ran texts = compute(folder.write("b.npz", zipOf({{"a.txt", "words", false}}).bytes));
  CHECK(texts.code == 3);
  CHECK(has(texts.err, "without arrays"));
}

TEST_CASE("fault 31: a member of more than 4 GiB is read at the right places", "[npz][faults]") {
  constexpr uint64_t kVocab = 1 << 18, kLayers = 8200, kRow = kVocab * 2;
  std::vector<uint16_t> row(kVocab);
  for (size_t i = 0; i < row.size(); ++i) row[i] = uint16_t(0x3000 + 37 * i % 0x1200);
  const std::string values = bytesOf(row),
                    header = npyBytes(fmt::format("{{'descr': '<f2', 'fortran_order': False, 'shape': ({}, 1, {}), }}",
                                                  kLayers, kVocab),
                                      "");
  // All rows are zero but the last but one.
  const uint64_t zeros = (kLayers - 2) * kRow;
  uint32_t sum = uint32_t(crc32_combine(crcOf(header), crcOfZeros(zeros), z_off_t(zeros)));
  sum = uint32_t(crc32_combine(sum, crcOf(values), z_off_t(kRow)));
  sum = uint32_t(crc32_combine(sum, crcOfZeros(kRow), z_off_t(kRow)));
  const uint64_t bytes = header.size() + kLayers * kRow;
  const ZipHeader zip{"x.npy", 0, sum, bytes, bytes, true};
  const Folder folder;
  std::ofstream file(folder / "a.npz", std::ios::binary);
  const std::string local = localHeader(zip), central = centralHeader(zip, 0);
  file << local << header;
  file.seekp(std::streamoff(local.size() + header.size() + zeros));
  file << values;
  file.seekp(std::streamoff(local.size() + bytes));
  file << central << endRecords(1, local.size() + bytes, central.size(), true);
  file.close();

  std::string small = npyBytes(fmt::format("{{'descr': '<f2', 'fortran_order': False, 'shape': (3, 1, {}), }}", kVocab),
                               std::string(kRow, '\0') + values + std::string(kRow, '\0'));
  const std::string expected = csvOf(folder.write("small.npy", small), {"--reference", "layer=-1"});
  const std::string got = csvOf(folder / "a.npz", {"--reference", "layer=-1", "--select", "layer=0,8198,8199"});
  // The rows without their labels, which are positions.
  const auto cells = [](const std::string& text) {
    std::string out;
    for (size_t at = text.find('\n'); at + 1 < text.size(); at = text.find('\n', at + 1)) {
      const size_t comma = text.find(',', at);
      out += text.substr(comma, text.find('\n', comma) - comma) + ";";
    }
    return out;
  };
  CHECK(cells(got) == cells(expected));
  CHECK_FALSE(cells(got) == ",0;,0;,0;");
}

TEST_CASE("fault 31: an archive of more than 65,535 members", "[npz][faults]") {
  std::vector<ZipPart> parts(66'000);
  const std::string number = npyOf({1}, {1});
  for (size_t i = 0; i < parts.size(); ++i) parts[i] = {fmt::format("n{}.npy", i), number, false};
  parts.push_back({"x.npy", array(), true});
  const Folder folder;
  const std::string file = folder.write("a.npz", zipOf(parts).bytes);
  CHECK(csvOf(file + ":x") == csvOf(folder.write("x.npy", array())));
}
