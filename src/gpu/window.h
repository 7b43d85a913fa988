#pragma once
#include <vulkan/vulkan.h>

#include <optional>
#include <string>
#include <vector>

#include "gpu/graphics.h"

struct GLFWwindow;

namespace divlens::gpu {

/// Why no window can be opened; empty where one can.
std::string whyNoDisplay();

/// A window on the display; one at a time. Closing the display ends the process with exit code 4 and a sentence.
class Window {
 public:
  /// Error(NoDevice), which names `divlens render`, where there is no display.
  Window(const std::string& title, int width, int height);
  ~Window();
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  GLFWwindow* handle() const { return window_; }
  /// Extensions of a Vulkan instance that can draw to it.
  std::vector<std::string> surfaceExtensions() const;
  /// Pixels to draw; 0 × 0 while it is minimised.
  VkExtent2D pixels() const;
  /// Pixels of the screen for each of a plain one: 2 on a HiDPI display.
  float scale() const;

 private:
  GLFWwindow* window_ = nullptr;
};

/// The window's images in turn, two frames under way at once, with the render pass for them. Colours are final: no
/// conversion on the way out.
class WindowTarget {
 public:
  static constexpr size_t kFrames = 2;

  /// Error(NoDevice) where the device cannot draw to this window. The context must have the surface extensions.
  WindowTarget(const Context& context, const Window& window);
  ~WindowTarget();
  WindowTarget(const WindowTarget&) = delete;
  WindowTarget& operator=(const WindowTarget&) = delete;

  VkRenderPass renderPass() const { return pass_; }
  VkExtent2D extent() const { return extent_; }
  /// A frame's commands, inside the render pass, and which of the kFrames it is: its last use is done on the device.
  struct Frame {
    VkCommandBuffer commands;
    size_t number;
  };
  /// Waits for the frame before the last and fits the images to the window; nothing while there is nothing to draw to.
  bool prepare();
  /// Which of the kFrames comes next; after prepare() the device is done with its last use.
  size_t number() const { return number_; }
  /// Takes an image, clears it and begins the pass; nothing where that must be tried again. Error(NoDevice) when the
  /// display or the device is lost.
  std::optional<Frame> begin(const float (&background)[4]);
  void end();

 private:
  struct Image {
    VkImageView view = VK_NULL_HANDLE;
    VkFramebuffer framebuffer = VK_NULL_HANDLE;
    VkSemaphore drawn = VK_NULL_HANDLE;
  };
  void chooseFormat();
  void makePass();
  void makeSwapchain(VkExtent2D wanted);
  void dropImages();

  const Context& context_;
  const Window& window_;
  VkDevice device_;
  VkSurfaceKHR surface_ = VK_NULL_HANDLE;
  VkSurfaceFormatKHR format_{};
  VkRenderPass pass_ = VK_NULL_HANDLE;
  VkSwapchainKHR swapchain_ = VK_NULL_HANDLE;
  VkExtent2D extent_{};
  std::vector<Image> images_;
  uint32_t image_ = 0;
  VkCommandBuffer recording_ = VK_NULL_HANDLE;
  bool stale_ = true;  ///< the swapchain no longer fits the window
  Commands commands_[kFrames];
  VkSemaphore acquired_[kFrames]{};
  size_t number_ = 0;
};

}  // namespace divlens::gpu
