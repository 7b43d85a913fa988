#include "display.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "catch.h"

extern char** environ;

namespace divlens::test {
namespace {

constexpr double kSeconds = 90;  // a loaded machine may take long; nothing here asserts a time

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
void rest() { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }

pid_t start(std::vector<std::string> words, const std::vector<std::string>& environment, int keep = -1) {
  std::vector<char*> arguments, variables;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::vector<std::string> all = environment;
  for (char** entry = environ; *entry; ++entry)
    if (std::string(*entry).rfind("DISPLAY=", 0) != 0) all.emplace_back(*entry);
  for (std::string& entry : all) variables.push_back(entry.data());
  variables.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  if (keep >= 0) posix_spawn_file_actions_adddup2(&actions, keep, 3);
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error(words[0] + ": " + std::strerror(error) + "; tools/setup --dev installs it");
  return pid;
}

uint32_t bigEndian(const std::string& bytes, size_t word) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | uint8_t(bytes.at(4 * word + i));
  return value;
}

}  // namespace

Display::Display() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  server_ = start({"Xvfb", "-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset", "-fbdir",
                   folder_ / ""},
                  {}, ends[1]);
  close(ends[1]);
  // The server says its number once it takes connections.
  char c = 0;
  std::string number;
  while (read(ends[0], &c, 1) == 1 && c != '\n') number += c;
  close(ends[0]);
  if (number.empty()) throw std::runtime_error("Xvfb did not start");
  name_ = ":" + number;
}

Display::~Display() { end(); }

void Display::end() {
  if (server_ < 0) return;
  kill(server_, SIGTERM);
  waitpid(server_, nullptr, 0);
  server_ = -1;
}

void Display::act(const std::vector<std::string>& words) const {
  std::vector<std::string> all = {"xdotool"};
  all.insert(all.end(), words.begin(), words.end());
  int status = 0;
  waitpid(start(all, {environment()}), &status, 0);
  INFO(words.front());
  REQUIRE(status == 0);
}

// The server's own memory as an XWD file: https://www.x.org/releases/current/doc/man/man1/Xvfb.1.xhtml
Screen Display::screen() const {
  const std::string bytes = readBytes(folder_ / "Xvfb_screen0");
  Screen screen{int(bigEndian(bytes, 4)), int(bigEndian(bytes, 5)), {}};
  const size_t pixels = bigEndian(bytes, 0) + size_t(bigEndian(bytes, 19)) * 12, row = bigEndian(bytes, 12);
  REQUIRE(bytes.size() >= pixels + row * size_t(screen.height));
  for (int y = 0; y < screen.height; ++y)
    for (int x = 0; x < screen.width; ++x)
      for (const size_t c : {2, 1, 0})
        screen.rgb.push_back(uint8_t(bytes[pixels + size_t(y) * row + size_t(x) * 4 + c]));
  return screen;
}

Window::Window(const Display& display, const std::vector<std::string>& arguments, const std::vector<std::string>& more)
    : running_(arguments, {.environment =
                               [&] {
                                 std::vector<std::string> all = more;
                                 all.push_back(display.environment());
                                 all.emplace_back("DIVLENS_VALIDATION=1");
                                 all.emplace_back("WAYLAND_DISPLAY");
                                 return all;
                               }(),
                           .seconds = 5 * kSeconds}) {}

std::string Window::wait(const std::string& text) {
  const double from = now();
  std::string words;
  while (now() - from < kSeconds) {
    words = running_.words();
    const size_t at = words.find(text, seen_);
    const size_t end = at == std::string::npos ? at : words.find('\n', at);
    if (end != std::string::npos) {
      seen_ = end;
      return words.substr(at, end - at);
    }
    rest();
  }
  FAIL("the window never said '" << text << "'; it said:\n" << words);
  return "";
}

std::string Window::last(const std::string& text) const {
  for (const double from = now(); now() - from < kSeconds; rest()) {
    const std::string words = running_.words();
    const size_t at = words.rfind(text), end = at == std::string::npos ? at : words.find('\n', at);
    if (end != std::string::npos) return words.substr(at, end - at);
  }
  FAIL("the window never said '" << text << "'");
  return "";
}

}  // namespace divlens::test
