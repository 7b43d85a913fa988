#pragma once
// What the tests of the dump room share: files in a directory of their own, and what tools/make_test_data.py wrote.
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "catch.h"
#include "dump/dump.h"
#include "dump/rows.h"
#include "error.h"

namespace divlens::test {

using Catch::Matchers::ContainsSubstring;

/// A directory that vanishes with its test.
class TempDir {
 public:
  TempDir() {
    static std::atomic<int> count = 0;
    path_ = std::filesystem::temp_directory_path() / fmt::format("divlens-test-{}-{}", ::getpid(), count++);
    std::filesystem::create_directories(path_);
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  std::string path(const std::string& file) const { return (path_ / file).string(); }
  std::string write(const std::string& file, std::string_view bytes) const {
    std::ofstream(path(file), std::ios::binary) << bytes;
    return path(file);
  }

 private:
  std::filesystem::path path_;
};

inline std::string data(const std::string& file) { return std::string(DIVLENS_TEST_DATA) + "/" + file; }

template <typename T>
std::string littleEndian(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename T>
std::string bytesOf(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

inline std::string npy(const std::string& dict, std::string_view body) {
  return "\x93NUMPY" + std::string("\x01\x00", 2) + littleEndian(static_cast<uint16_t>(dict.size())) + dict +
         std::string(body);
}

inline std::string npyDict(const std::string& descr, bool fortran, const std::string& shape) {
  return fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}\n", descr, fortran ? "True" : "False",
                     shape);
}

inline std::string safetensors(const std::string& header, std::string_view body) {
  return littleEndian(static_cast<uint64_t>(header.size())) + header + std::string(body);
}

/// The message with which `action` fails; the exit code is checked here.
template <typename Action>
std::string failure(Exit expected, const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    CHECK(static_cast<int>(error.code()) == static_cast<int>(expected));
    return error.what();
  }
  FAIL("did not fail");
  return "";
}

inline std::string openFailure(const std::string& path, const OpenOptions& options = {}) {
  return failure(Exit::BadInput, [&] { openDump(path, options); });
}

/// Element i of the arrays in tests/data.
inline double pattern(int64_t i, bool floating) {
  const auto raw = static_cast<double>(7 * i % 23);
  return floating ? (raw - 11) / 4 : raw;
}

inline std::vector<float> allElements(const Tensor& tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.elements()));
  readElements(tensor, 0, values);
  return values;
}

}  // namespace divlens::test
