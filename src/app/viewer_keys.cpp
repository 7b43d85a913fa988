#include "app/viewer_keys.h"

#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace divlens {
namespace {

constexpr double kDoubleClickSeconds = 0.4, kDoubleClickReach = 6;

WindowEvents& events(GLFWwindow* window) { return *static_cast<WindowEvents*>(glfwGetWindowUserPointer(window)); }

}  // namespace

const std::vector<KeyRow>& keyRows() {
  static const std::vector<KeyRow> table = {
      {ViewKey::Left, GLFW_KEY_LEFT, false, false, "arrows, H J K L", "move about"},
      {ViewKey::Left, 'h', false, false, nullptr, nullptr},
      {ViewKey::Right, GLFW_KEY_RIGHT, false, false, nullptr, nullptr},
      {ViewKey::Right, 'l', false, false, nullptr, nullptr},
      {ViewKey::Up, GLFW_KEY_UP, false, false, nullptr, nullptr},
      {ViewKey::Up, 'k', false, false, nullptr, nullptr},
      {ViewKey::Down, GLFW_KEY_DOWN, false, false, nullptr, nullptr},
      {ViewKey::Down, 'j', false, false, nullptr, nullptr},
      {ViewKey::ZoomIn, '+', false, false, "+ −", "zoom; the wheel zooms at the cursor (Ctrl: columns, Shift: rows)"},
      {ViewKey::ZoomIn, '=', false, false, nullptr, nullptr},
      {ViewKey::ZoomIn, GLFW_KEY_KP_ADD, false, false, nullptr, nullptr},
      {ViewKey::ZoomOut, '-', false, false, nullptr, nullptr},
      {ViewKey::ZoomOut, GLFW_KEY_KP_SUBTRACT, false, false, nullptr, nullptr},
      {ViewKey::Fit, GLFW_KEY_HOME, false, false, "Home, 0", "see all; so does a double click"},
      {ViewKey::Fit, '0', false, false, nullptr, nullptr},
      {ViewKey::Pin, 'p', false, false, "P, click", "pin the cell under the cursor, or let it go"},
      {ViewKey::Unpin, 'u', false, false, "U", "let all pins go"},
      {ViewKey::Reference, 'r', false, false, "R", "the row under the cursor is the reference"},
      {ViewKey::NextMetric, 'm', false, false, "M, Shift+M", "next and previous metric"},
      {ViewKey::PreviousMetric, 'm', false, true, nullptr, nullptr},
      {ViewKey::Save, 's', true, false, "Ctrl+S", "save the figure (PNG, PDF, SVG) or its data (NPY, CSV, TSV, JSON)"},
      {ViewKey::CopyCommand, 'c', true, true, "Ctrl+Shift+C", "copy the divlens render command that makes this figure"},
      {ViewKey::CopyText, 'c', true, false, "Ctrl+C", "copy the pinned cells, or the one under the cursor, as text"},
      {ViewKey::Open, 'o', true, false, "Ctrl+O", "open a file; files can be dropped on the window, too"},
      {ViewKey::Reload, GLFW_KEY_F5, false, false, "F5", "read the file again"},
      {ViewKey::NextTab, GLFW_KEY_TAB, true, false, "Ctrl+Tab", "next file"},
      {ViewKey::First, 'a', false, false, "A, B, D", "of several files: the first, the second, their difference A − B"},
      {ViewKey::Second, 'b', false, false, nullptr, nullptr},
      {ViewKey::Difference, 'd', false, false, nullptr, nullptr},
      {ViewKey::SideBySide, 's', false, false, "S", "all files next to one another, with one scale and one cursor"},
      {ViewKey::Close, 'w', true, false, "Ctrl+W", "close the file"},
      {ViewKey::FocusPanel, GLFW_KEY_F2, false, false, "F2",
       "go to the panel; Tab, arrows and Space work there, Esc leaves it"},
      {ViewKey::Panel, GLFW_KEY_F9, false, false, "F9", "hide or show the panel"},
      {ViewKey::Help, '?', false, false, "?, F1", "these keys"},
      {ViewKey::Help, GLFW_KEY_F1, false, false, nullptr, nullptr},
      {ViewKey::Escape, GLFW_KEY_ESCAPE, false, false, "Esc", "close what lies over the figure; nothing is lost"},
      {ViewKey::Enter, GLFW_KEY_ENTER, false, false, nullptr, nullptr},
      {ViewKey::Enter, GLFW_KEY_KP_ENTER, false, false, nullptr, nullptr},
      {ViewKey::Quit, 'q', true, false, "Ctrl+Q", "end"},
  };
  return table;
}

void WindowEvents::watch(GLFWwindow* window) {
  glfwSetWindowUserPointer(window, this);
  glfwSetKeyCallback(window, [](GLFWwindow* w, int key, int scancode, int action, int mods) {
    events(w).wake();
    if (action == GLFW_RELEASE) return;
    // The character that the keyboard's layout has there, where it is one.
    const char* const name = glfwGetKeyName(key, scancode);
    const bool control = (mods & GLFW_MOD_CONTROL) != 0, shift = (mods & GLFW_MOD_SHIFT) != 0;
    const bool letter = name && name[0] && !name[1] && (key < GLFW_KEY_KP_0 || key > GLFW_KEY_KP_EQUAL);
    events(w).keys_.push_back({letter ? name[0] : key, control, shift});
  });
  // Signs that need Shift on some keyboards only.
  glfwSetCharCallback(window, [](GLFWwindow* w, unsigned character) {
    events(w).wake();
    if (character == '?' || character == '+') events(w).keys_.push_back({int(character), false, false});
  });
  glfwSetDropCallback(window, [](GLFWwindow* w, int count, const char** paths) {
    events(w).wake();
    events(w).dropped_.insert(events(w).dropped_.end(), paths, paths + count);
  });
  glfwGetCursorPos(window, &x_, &y_);
  glfwSetCursorPosCallback(window, [](GLFWwindow* w, double x, double y) {
    events(w).wake();
    events(w).x_ = x;
    events(w).y_ = y;
  });
  glfwSetMouseButtonCallback(window, [](GLFWwindow* w, int button, int action, int) {
    events(w).wake();
    if (button != GLFW_MOUSE_BUTTON_LEFT && button != GLFW_MOUSE_BUTTON_RIGHT) return;
    const bool left = button == GLFW_MOUSE_BUTTON_LEFT, down = action == GLFW_PRESS;
    // Where the events before it have led: glfwGetCursorPos asks the display where the pointer is by now.
    events(w).buttons_.push_back({left, down, events(w).x_, events(w).y_});
    if (left && down) events(w).press(events(w).x_, events(w).y_);
  });
  glfwSetScrollCallback(window, [](GLFWwindow* w, double, double steps) {
    events(w).wake();
    const auto down = [&](int left, int right) {
      return glfwGetKey(w, left) == GLFW_PRESS || glfwGetKey(w, right) == GLFW_PRESS;
    };
    events(w).wheel_.push_back(
        {steps, down(GLFW_KEY_LEFT_CONTROL, GLFW_KEY_RIGHT_CONTROL), down(GLFW_KEY_LEFT_SHIFT, GLFW_KEY_RIGHT_SHIFT)});
  });
  glfwSetWindowFocusCallback(window, [](GLFWwindow* w, int) { events(w).wake(); });
  glfwSetCursorEnterCallback(window, [](GLFWwindow* w, int) { events(w).wake(); });
  glfwSetFramebufferSizeCallback(window, [](GLFWwindow* w, int, int) { events(w).wake(); });
  glfwSetWindowRefreshCallback(window, [](GLFWwindow* w) { events(w).wake(); });
}

void WindowEvents::press(double x, double y) {
  const bool near = std::hypot(x - pressX_, y - pressY_) <= kDoubleClickReach;
  doubleClicked_ = pressTime_ >= 0 && glfwGetTime() - pressTime_ <= kDoubleClickSeconds && near;
  pressTime_ = doubleClicked_ ? -1 : glfwGetTime();
  pressX_ = x;
  pressY_ = y;
}

bool WindowEvents::pressed(ViewKey key) const {
  return std::any_of(keys_.begin(), keys_.end(), [&](const Press& press) {
    return std::any_of(keyRows().begin(), keyRows().end(), [&](const KeyRow& row) {
      return row.key == key && row.code == press.code && row.control == press.control && row.shift == press.shift;
    });
  });
}

std::vector<std::string> WindowEvents::takeDropped() { return std::exchange(dropped_, {}); }

}  // namespace divlens
