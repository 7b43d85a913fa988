#pragma once
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace divlens::test {

/// What one run of the program left: exit code (128 + n after signal n), both streams, how long it took.
struct Ran {
  int code = -1;
  std::string out, err;
  double seconds = 0;
  bool late = false;  ///< it was killed because it did not end in time
};

struct RunOptions {
  std::vector<std::string> environment;  ///< "NAME=value" on top of the test's own; "NAME" takes it away
  std::string directory;                 ///< to run in; empty: the test's own
  std::string standardOutput;            ///< a file to write it to instead of Ran::out
  double seconds = 60;                   ///< after that it is killed
  std::vector<std::string> launcher;     ///< words before the program: {"mpirun", "-n", "2"}
};

/// A run that has been started; kill it, then finish().
class Running {
 public:
  Running(const std::vector<std::string>& arguments, const RunOptions& options);
  pid_t pid() const { return pid_; }
  /// What it has written to standard error so far.
  std::string words() const;
  Ran finish();

 private:
  RunOptions options_;
  pid_t pid_ = -1;
  int out_ = -1, err_ = -1;
  double start_ = 0;
};

/// Runs the built divlens with these arguments and waits for it.
Ran run(const std::vector<std::string>& arguments, const RunOptions& options = {});

/// A folder of its own for a test, removed at the end.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string write(const std::string& name, const std::string& bytes) const;
  /// Names of everything in it, hidden files too, sorted.
  std::vector<std::string> names() const;

 private:
  std::filesystem::path path_;
};

std::string readBytes(const std::string& path);
/// The path of a committed example dump.
std::string example(const std::string& name);
bool has(const std::string& text, const std::string& part);

/// Bytes of an .npy file: version 1 header with this dictionary, then `data`.
std::string npyBytes(const std::string& dictionary, const std::string& data);
/// The same for a float32 array in C order.
std::string npyOf(const std::vector<long>& shape, const std::vector<float>& values);
/// Bytes of a safetensors file: its length, this header, then `data`.
std::string safetensorsBytes(const std::string& header, const std::string& data);
/// A float32 .npy file as its shape and values; fails the test when it is anything else.
struct NpyArray {
  std::vector<long> shape;
  std::vector<float> values;
};
NpyArray parseNpy(const std::string& bytes);

}  // namespace divlens::test
