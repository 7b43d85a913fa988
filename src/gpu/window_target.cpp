#define GLFW_INCLUDE_VULKAN
#include <GLFW/glfw3.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "error.h"
#include "gpu/check.h"
#include "gpu/window.h"

namespace divlens::gpu {
namespace {

constexpr uint64_t kWaitNanoseconds = 1'000'000'000;

VkSemaphore makeSemaphore(VkDevice device) {
  const VkSemaphoreCreateInfo create{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
  VkSemaphore semaphore = VK_NULL_HANDLE;
  check(vkCreateSemaphore(device, &create, nullptr, &semaphore), "vkCreateSemaphore");
  return semaphore;
}

void checkSurface(VkResult result, const char* what) {
  if (result == VK_ERROR_SURFACE_LOST_KHR)
    throw Error(Exit::NoDevice,
                fmt::format("{}: the window's surface is lost, since the display went away; divlens render makes the "
                            "same figure without a window",
                            what));
  check(result, what);
}

}  // namespace

WindowTarget::WindowTarget(const Context& context, const Window& window)
    : context_(context), window_(window), device_(context.device()), commands_{Commands(context), Commands(context)} {
  if (!glfwGetPhysicalDevicePresentationSupport(context.instance(), context.physical(), context.queueFamily()))
    throw Error(Exit::NoDevice,
                fmt::format("{} cannot draw to this display; choose another with --device (divlens devices), or use "
                            "divlens render",
                            context.info().name));
  check(glfwCreateWindowSurface(context.instance(), window.handle(), nullptr, &surface_), "glfwCreateWindowSurface");
  chooseFormat();
  makePass();
  for (VkSemaphore& semaphore : acquired_) semaphore = makeSemaphore(device_);
}

WindowTarget::~WindowTarget() {
  dropImages();  // waits for the device, also for a lost one, which must not throw here
  for (VkSemaphore semaphore : acquired_) vkDestroySemaphore(device_, semaphore, nullptr);
  vkDestroySwapchainKHR(device_, swapchain_, nullptr);
  vkDestroyRenderPass(device_, pass_, nullptr);
  vkDestroySurfaceKHR(context_.instance(), surface_, nullptr);
}

void WindowTarget::chooseFormat() {
  const auto formats =
      enumerate<VkSurfaceFormatKHR>(vkGetPhysicalDeviceSurfaceFormatsKHR, context_.physical(), surface_);
  for (const VkSurfaceFormatKHR& format : formats)
    if (format.format == VK_FORMAT_B8G8R8A8_UNORM || format.format == VK_FORMAT_R8G8B8A8_UNORM) {
      format_ = format;
      return;
    }
  throw Error(Exit::NoDevice,
              fmt::format("{} shows no 8-bit colours on this display; use divlens render", context_.info().name));
}

void WindowTarget::makePass() {
  const VkAttachmentDescription color{.format = format_.format,
                                      .samples = VK_SAMPLE_COUNT_1_BIT,
                                      .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
                                      .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
                                      .stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE,
                                      .stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE,
                                      .initialLayout = VK_IMAGE_LAYOUT_UNDEFINED,
                                      .finalLayout = VK_IMAGE_LAYOUT_PRESENT_SRC_KHR};
  const VkAttachmentReference reference{.attachment = 0, .layout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
  const VkSubpassDescription subpass{
      .pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS, .colorAttachmentCount = 1, .pColorAttachments = &reference};
  // The image changes its layout only once it has been acquired: that wait is at the same stage.
  const VkSubpassDependency dependency{
      .srcSubpass = VK_SUBPASS_EXTERNAL,
      .dstSubpass = 0,
      .srcStageMask = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
      .dstStageMask = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
      .dstAccessMask = VK_ACCESS_COLOR_ATTACHMENT_READ_BIT | VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT};
  const VkRenderPassCreateInfo create{.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
                                      .attachmentCount = 1,
                                      .pAttachments = &color,
                                      .subpassCount = 1,
                                      .pSubpasses = &subpass,
                                      .dependencyCount = 1,
                                      .pDependencies = &dependency};
  check(vkCreateRenderPass(device_, &create, nullptr, &pass_), "vkCreateRenderPass");
}

void WindowTarget::dropImages() {
  // Presenting waits for semaphores, and no fence tells when it has.
  vkDeviceWaitIdle(device_);
  for (const Image& image : images_) {
    vkDestroyFramebuffer(device_, image.framebuffer, nullptr);
    vkDestroyImageView(device_, image.view, nullptr);
    vkDestroySemaphore(device_, image.drawn, nullptr);
  }
  images_.clear();
}

void WindowTarget::makeSwapchain(VkExtent2D wanted) {
  VkSurfaceCapabilitiesKHR can{};
  checkSurface(vkGetPhysicalDeviceSurfaceCapabilitiesKHR(context_.physical(), surface_, &can),
               "vkGetPhysicalDeviceSurfaceCapabilitiesKHR");
  extent_ = can.currentExtent.width != UINT32_MAX
                ? can.currentExtent
                : VkExtent2D{std::clamp(wanted.width, can.minImageExtent.width, can.maxImageExtent.width),
                             std::clamp(wanted.height, can.minImageExtent.height, can.maxImageExtent.height)};
  if (extent_.width == 0 || extent_.height == 0) return;
  for (Commands& commands : commands_) commands.wait();
  dropImages();
  const VkSwapchainKHR old = swapchain_;
  const uint32_t least = std::max<uint32_t>(can.minImageCount, kFrames);
  const VkSwapchainCreateInfoKHR create{
      .sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR,
      .surface = surface_,
      .minImageCount = can.maxImageCount ? std::min(least, can.maxImageCount) : least,
      .imageFormat = format_.format,
      .imageColorSpace = format_.colorSpace,
      .imageExtent = extent_,
      .imageArrayLayers = 1,
      .imageUsage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT,
      .imageSharingMode = VK_SHARING_MODE_EXCLUSIVE,
      .preTransform = can.currentTransform,
      .compositeAlpha = can.supportedCompositeAlpha & VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR
                            ? VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR
                            : VK_COMPOSITE_ALPHA_INHERIT_BIT_KHR,
      .presentMode = VK_PRESENT_MODE_FIFO_KHR,
      .clipped = VK_TRUE,
      .oldSwapchain = old};
  checkSurface(vkCreateSwapchainKHR(device_, &create, nullptr, &swapchain_), "vkCreateSwapchainKHR");
  vkDestroySwapchainKHR(device_, old, nullptr);
  for (VkImage handle : enumerate<VkImage>(vkGetSwapchainImagesKHR, device_, swapchain_)) {
    Image& image = images_.emplace_back();
    const VkImageViewCreateInfo view{
        .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
        .image = handle,
        .viewType = VK_IMAGE_VIEW_TYPE_2D,
        .format = format_.format,
        .subresourceRange = {.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT, .levelCount = 1, .layerCount = 1}};
    check(vkCreateImageView(device_, &view, nullptr, &image.view), "vkCreateImageView");
    const VkFramebufferCreateInfo framebuffer{.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
                                              .renderPass = pass_,
                                              .attachmentCount = 1,
                                              .pAttachments = &image.view,
                                              .width = extent_.width,
                                              .height = extent_.height,
                                              .layers = 1};
    check(vkCreateFramebuffer(device_, &framebuffer, nullptr, &image.framebuffer), "vkCreateFramebuffer");
    image.drawn = makeSemaphore(device_);
  }
  stale_ = false;
}

bool WindowTarget::prepare() {
  commands_[number_].wait();
  const VkExtent2D pixels = window_.pixels();
  if (pixels.width == 0 || pixels.height == 0) return false;
  if (stale_ || pixels.width != extent_.width || pixels.height != extent_.height) makeSwapchain(pixels);
  return extent_.width > 0 && extent_.height > 0;
}

std::optional<WindowTarget::Frame> WindowTarget::begin(const float (&background)[4]) {
  const VkResult got =
      vkAcquireNextImageKHR(device_, swapchain_, kWaitNanoseconds, acquired_[number_], VK_NULL_HANDLE, &image_);
  if (got == VK_ERROR_OUT_OF_DATE_KHR) stale_ = true;
  if (got == VK_ERROR_OUT_OF_DATE_KHR || got == VK_TIMEOUT || got == VK_NOT_READY) return std::nullopt;
  checkSurface(got, "vkAcquireNextImageKHR");
  stale_ = got == VK_SUBOPTIMAL_KHR;
  const Frame frame{commands_[number_].begin(), number_};
  VkClearValue clear{};
  std::memcpy(clear.color.float32, background, sizeof background);
  const VkRenderPassBeginInfo begin{.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
                                    .renderPass = pass_,
                                    .framebuffer = images_[image_].framebuffer,
                                    .renderArea = {.extent = extent_},
                                    .clearValueCount = 1,
                                    .pClearValues = &clear};
  vkCmdBeginRenderPass(frame.commands, &begin, VK_SUBPASS_CONTENTS_INLINE);
  recording_ = frame.commands;
  return frame;
}

void WindowTarget::end() {
  vkCmdEndRenderPass(recording_);
  const VkSemaphore drawn = images_[image_].drawn;
  commands_[number_].submit(acquired_[number_], drawn);
  const VkPresentInfoKHR present{.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
                                 .waitSemaphoreCount = 1,
                                 .pWaitSemaphores = &drawn,
                                 .swapchainCount = 1,
                                 .pSwapchains = &swapchain_,
                                 .pImageIndices = &image_};
  const VkResult result = context_.present(present);
  if (result == VK_ERROR_OUT_OF_DATE_KHR || result == VK_SUBOPTIMAL_KHR)
    stale_ = true;
  else
    checkSurface(result, "vkQueuePresentKHR");
  number_ = (number_ + 1) % kFrames;
}

}  // namespace divlens::gpu
