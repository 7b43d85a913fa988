#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "figure/display_list.h"
#include "figure/text.h"
#include "gpu/graphics.h"
#include "shaders/text.h"

namespace divlens {

/// Draws texts inside a render pass: Pango's pixels lie in a storage buffer, each distinct text once, and stay there
/// from frame to frame.
class TextPass {
 public:
  /// `frames` may be under way at once.
  TextPass(const gpu::Context& context, VkRenderPass pass, TextShaper& shaper, size_t frames = 1);
  /// Starts the list of texts of a frame whose number's last use is done on the device.
  void begin(size_t frame);
  /// Number of the text in this frame's list; texts without pixels too. Error(Usage) where all texts are too large.
  uint32_t add(const Text& text);
  /// Makes what was added visible to the device; before draw().
  void finish();
  /// Draws texts [first, first + count) of this frame.
  void draw(VkCommandBuffer commands, VkExtent2D extent, uint32_t first, uint32_t count);

 private:
  using Key = std::tuple<std::string, float, int>;
  struct Entry {
    int width = 0, height = 0, left = 0, top = 0;
    bool colored = false;
    uint32_t offset = 0;
  };
  struct Frame {
    explicit Frame(const gpu::Context& context) : pool(context, 1, 2) {}
    gpu::DescriptorPool pool;
    gpu::Buffer records;
    std::vector<gpu::Buffer> retired;  ///< that it, or one before it, may still read
  };
  const Entry& entryOf(const Text& text);

  const gpu::Context& context_;
  TextShaper& shaper_;
  gpu::GraphicsPipeline pipeline_;
  std::map<Key, Entry> entries_;
  std::vector<uint32_t> texels_;
  size_t uploaded_ = 0;  ///< of texels_
  gpu::Buffer texelBuffer_;
  std::vector<TextRecord> records_;
  std::deque<Frame> frames_;
  size_t frame_ = 0;
  VkDescriptorSet set_ = VK_NULL_HANDLE;  ///< of this frame: all its texts
};

}  // namespace divlens
