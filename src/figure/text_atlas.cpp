#include "figure/text_atlas.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "error.h"

namespace divlens {
namespace {

constexpr int kGap = 2;
constexpr int64_t kLargeArea = int64_t{1} << 20;

}  // namespace

TextAtlas::TextAtlas(ImFontAtlas& atlas, const DisplayList& list, TextShaper& shaper) : atlas_(atlas) {
  int64_t area = 0;
  int widest = 0;
  for (const DisplayItem& item : list.items) {
    const Text* text = std::get_if<Text>(&item);
    if (!text || entries_.contains(keyOf(*text))) continue;
    Entry entry{.image = shaper.rasterise(text->utf8, text->sizePx, text->rotation)};
    if (entry.image.width > 0 && entry.image.height > 0)
      entry.rect = atlas.AddCustomRectRegular(entry.image.width, entry.image.height);
    widest = std::max(widest, entry.image.width);
    area += int64_t(entry.image.width + kGap) * (entry.image.height + kGap);
    entries_.emplace(keyOf(*text), std::move(entry));
  }
  // The packer needs the width beforehand, and silently leaves out what does not fit.
  atlas.TexDesiredWidth = std::max(int(std::bit_ceil(unsigned(widest + kGap))), area > kLargeArea ? 4096 : 512);
  unsigned char* pixels = nullptr;
  int width = 0, height = 0;
  atlas.GetTexDataAsRGBA32(&pixels, &width, &height);
  for (const auto& [key, entry] : entries_)
    if (entry.rect >= 0) fill(entry, pixels, width);
}

void TextAtlas::fill(const Entry& entry, unsigned char* pixels, int width) const {
  const ImFontAtlasCustomRect* rect = atlas_.GetCustomRectByIndex(entry.rect);
  if (!rect->IsPacked())
    throw Error(
        Exit::Usage,
        "the figure has more text than fits; thin its labels with --xticklabels or --yticklabels, or lower --dpi");
  const size_t rowBytes = size_t(entry.image.width) * 4;
  for (int y = 0; y < entry.image.height; ++y)
    std::memcpy(pixels + (size_t(rect->Y + y) * size_t(width) + rect->X) * 4,
                entry.image.rgba.data() + size_t(y) * rowBytes, rowBytes);
}

void TextAtlas::draw(ImDrawList& drawing, const Text& text, TextShaper& shaper) const {
  const Entry& entry = entries_.at(keyOf(text));
  if (entry.rect < 0) return;
  const TextOrigin origin = textOrigin(text, shaper.measure(text.utf8, text.sizePx));
  const ImVec2 from(float(origin.x + entry.image.left), float(origin.y + entry.image.top));
  const ImVec2 to(from.x + float(entry.image.width), from.y + float(entry.image.height));
  ImVec2 uv0, uv1;
  atlas_.CalcCustomRectUV(atlas_.GetCustomRectByIndex(entry.rect), &uv0, &uv1);
  const ImU32 color = entry.image.colored ? IM_COL32(255, 255, 255, text.color.a)
                                          : IM_COL32(text.color.r, text.color.g, text.color.b, text.color.a);
  drawing.AddImage(atlas_.TexID, from, to, uv0, uv1, color);
}

}  // namespace divlens
