// Devices that are lost or short of memory, budgets, limits of the process: the program retries, or ends with a word
// and no output.
#include <fmt/format.h>

#include <filesystem>
#include <thread>

#include "catch.h"
#include "program.h"

using namespace divlens::test;

namespace {

/// 3 layers x 5 tokens x 4099 entries.
std::string dump(const Folder& folder) {
  std::vector<float> values(3 * 5 * 4099);
  for (size_t i = 0; i < values.size(); ++i) values[i] = float((i * 2654435761U) % 1000) / 100;
  return folder.write("a.npy", npyOf({3, 5, 4099}, values));
}

std::vector<std::string> words(const std::string& input, const std::string& output) {
  return {"compute", input, "--axes", "layer,token,vocab", "--metric", "kl", "--metric", "entropy", "-o", output};
}

Ran withFault(const std::string& input, const std::string& output, const std::string& fault) {
  return run(words(input, output), {.environment = {"LD_PRELOAD=" DIVLENS_VULKAN_FAULTS, fault}});
}

/// The run does as it does without the fault; returns its words.
std::string checkSameBits(const Folder& folder, const std::string& fault) {
  CAPTURE(fault);
  const std::string input = dump(folder), good = folder / "good.npy", output = folder / "out.npy";
  REQUIRE(run(words(input, good)).code == 0);
  const Ran ran = withFault(input, output, fault);
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK(readBytes(output) == readBytes(good));
  return ran.err;
}

void checkNothingIsLeft(const Folder& folder) {
  for (const std::string& name : folder.names()) CHECK((name == "a.npy" || name == "good.npy"));
}

}  // namespace

TEST_CASE("a device that is lost once is opened again", "[faults][device]") {
  for (const char* fault : {"FAIL_SUBMIT=1:1", "FAIL_SUBMIT=3:1", "FAIL_WAIT=2:1", "FAIL_WAIT=4:1"})
    CHECK(has(checkSameBits(Folder(), fault), "was lost; it is opened again"));
}

TEST_CASE("a device that stays lost ends the run with exit code 4 and no output", "[faults][device]") {
  const Folder folder;
  const std::string input = dump(folder);
  for (const char* fault : {"FAIL_SUBMIT=1", "FAIL_SUBMIT=4", "FAIL_WAIT=3"}) {
    CAPTURE(fault);
    const Ran ran = withFault(input, folder / "out.npy", fault);
    CHECK(ran.code == 4);
    CHECK(has(ran.err, "the device was lost: try again, or choose another with --device"));
    checkNothingIsLeft(folder);
  }
}

TEST_CASE("where memory runs short tiles become smaller, with the same bits", "[faults][device]") {
  for (const char* fault : {"LARGEST_ALLOCATION=2500000", "LARGEST_ALLOCATION=700000", "FAIL_ALLOCATE=9:1"})
    checkSameBits(Folder(), fault);
}

TEST_CASE("where there is no memory at all the run ends with exit code 5 and no output", "[faults][device]") {
  const Folder folder;
  const std::string input = dump(folder);
  for (const char* fault : {"LARGEST_ALLOCATION=10000", "FAIL_ALLOCATE=1"}) {
    CAPTURE(fault);
    const Ran ran = withFault(input, folder / "out.npy", fault);
    CHECK(ran.code == 5);
    CHECK(has(ran.err, "no memory for"));
    checkNothingIsLeft(folder);
  }
}

TEST_CASE("budgets are kept, or refused with what is needed", "[faults][device]") {
  const Folder folder;
  const std::string input = dump(folder), good = folder / "good.npy", output = folder / "out.npy";
  REQUIRE(run(words(input, good)).code == 0);
  for (const char* option : {"--max-ram=1M", "--max-gpu-mem=16K"}) {
    std::vector<std::string> all = words(input, output);
    all.emplace_back(option);
    CAPTURE(option);
    const Ran ran = run(all);
    CHECK(ran.code == 5);
    CHECK((has(ran.err, "MiB") || has(ran.err, "KiB")));
    checkNothingIsLeft(folder);
  }
  for (const char* option : {"--max-ram=600M", "--max-gpu-mem=1M"}) {
    std::vector<std::string> all = words(input, output);
    all.emplace_back(option);
    CAPTURE(option);
    CHECK(run(all).code == 0);
    CHECK(readBytes(output) == readBytes(good));
  }
}

TEST_CASE("a small address space and few file descriptors are enough, or end the run with a word", "[faults]") {
  const Folder folder;
  const std::string input = dump(folder);
  CHECK(run(words(input, folder / "few.npy"), {.launcher = {"sh", "-c", "ulimit -n 64; exec \"$@\"", "sh"}}).code == 0);
  for (const long kib : {100'000, 300'000, 600'000}) {
    CAPTURE(kib);
    const std::string limit = fmt::format("ulimit -v {}; exec \"$@\"", kib);
    const Ran ran = run(words(input, folder / "small.npy"), {.launcher = {"sh", "-c", limit, "sh"}});
    CHECK(!ran.late);
    if (ran.code != 0) CHECK(!std::filesystem::exists(folder / "small.npy"));
    CHECK((ran.code == 0 || ran.code == 4 || ran.code == 5));
  }
}

TEST_CASE("--follow waits for a file that is still being written, without it that is an error", "[faults]") {
  const Folder folder;
  const std::string whole = readBytes(dump(folder)), input = folder / "growing.npy";
  REQUIRE(run(words(folder / "a.npy", folder / "good.npy")).code == 0);
  folder.write("growing.npy", whole.substr(0, 5));
  const Ran impatient = run(words(input, folder / "out.npy"));
  CHECK(impatient.code == 3);
  CHECK(has(impatient.err, "--follow waits"));
  std::vector<std::string> patient = words(input, folder / "out.npy");
  patient.emplace_back("--follow");
  Running waiting(patient, {});
  for (const size_t bytes : {whole.size() / 3, whole.size() - 1, whole.size()}) {
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    folder.write("growing.npy", whole.substr(0, bytes));
  }
  CHECK(waiting.finish().code == 0);
  CHECK(readBytes(folder / "out.npy") == readBytes(folder / "good.npy"));
}
