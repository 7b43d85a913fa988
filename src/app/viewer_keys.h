#pragma once
#include <string>
#include <vector>

struct GLFWwindow;

namespace divlens {

enum class ViewKey {
  Left,
  Right,
  Up,
  Down,
  ZoomIn,
  ZoomOut,
  Fit,
  Reference,
  Pin,
  Unpin,
  NextMetric,
  PreviousMetric,
  Save,
  CopyCommand,
  CopyText,
  Open,
  Reload,
  Close,
  NextTab,
  First,
  Second,
  Difference,
  SideBySide,
  Panel,
  FocusPanel,
  Help,
  Enter,
  Quit,
  Escape
};

/// One key of the window: what the help shows and what it does.
struct KeyRow {
  ViewKey key;
  int code;  ///< lower-case character, or GLFW's key
  bool control, shift;
  const char* shown;
  const char* help;  ///< null: a second key of the row before
};
const std::vector<KeyRow>& keyRows();

/// What GLFW told since the last frame.
class WindowEvents {
 public:
  /// Installs GLFW's callbacks; ImGui's own must be installed afterwards, and call these.
  void watch(GLFWwindow* window);
  bool pressed(ViewKey key) const;
  /// Files that were dropped on the window, once.
  std::vector<std::string> takeDropped();
  /// A button that went down or up, and where: between slow frames ImGui 1.86 knows the place of the last event only.
  struct Button {
    bool left = true, down = true;  ///< else the right one
    double x = 0, y = 0;            ///< of the window's coordinates
  };
  const std::vector<Button>& buttons() const { return buttons_; }
  /// True where the left button went down twice in a row.
  bool doubleClicked() const { return doubleClicked_; }
  /// Steps of the wheel, with the modifiers that were down then.
  struct Wheel {
    double steps = 0;
    bool control = false, shift = false;
  };
  const std::vector<Wheel>& wheel() const { return wheel_; }
  /// Once a frame has looked at them.
  void clear() {
    keys_.clear();
    wheel_.clear();
    buttons_.clear();
    doubleClicked_ = false;
  }

  int busyFrames = 3;  ///< to draw although nothing more happens: ImGui settles over a few
  /// Frames that make every event visible.
  void wake() { busyFrames = 3; }

 private:
  struct Press {
    int code;
    bool control, shift;
  };
  std::vector<Press> keys_;
  void press(double x, double y);
  std::vector<Wheel> wheel_;
  std::vector<Button> buttons_;
  bool doubleClicked_ = false;
  double x_ = 0, y_ = 0;  ///< of the pointer, as far as events tell
  double pressTime_ = -1, pressX_ = 0, pressY_ = 0;
  std::vector<std::string> dropped_;
};

}  // namespace divlens
