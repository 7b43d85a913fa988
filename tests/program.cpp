#include "program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

extern char** environ;

namespace divlens::test {
namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

int unnamedFile() {
  std::string name = (std::filesystem::temp_directory_path() / "divlens-test-XXXXXX").string();
  const int file = mkostemp(name.data(), O_CLOEXEC);
  if (file < 0) throw std::runtime_error("no temporary file: " + name);
  unlink(name.c_str());
  return file;
}

/// Without moving the file's position, which the program shares.
std::string contents(int file) {
  struct stat status{};
  fstat(file, &status);
  std::string text(size_t(status.st_size), '\0');
  const ssize_t got = pread(file, text.data(), text.size(), 0);
  text.resize(got < 0 ? 0 : size_t(got));
  return text;
}

std::vector<std::string> environmentWith(const std::vector<std::string>& changes) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry; ++entry) all.emplace_back(*entry);
  for (const std::string& change : changes) {
    const std::string name = change.substr(0, change.find('='));
    std::erase_if(all, [&](const std::string& entry) { return entry.starts_with(name + "="); });
    if (has(change, "=")) all.push_back(change);
  }
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

Running::Running(const std::vector<std::string>& arguments, const RunOptions& options)
    : options_(options), out_(unnamedFile()), err_(unnamedFile()), start_(now()) {
  std::vector<std::string> words = options.launcher;
  words.emplace_back(DIVLENS_EXECUTABLE);
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> environment = environmentWith(options.environment);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (!options.directory.empty()) posix_spawn_file_actions_addchdir_np(&actions, options.directory.c_str());
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (options.standardOutput.empty())
    posix_spawn_file_actions_adddup2(&actions, out_, 1);
  else
    posix_spawn_file_actions_addopen(&actions, 1, options.standardOutput.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  posix_spawn_file_actions_adddup2(&actions, err_, 2);
  const int error =
      posix_spawnp(&pid_, words[0].c_str(), &actions, nullptr, pointers(words).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error(fmt::format("cannot start {}: {}", words[0], strerror(error)));
}

Ran Running::finish() {
  Ran ran;
  int status = 0;
  while (waitpid(pid_, &status, WNOHANG) == 0) {
    if (now() - start_ > options_.seconds && !ran.late) {
      ran.late = true;
      kill(pid_, SIGKILL);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  ran.seconds = now() - start_;
  ran.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  ran.out = contents(out_);
  ran.err = contents(err_);
  close(out_);
  close(err_);
  return ran;
}

std::string Running::words() const { return contents(err_); }

Ran run(const std::vector<std::string>& arguments, const RunOptions& options) {
  return Running(arguments, options).finish();
}

Folder::Folder() {
  std::string name = (std::filesystem::temp_directory_path() / "divlens-test-XXXXXX").string();
  if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder: " + name);
  path_ = name;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Folder::write(const std::string& name, const std::string& bytes) const {
  std::ofstream(path_ / name, std::ios::binary) << bytes;
  return (path_ / name).string();
}

std::vector<std::string> Folder::names() const {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) out.push_back(entry.path().filename().string());
  std::sort(out.begin(), out.end());
  return out;
}

std::string readBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string example(const std::string& name) { return std::string(DIVLENS_EXAMPLES) + "/" + name; }

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string npyBytes(const std::string& dictionary, const std::string& data) {
  std::string header = dictionary;
  header.resize((header.size() + 11 + 63) / 64 * 64 - 11, ' ');
  header += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += char(header.size() & 0xff);
  out += char(header.size() >> 8);
  return out + header + data;
}

std::string npyOf(const std::vector<long>& shape, const std::vector<float>& values) {
  std::string dimensions;
  for (long n : shape) dimensions += fmt::format("{},", n);
  std::string data(values.size() * 4, '\0');
  std::memcpy(data.data(), values.data(), data.size());
  return npyBytes(fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", dimensions), data);
}

std::string safetensorsBytes(const std::string& header, const std::string& data) {
  const uint64_t size = header.size();
  return std::string(reinterpret_cast<const char*>(&size), 8) + header + data;
}

NpyArray parseNpy(const std::string& bytes) {
  const size_t data = 10 + uint8_t(bytes.at(8)) + 256U * uint8_t(bytes.at(9));
  const std::string header = bytes.substr(10, data - 10);
  if (!bytes.starts_with("\x93NUMPY\x01") || !has(header, "'<f4'") || !has(header, "'fortran_order': False"))
    throw std::runtime_error("not a float32 .npy file in C order: " + header);
  NpyArray array;
  const size_t open = header.find('('), close = header.find(')');
  const std::string list = "[" + header.substr(open + 1, close - open - 1) + "]";
  array.shape = nlohmann::json::parse(list).get<std::vector<long>>();
  array.values.resize((bytes.size() - data) / 4);
  std::memcpy(array.values.data(), bytes.data() + data, array.values.size() * 4);
  return array;
}

}  // namespace divlens::test
