#include "figure/list_painter.h"

#include <cmath>

namespace divlens {
namespace {

ImU32 packed(Color c) { return IM_COL32(c.r, c.g, c.b, c.a); }

void drawShape(ImDrawList& drawing, const FilledRect& item) {
  drawing.AddRectFilled(ImVec2(item.rect.x, item.rect.y), ImVec2(item.rect.right(), item.rect.bottom()),
                        packed(item.color));
}

void drawShape(ImDrawList& drawing, const Line& item) {
  const float half = std::max(1.0f, std::round(item.width)) / 2;
  const auto box = [&](float x0, float y0, float x1, float y1) {
    drawing.AddRectFilled(ImVec2(std::round(x0), std::round(y0)), ImVec2(std::round(x1), std::round(y1)),
                          packed(item.color));
  };
  if (item.x0 == item.x1)
    box(item.x0 - half, std::min(item.y0, item.y1), item.x0 + half, std::max(item.y0, item.y1));
  else if (item.y0 == item.y1)
    box(std::min(item.x0, item.x1), item.y0 - half, std::max(item.x0, item.x1), item.y0 + half);
  else
    drawing.AddLine(ImVec2(item.x0, item.y0), ImVec2(item.x1, item.y1), packed(item.color), item.width);
}

void drawShape(ImDrawList& drawing, const Triangle& item) {
  drawing.AddTriangleFilled(ImVec2(item.x0, item.y0), ImVec2(item.x1, item.y1), ImVec2(item.x2, item.y2),
                            packed(item.color));
}

template <typename... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};

}  // namespace

void ListPainter::paint(ImDrawList& drawing, const DisplayList& list, const HeatmapCells* cells) {
  cells_ = cells;
  size_t areas = 0;
  for (const DisplayItem& item : list.items) {
    if (const Text* text = std::get_if<Text>(&item)) {
      const uint32_t number = parts_.texts.add(*text);
      if (texts_.count == 0) texts_.first = number;
      ++texts_.count;
      continue;
    }
    addTexts(drawing);
    std::visit(Overloaded{[&](const auto& shape) { drawShape(drawing, shape); }, [](const Text&) {},
                          [&](const HeatmapArea& area) { addCallback(drawing, Cells{area, areas++}); },
                          [&](const ColorbarArea& bar) { addCallback(drawing, bar); }},
               item);
  }
  addTexts(drawing);
}

// Texts that follow one another are one draw.
void ListPainter::addTexts(ImDrawList& drawing) {
  if (texts_.count > 0) addCallback(drawing, texts_);
  texts_ = {};
}

template <typename What>
void ListPainter::addCallback(ImDrawList& drawing, const What& what) {
  callbacks_.push_back({this, cells_, what});
  drawing.AddCallback(&ListPainter::run, &callbacks_.back());
  drawing.AddCallback(ImDrawCallback_ResetRenderState, nullptr);
}

void ListPainter::run(const ImDrawList*, const ImDrawCmd* command) {
  const auto* callback = static_cast<const Callback*>(command->UserCallbackData);
  const ListPainter& self = *callback->painter;
  const PaintParts& parts = self.parts_;
  std::visit(
      Overloaded{[&](const TextRun& run) { parts.texts.draw(self.commands_, parts.extent, run.first, run.count); },
                 [&](const Cells& cells) {
                   parts.heatmap->draw(self.commands_, parts.extent, parts.pool, *callback->cells, cells.area,
                                       cells.number);
                 },
                 [&](const ColorbarArea& bar) {
                   parts.heatmap->draw(self.commands_, parts.extent, parts.pool, *callback->cells, bar);
                 }},
      callback->what);
}

}  // namespace divlens
