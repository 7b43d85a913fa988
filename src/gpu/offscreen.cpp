#include <fmt/format.h>

#include <cstring>

#include "error.h"
#include "gpu/barrier.h"
#include "gpu/check.h"
#include "gpu/graphics.h"

namespace divlens::gpu {
namespace {

constexpr VkFormat kFormat = VK_FORMAT_R8G8B8A8_UNORM;  // the colours are final: no conversion on the way out

}  // namespace

OffscreenTarget::OffscreenTarget(const Context& context, uint32_t width, uint32_t height)
    : device_(context.device()), extent_{width, height} {
  const uint32_t most = context.limits().maxImageDimension2D;
  if (width > most || height > most)
    throw Error(
        Exit::Usage,
        fmt::format(
            "a figure of {} × {} pixels is larger than the {} a side that {} can draw; lower --dpi or --figsize", width,
            height, most, context.info().name));
  readback_ = Buffer(context, uint64_t(width) * height * 4, Memory::Readback, "figure readback");
  makePass();
  makeImage(context);
}

void OffscreenTarget::makePass() {
  const VkAttachmentDescription color{.format = kFormat,
                                      .samples = VK_SAMPLE_COUNT_1_BIT,
                                      .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
                                      .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
                                      .stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE,
                                      .stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE,
                                      .initialLayout = VK_IMAGE_LAYOUT_UNDEFINED,
                                      .finalLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL};
  const VkAttachmentReference reference{.attachment = 0, .layout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
  const VkSubpassDescription subpass{
      .pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS, .colorAttachmentCount = 1, .pColorAttachments = &reference};
  // The copy out of the image waits for the drawing; the drawing waits for an earlier copy.
  const VkSubpassDependency dependencies[] = {
      {.srcSubpass = VK_SUBPASS_EXTERNAL,
       .dstSubpass = 0,
       .srcStageMask = VK_PIPELINE_STAGE_TRANSFER_BIT,
       .dstStageMask = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
       .srcAccessMask = VK_ACCESS_TRANSFER_READ_BIT,
       .dstAccessMask = VK_ACCESS_COLOR_ATTACHMENT_READ_BIT | VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT},
      {.srcSubpass = 0,
       .dstSubpass = VK_SUBPASS_EXTERNAL,
       .srcStageMask = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
       .dstStageMask = VK_PIPELINE_STAGE_TRANSFER_BIT,
       .srcAccessMask = VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT,
       .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT}};
  const VkRenderPassCreateInfo create{.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
                                      .attachmentCount = 1,
                                      .pAttachments = &color,
                                      .subpassCount = 1,
                                      .pSubpasses = &subpass,
                                      .dependencyCount = 2,
                                      .pDependencies = dependencies};
  check(vkCreateRenderPass(device_, &create, nullptr, &pass_), "vkCreateRenderPass");
}

void OffscreenTarget::makeImage(const Context& context) {
  const VkImageCreateInfo create{.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                                 .imageType = VK_IMAGE_TYPE_2D,
                                 .format = kFormat,
                                 .extent = {extent_.width, extent_.height, 1},
                                 .mipLevels = 1,
                                 .arrayLayers = 1,
                                 .samples = VK_SAMPLE_COUNT_1_BIT,
                                 .tiling = VK_IMAGE_TILING_OPTIMAL,
                                 .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT};
  check(vkCreateImage(device_, &create, nullptr, &image_), "vkCreateImage");
  VkMemoryRequirements needs{};
  vkGetImageMemoryRequirements(device_, image_, &needs);
  const int type = context.memoryType(needs.memoryTypeBits, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
  const VkMemoryAllocateInfo allocate{
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
      .allocationSize = needs.size,
      .memoryTypeIndex = uint32_t(type < 0 ? context.memoryType(needs.memoryTypeBits, 0) : type)};
  check(vkAllocateMemory(device_, &allocate, nullptr, &memory_), "memory for the figure's image");
  check(vkBindImageMemory(device_, image_, memory_, 0), "vkBindImageMemory");
  const VkImageViewCreateInfo view{
      .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
      .image = image_,
      .viewType = VK_IMAGE_VIEW_TYPE_2D,
      .format = kFormat,
      .subresourceRange = {.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT, .levelCount = 1, .layerCount = 1}};
  check(vkCreateImageView(device_, &view, nullptr, &view_), "vkCreateImageView");
  const VkFramebufferCreateInfo framebuffer{.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
                                            .renderPass = pass_,
                                            .attachmentCount = 1,
                                            .pAttachments = &view_,
                                            .width = extent_.width,
                                            .height = extent_.height,
                                            .layers = 1};
  check(vkCreateFramebuffer(device_, &framebuffer, nullptr, &framebuffer_), "vkCreateFramebuffer");
}

OffscreenTarget::~OffscreenTarget() {
  vkDestroyFramebuffer(device_, framebuffer_, nullptr);
  vkDestroyImageView(device_, view_, nullptr);
  vkDestroyImage(device_, image_, nullptr);
  vkFreeMemory(device_, memory_, nullptr);
  vkDestroyRenderPass(device_, pass_, nullptr);
}

void OffscreenTarget::begin(VkCommandBuffer commands, const float (&background)[4]) const {
  VkClearValue clear{};
  std::memcpy(clear.color.float32, background, sizeof background);
  const VkRenderPassBeginInfo begin{.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
                                    .renderPass = pass_,
                                    .framebuffer = framebuffer_,
                                    .renderArea = {.extent = extent_},
                                    .clearValueCount = 1,
                                    .pClearValues = &clear};
  vkCmdBeginRenderPass(commands, &begin, VK_SUBPASS_CONTENTS_INLINE);
}

void OffscreenTarget::end(VkCommandBuffer commands) const {
  vkCmdEndRenderPass(commands);
  const VkBufferImageCopy region{.imageSubresource = {.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT, .layerCount = 1},
                                 .imageExtent = {extent_.width, extent_.height, 1}};
  vkCmdCopyImageToBuffer(commands, image_, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, readback_.handle(), 1, &region);
  barrier(commands, kTransferWrite, kHostRead);
}

std::vector<uint8_t> OffscreenTarget::pixels() const {
  std::vector<uint8_t> out(size_t(extent_.width) * extent_.height * 4);
  std::memcpy(out.data(), readback_.mapped(), out.size());
  return out;
}

}  // namespace divlens::gpu
