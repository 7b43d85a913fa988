#include "gpu/window.h"

#include <dlfcn.h>
#include <fmt/format.h>

#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>

#include <cstdio>
#include <cstdlib>

#include "error.h"

namespace divlens::gpu {
namespace {

[[noreturn]] void fail(const char* what) {
  const char* why = nullptr;
  glfwGetError(&why);
  throw Error(Exit::NoDevice,
              fmt::format("{}{}{}; divlens render DUMP -o FIGURE.png makes the same figure without a window", what,
                          why ? ": " : "", why ? why : ""));
}

// Xlib ends the process when its server goes away, whatever the handler does; so it says our words first.
int displayLost(void*) {
  std::fputs("divlens: the display went away; divlens render makes the same figure without a window\n", stderr);
  std::_Exit(int(Exit::NoDevice));
}

// Looked up at run time: GLFW may use Wayland, and then no Xlib is there.
void catchDisplayLoss() {
  using Handler = int (*)(void*);
  using SetHandler = Handler (*)(Handler);
  if (void* const set = dlsym(RTLD_DEFAULT, "XSetIOErrorHandler")) reinterpret_cast<SetHandler>(set)(displayLost);
}

}  // namespace

std::string whyNoDisplay() {
  if (glfwInit()) {
    glfwTerminate();
    return "";
  }
  const char* why = nullptr;
  glfwGetError(&why);
  return why ? why : "GLFW cannot start";
}

Window::Window(const std::string& title, int width, int height) {
  if (!glfwInit()) fail("no display to open a window on");
  catchDisplayLoss();
  glfwWindowHint(GLFW_CLIENT_API, GLFW_NO_API);
  glfwWindowHint(GLFW_SCALE_TO_MONITOR, GLFW_TRUE);
  window_ = glfwCreateWindow(width, height, title.c_str(), nullptr, nullptr);
  if (window_) return;
  try {
    fail("cannot open a window");
  } catch (...) {
    glfwTerminate();
    throw;
  }
}

Window::~Window() {
  glfwDestroyWindow(window_);
  glfwTerminate();
}

std::vector<std::string> Window::surfaceExtensions() const {
  uint32_t count = 0;
  const char* const* names = glfwGetRequiredInstanceExtensions(&count);
  if (!names) fail("Vulkan cannot draw to this display");
  return {names, names + count};
}

VkExtent2D Window::pixels() const {
  int width = 0, height = 0;
  glfwGetFramebufferSize(window_, &width, &height);
  if (glfwGetWindowAttrib(window_, GLFW_ICONIFIED)) return {0, 0};
  return {uint32_t(width), uint32_t(height)};
}

float Window::scale() const {
  float x = 1, y = 1;
  glfwGetWindowContentScale(window_, &x, &y);
  return x > 0 ? x : 1;
}

}  // namespace divlens::gpu
