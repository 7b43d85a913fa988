// The figure in the window, and what lies over it: tooltip, minimap, pins.
#include <fmt/format.h>
#include <imgui.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "app/viewer.h"
#include "app/writers.h"
#include "error.h"
#include "figure/axis_scale.h"
#include "figure/figure_style.h"
#include "figure/label_text.h"
#include "figure/layout.h"
#include "shaders/kernels.h"

namespace divlens {
namespace {

constexpr float kMarginPoints = 30;
constexpr double kScreenDpi = 96;
constexpr size_t kMostTold = 8;  // panels whose values a tooltip lists
constexpr Color kInk{30, 30, 30}, kPaper{255, 255, 255}, kEdge{120, 120, 120}, kAccent{214, 39, 40};

void outline(DisplayList& list, const Rect& r, float width, Color color) {
  list.items.push_back(FilledRect{{r.x - width, r.y - width, r.w + 2 * width, width}, color});
  list.items.push_back(FilledRect{{r.x - width, r.bottom(), r.w + 2 * width, width}, color});
  list.items.push_back(FilledRect{{r.x - width, r.y, width, r.h}, color});
  list.items.push_back(FilledRect{{r.right(), r.y, width, r.h}, color});
}

}  // namespace

std::string entryText(const FigureAxis& axis, int64_t entry) {
  const std::string name = axis.name.empty() ? "entry" : axis.name;
  const auto i = size_t(entry);
  if (i >= axis.labels.size() || axis.labels[i] == std::to_string(entry)) return fmt::format("{} {}", name, entry);
  // One label says little about the alphabet; tokens of byte-level vocabularies give themselves away.
  const bool byteLevel = looksByteLevel({axis.labels[i]});
  return fmt::format("{} {}: {}", name, entry, displayLabel(axis.labels[i], byteLevel, 60));
}

std::string cellText(const Document& document, int panel, int64_t row, int64_t column) {
  const FigureContent& content = *document.view->content;
  const float v = content.cell(panel, row, column);
  if (std::bit_cast<uint32_t>(v) == kernels::kMaskedBits)
    return document.view->complete ? "masked" : "not computed yet";
  return shortest(v);
}

FigureOptions Viewer::liveOptions(const Document& document) const {
  FigureOptions options = document.figure();
  options.dpi = kScreenDpi * double(scale_);
  return options;
}

PixelSize Viewer::layoutSize(const Document& document) const {
  const int margin = document.figure().threshold ? int(px(kMarginPoints)) : 0;
  return {std::max(1, figureSize_.width - margin), std::max(1, figureSize_.height - margin)};
}

void Viewer::layOut(Document& document) {
  const PixelSize size = layoutSize(document);
  if (!document.dirty && document.laidOut == document.look.span() && document.size.width == size.width &&
      document.size.height == size.height)
    return;
  FigureContent& content = *document.view->content;
  const Span& span = document.look.span();
  const bool part = document.look.zoomed();
  content.rows.begin = part ? span.rowBegin : 0;
  content.rows.end = part ? span.rowEnd : 0;
  content.columns.begin = part ? span.columnBegin : 0;
  content.columns.end = part ? span.columnEnd : 0;
  if (!document.view->complete && !content.message.empty()) content.message = "computing…";
  try {
    document.layout = layoutFigure(liveOptions(document), content, shaper_, size);
  } catch (const Error& error) {  // labels for another plan, say: the last layout stays
    errors_.emplace_back(error.what());
  }
  document.laidOut = span;
  document.size = size;
  document.dirty = false;
  const HeatmapArea* area = areaOf(document.layout, 0);
  const ColorbarArea* bar = barOf(document.layout, 0);
  if (!verbose_ || !area) return;
  const Rect &a = area->rect, b = bar ? bar->rect : Rect{};
  status(fmt::format("laid out: {} {} figure, cells {} {} {} {}, rows {} {}, columns {} {}, bar {} {} {} {}",
                     size.width, size.height, a.x, a.y, a.w, a.h, span.rowBegin, span.rowEnd, span.columnBegin,
                     span.columnEnd, b.x, b.y, b.w, b.h));
}

void Viewer::paintFigure(ListPainter& painter) {
  Document& document = current();
  FrameCells& frame = frameCells();
  cells_.emplace(frame.figure, *document.tables);
  overCells_.emplace(frame.over, *document.tables);
  painter.paint(*ImGui::GetBackgroundDrawList(), document.layout.list, &*cells_);
}

Viewer::FrameCells& Viewer::frameCells() {
  const size_t number = target_.number();
  if (frameCells_.size() <= number) frameCells_.resize(number + 1);
  auto& cells = frameCells_[number];
  if (!cells) cells = std::make_unique<FrameCells>(*reducer_, *context_);
  return *cells;
}

void Viewer::paintOver(ListPainter& painter) {
  Document& document = current();
  DisplayList over;
  addBeyond(over, document);
  addPins(over, document);
  addCursors(over, document);
  if (document.look.zoomed()) addMinimap(over, document);
  if (boxing_) {
    const Rect box{std::min(boxX_, mouseX_), std::min(boxY_, mouseY_), std::abs(mouseX_ - boxX_),
                   std::abs(mouseY_ - boxY_)};
    over.items.push_back(FilledRect{box, {214, 39, 40, 40}});
    outline(over, box, std::max(1.0f, px(1)), kAccent);
  }
  painter.paint(*ImGui::GetBackgroundDrawList(), over, &*overCells_);
  // Before the frame's own commands, which draw them.
  FrameCells& frame = frameCells();
  VkCommandBuffer commands = frame.commands.begin();
  frame.figure.prepare(commands, heatmapAreas(document.layout.list), *document.pyramid);
  frame.over.prepare(commands, heatmapAreas(over), *document.pyramid);
  frame.commands.submit();
  if (!ImGui::GetIO().WantCaptureMouse && !dragging_ && !boxing_)
    painter.paint(*ImGui::GetForegroundDrawList(), tooltip(document), nullptr);
}

DisplayList Viewer::tooltip(const Document& document) {
  DisplayList list;
  const std::optional<Spot> spot = spotAt(document.layout, *document.view->content, mouseX_, mouseY_);
  if (!spot) return list;
  const FigureContent& content = *document.view->content;
  const Session& session = *document.view->session;
  std::vector<std::string> lines = {entryText(content.rows, spot->row), entryText(content.columns, spot->column)};
  const size_t panels = std::min(content.panels.size(), kMostTold);
  for (size_t i = 0; i < panels; ++i) {
    const auto number = panels == content.panels.size() ? int(i) : spot->panel;
    const std::string& name = content.panels[size_t(number)];
    const std::string label =
        document.figure().cbarLabel.value_or(content.scales.at(size_t(content.scale(number))).label);
    std::string& line = lines.emplace_back(number == spot->panel && panels > 1 ? "▸ " : "");
    if (!name.empty()) line += name + ": ";
    line += cellText(document, number, spot->row, spot->column);
    if (!label.empty()) line += "   " + label;
    if (panels < content.panels.size()) break;
  }
  const int64_t count = session.result->panels.at(size_t(spot->panel)).count;
  if (count > 1) lines.push_back(fmt::format("of {} values", count));
  const float size = px(13), line = std::ceil(size * 1.3f), pad = px(7);
  float width = 0;
  for (const std::string& text : lines) width = std::max(width, shaper_.measure(text, size).width);
  Rect box{mouseX_ + px(14), mouseY_ + px(14), std::ceil(width) + 2 * pad, float(lines.size()) * line + 2 * pad};
  if (box.right() > float(figureSize_.width)) box.x = std::max(0.0f, mouseX_ - px(8) - box.w);
  if (box.bottom() > float(figureSize_.height)) box.y = std::max(0.0f, mouseY_ - px(8) - box.h);
  box.x = std::round(box.x);
  box.y = std::round(box.y);
  list.items.push_back(FilledRect{box, {255, 255, 255, 240}});
  outline(list, box, std::max(1.0f, std::floor(px(1))), kEdge);
  for (size_t i = 0; i < lines.size(); ++i)
    list.items.push_back(
        Text{lines[i], box.x + pad, box.y + pad + float(i) * line, size, HAlign::Left, VAlign::Top, 0, kInk});
  return list;
}

void Viewer::addMinimap(DisplayList& list, const Document& document) const {
  const HeatmapArea* area = areaOf(document.layout, 0);
  if (!area) return;
  const Grid& grid = document.view->session->result->grid;
  const double rows = double(grid.rows()), columns = double(grid.columns());
  const float most = std::min(px(170), area->rect.w / 3), least = px(24);
  // As the figure stands, within reason.
  const float shape = std::clamp(float(double(area->rect.h) / double(area->rect.w)), 0.15f, 1.2f);
  const Rect box{std::round(area->rect.right() - most - px(8)),
                 std::round(area->rect.bottom() - std::max(least, most * shape) - px(8)), std::round(most),
                 std::round(std::max(least, most * shape))};
  outline(list, box, px(2), kPaper);
  list.items.push_back(FilledRect{box, {235, 235, 235}});
  HeatmapArea whole = *area;
  whole.rect = box;
  whole.rowBegin = whole.columnBegin = 0;
  whole.rowEnd = rows;
  whole.columnEnd = columns;
  list.items.emplace_back(whole);
  const Span& span = document.look.span();
  const PixelPoint a = pixelOf(whole, span.columnBegin, span.rowBegin), b = pixelOf(whole, span.columnEnd, span.rowEnd);
  Rect seen{std::round(std::min(a.x, b.x)), std::round(std::min(a.y, b.y)), std::round(std::abs(b.x - a.x)),
            std::round(std::abs(b.y - a.y))};
  seen.w = std::max(seen.w, px(3));
  seen.h = std::max(seen.h, px(3));
  outline(list, box, std::max(1.0f, std::floor(px(1))), kInk);
  outline(list, seen, px(1), kPaper);
  outline(list, seen, px(2), kAccent);
}

// What is seen of a cell, large enough to be seen.
std::optional<Rect> Viewer::cellRect(const Document& document, int panel, int64_t row, int64_t column) const {
  const HeatmapArea* area = areaOf(document.layout, panel);
  const FigureContent& content = *document.view->content;
  if (!area || row >= content.rows.count || column >= content.columns.count) return std::nullopt;
  const auto at = [&](int64_t y, int64_t x) {
    return pixelOf(*area, edgePosition(content.columns.edges, double(x)), edgePosition(content.rows.edges, double(y)));
  };
  const PixelPoint a = at(row, column), b = at(row + 1, column + 1);
  Rect cell{std::round(std::min(a.x, b.x)), std::round(std::min(a.y, b.y)), std::round(std::abs(b.x - a.x)),
            std::round(std::abs(b.y - a.y))};
  const Rect& r = area->rect;
  if (cell.right() <= r.x || cell.x >= r.right() || cell.bottom() <= r.y || cell.y >= r.bottom()) return std::nullopt;
  cell.w = std::max(cell.w, px(4));
  cell.h = std::max(cell.h, px(4));
  const float left = std::max(cell.x, r.x), top = std::max(cell.y, r.y);
  return Rect{left, top, std::min(cell.right(), r.right()) - left, std::min(cell.bottom(), r.bottom()) - top};
}

// The cell under the cursor, in the other panels.
void Viewer::addCursors(DisplayList& list, const Document& document) const {
  const auto spot = spotAt(document.layout, *document.view->content, mouseX_, mouseY_);
  if (!spot || ImGui::GetIO().WantCaptureMouse) return;
  for (int panel = 0; panel < int(document.view->content->panels.size()); ++panel) {
    const auto cell = panel == spot->panel ? std::nullopt : cellRect(document, panel, spot->row, spot->column);
    if (!cell) continue;
    outline(list, *cell, px(2), kInk);
    outline(list, *cell, px(1), kPaper);
  }
}

void Viewer::addPins(DisplayList& list, const Document& document) const {
  for (size_t i = 0; i < document.pins.size(); ++i) {
    const Pin& pin = document.pins[i];
    const auto seen = cellRect(document, pin.panel, pin.row, pin.column);
    if (!seen) continue;
    const Rect& cell = *seen;
    outline(list, cell, px(2), kPaper);
    outline(list, cell, px(1), kAccent);
    const std::string number = std::to_string(i + 1);
    const Rect flag{cell.x + px(2), cell.y + px(2), px(13), px(14)};
    list.items.push_back(FilledRect{flag, kAccent});
    list.items.push_back(
        Text{number, flag.x + flag.w / 2, flag.y + flag.h / 2, px(11), HAlign::Center, VAlign::Middle, 0, kPaper});
  }
}

}  // namespace divlens
