#include "figure/text_pass.h"

#include <algorithm>
#include <cstring>

#include "error.h"

namespace divlens {
namespace {

constexpr uint32_t kBindings = 2;
constexpr uint32_t kCorners = 6;
constexpr size_t kMostTexels = size_t{1} << 24;  // 64 MiB
constexpr size_t kKeptTexels = size_t{1} << 22;  // beyond it a window forgets all texts and begins anew
constexpr size_t kFirstTexels = size_t{1} << 18;
constexpr size_t kFirstRecords = 1024;

uint32_t packed(Color c) { return uint32_t(c.r) | uint32_t(c.g) << 8 | uint32_t(c.b) << 16 | uint32_t(c.a) << 24; }

}  // namespace

TextPass::TextPass(const gpu::Context& context, VkRenderPass pass, TextShaper& shaper, size_t frames)
    : context_(context),
      shaper_(shaper),
      pipeline_(context, pass, "text.vert", "text.frag", kBindings, uint32_t(sizeof(TextPush)),
                VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT) {
  for (size_t i = 0; i < frames; ++i) frames_.emplace_back(context);
}

void TextPass::begin(size_t frame) {
  frame_ = frame;
  frames_[frame].retired.clear();
  records_.clear();
  if (texels_.size() < kKeptTexels) return;
  entries_.clear();
  texels_.clear();
  uploaded_ = 0;
  // A frame under way reads the old pixels.
  frames_[frame].retired.push_back(std::move(texelBuffer_));
  texelBuffer_ = {};
}

const TextPass::Entry& TextPass::entryOf(const Text& text) {
  const Key key{text.utf8, text.sizePx, text.rotation};
  if (const auto found = entries_.find(key); found != entries_.end()) return found->second;
  const TextImage image = shaper_.rasterise(text.utf8, text.sizePx, text.rotation);
  const size_t count = image.rgba.size() / 4;
  if (texels_.size() + count > kMostTexels)
    throw Error(
        Exit::Usage,
        "the figure has more text than fits; thin its labels with --xticklabels or --yticklabels, or lower --dpi");
  const Entry entry{image.width, image.height, image.left, image.top, image.colored, uint32_t(texels_.size())};
  texels_.resize(texels_.size() + count);
  if (count > 0) std::memcpy(texels_.data() + entry.offset, image.rgba.data(), count * 4);
  return entries_.emplace(key, entry).first->second;
}

uint32_t TextPass::add(const Text& text) {
  const Entry& entry = entryOf(text);
  const TextOrigin origin = textOrigin(text, shaper_.measure(text.utf8, text.sizePx));
  const Color color = entry.colored ? Color{255, 255, 255, text.color.a} : text.color;
  records_.push_back({.x = origin.x + entry.left,
                      .y = origin.y + entry.top,
                      .w = uint32_t(entry.width),
                      .h = uint32_t(entry.height),
                      .offset = entry.offset,
                      .color = packed(color)});
  return uint32_t(records_.size() - 1);
}

void TextPass::finish() {
  Frame& frame = frames_[frame_];
  const auto fill = [](const gpu::Buffer& buffer, const auto& values, size_t from) {
    if (values.size() > from)
      std::memcpy(buffer.mapped() + from * sizeof values[0], values.data() + from,
                  (values.size() - from) * sizeof values[0]);
  };
  if (frame.records.bytes() < std::max(records_.size(), size_t{1}) * sizeof(TextRecord))
    frame.records = gpu::Buffer(context_, std::max(2 * records_.size(), kFirstRecords) * sizeof(TextRecord),
                                gpu::Memory::Upload, "texts");
  if (texelBuffer_.bytes() < std::max(texels_.size(), size_t{1}) * 4) {
    if (texelBuffer_) frame.retired.push_back(std::move(texelBuffer_));
    texelBuffer_ =
        gpu::Buffer(context_, std::max(2 * texels_.size(), kFirstTexels) * 4, gpu::Memory::Upload, "pixels of texts");
    uploaded_ = 0;
  }
  fill(frame.records, records_, 0);
  fill(texelBuffer_, texels_, uploaded_);
  uploaded_ = texels_.size();
  const gpu::BufferRange buffers[] = {{&frame.records}, {&texelBuffer_}};
  frame.pool.reset();
  set_ = frame.pool.make(pipeline_.layout(), buffers);
}

void TextPass::draw(VkCommandBuffer commands, VkExtent2D extent, uint32_t first, uint32_t count) {
  const TextPush push{.width = float(extent.width), .height = float(extent.height), .first = first};
  pipeline_.draw(commands, set_, std::as_bytes(std::span(&push, 1)), extent, {{0, 0}, extent}, kCorners, count);
}

}  // namespace divlens
