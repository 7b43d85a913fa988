#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "program.h"

namespace divlens::test {

/// A picture of the display.
struct Screen {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;
  const uint8_t* at(int x, int y) const { return rgb.data() + 3 * (size_t(y) * size_t(width) + size_t(x)); }
};

/// An X server of the test's own, without hardware, and a hand on its mouse and keys (Xvfb, xdotool).
class Display {
 public:
  Display();
  ~Display();
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;
  /// "DISPLAY=:7", for RunOptions::environment.
  std::string environment() const { return "DISPLAY=" + name_; }
  /// Runs xdotool; the test fails where that fails.
  void act(const std::vector<std::string>& words) const;
  Screen screen() const;
  /// Ends the server, as when a session is cut.
  void end();

 private:
  Folder folder_;
  std::string name_;
  pid_t server_ = -1;
};

/// A window of the program on a display.
class Window {
 public:
  Window(const Display& display, const std::vector<std::string>& arguments, const std::vector<std::string>& more = {});
  /// Waits until the program says `text` after what it had said at the last wait, and returns that line; the test fails
  /// where it does not.
  std::string wait(const std::string& text);
  /// The last line with `text`, of all that it has said; waits for the first.
  std::string last(const std::string& text) const;
  /// Waits for the end.
  Ran finish() { return running_.finish(); }
  pid_t pid() const { return running_.pid(); }

 private:
  Running running_;
  size_t seen_ = 0;
};

}  // namespace divlens::test
