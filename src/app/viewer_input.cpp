// Mouse and keys over the figure.
#include <GLFW/glfw3.h>
#include <imgui.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "app/viewer.h"
#include "app/viewer_keys.h"

namespace divlens {
namespace {

constexpr double kWheelStep = 1.25, kKeyStep = 1.4, kPanShare = 0.15;
constexpr float kClickPixels = 4;
constexpr double kDoubleClick = 0.5;  // seconds, a little more than WindowEvents takes for one

}  // namespace

void Viewer::input() {
  const ImGuiIO& io = ImGui::GetIO();
  mouseX_ = io.MousePos.x;
  mouseY_ = io.MousePos.y;
  Document& document = current();
  mouse(document);
  keys(document);
}

void Viewer::mouse(Document& document) {
  const std::optional<Spot> spot = spotAt(document.layout, *document.view->content, mouseX_, mouseY_);
  const bool free = !ImGui::GetIO().WantCaptureMouse;
  if (free && spot && spot->panel != document.counted && !barScale_) {
    document.counted = spot->panel;
    countBeyond(document);
  }
  for (const WindowEvents::Wheel& wheel : events_.wheel()) {
    if (!free || !spot) break;
    const double by = std::pow(kWheelStep, -wheel.steps);
    document.look.zoom(spot->u, spot->v, wheel.shift ? 1 : by, wheel.control ? 1 : by);
  }
  for (const WindowEvents::Button& button : events_.buttons()) {
    const float x = float(button.x) * mouseRatio_, y = float(button.y) * mouseRatio_;
    if (button.down && free) button.left ? press(document, x, y) : beginBox(document, x, y);
    if (!button.down) button.left ? release(document, x, y) : endBox(document, x, y);
  }
  if (barScale_) dragBar(document, mouseY_);
  if (dragging_) drag(document, mouseX_, mouseY_);
  boxing_ = boxing_ && areaOf(document.layout, panel_) && !events_.pressed(ViewKey::Escape);
  if (!events_.doubleClicked() || glfwGetTime() - clickAt_ > kDoubleClick) return;
  document.look.fit();
  dragging_ = false;
  // The first click of the two has pinned a cell, and moved the figure: the second may have pinned another, or hit the
  // pins.
  while (document.pins.size() > clickPins_) unpin(document, document.pins.size() - 1);
}

void Viewer::press(const Document& document, float x, float y) {
  barScale_ = barAt(document, x, y);
  const auto spot = spotAt(document.layout, *document.view->content, x, y);
  if (barScale_ || !spot) return;
  const double now = glfwGetTime();
  if (now - clickAt_ > kDoubleClick) {
    clickAt_ = now;
    clickPins_ = document.pins.size();
  }
  dragging_ = true;
  moved_ = false;
  panel_ = spot->panel;
  pressX_ = dragX_ = x;
  pressY_ = dragY_ = y;
}

void Viewer::release(Document& document, float x, float y) {
  if (barScale_) dragBar(document, y);
  barScale_.reset();
  if (!dragging_) return;
  drag(document, x, y);
  dragging_ = false;
  if (moved_) return;
  if (const auto spot = spotAt(document.layout, *document.view->content, pressX_, pressY_)) pin(document, *spot);
}

void Viewer::drag(Document& document, float x, float y) {
  moved_ = moved_ || std::hypot(x - pressX_, y - pressY_) > px(kClickPixels);
  const HeatmapArea* area = areaOf(document.layout, panel_);
  if (area && moved_) {
    const Span& span = document.look.span();
    const double columns = (span.columnEnd - span.columnBegin) / double(area->rect.w);
    const double rows = (span.rowEnd - span.rowBegin) / double(area->rect.h) * (area->originUpper ? 1 : -1);
    document.look.pan(-double(x - dragX_) * columns, -double(y - dragY_) * rows);
    dragX_ = x;
    dragY_ = y;
  }
}

void Viewer::beginBox(const Document& document, float x, float y) {
  const auto spot = spotAt(document.layout, *document.view->content, x, y);
  if (!spot) return;
  boxing_ = true;
  panel_ = spot->panel;
  boxX_ = x;
  boxY_ = y;
}

void Viewer::endBox(Document& document, float x, float y) {
  const HeatmapArea* area = areaOf(document.layout, panel_);
  if (!std::exchange(boxing_, false) || !area) return;
  if (std::abs(x - boxX_) < px(kClickPixels) || std::abs(y - boxY_) < px(kClickPixels)) return;
  const auto inside = [&](float at, float down) {
    const Rect& r = area->rect;
    return spotAt(document.layout, *document.view->content, std::clamp(at, r.x, r.right() - 0.01f),
                  std::clamp(down, r.y, r.bottom() - 0.01f));
  };
  const auto a = inside(boxX_, boxY_), b = inside(x, y);
  if (a && b)
    document.look.see({std::min(a->v, b->v), std::max(a->v, b->v), std::min(a->u, b->u), std::max(a->u, b->u)});
}

void Viewer::keys(Document& document) {
  if (ImGui::GetIO().WantTextInput) return;
  // An arrow moves through the panel while that has the focus, Escape gives it back.
  const bool figure = !ImGui::IsWindowFocused(ImGuiFocusedFlags_AnyWindow);
  const Span& span = document.look.span();
  const double columns = (span.columnEnd - span.columnBegin) * kPanShare;
  const double rows = (span.rowEnd - span.rowBegin) * kPanShare * (document.figure().origin == "lower" ? -1 : 1);
  const double u = (span.columnBegin + span.columnEnd) / 2, v = (span.rowBegin + span.rowEnd) / 2;
  if (figure && events_.pressed(ViewKey::Left)) document.look.pan(-columns, 0);
  if (figure && events_.pressed(ViewKey::Right)) document.look.pan(columns, 0);
  if (figure && events_.pressed(ViewKey::Up)) document.look.pan(0, -rows);
  if (figure && events_.pressed(ViewKey::Down)) document.look.pan(0, rows);
  if (events_.pressed(ViewKey::ZoomIn)) document.look.zoom(u, v, 1 / kKeyStep, 1 / kKeyStep);
  if (events_.pressed(ViewKey::ZoomOut)) document.look.zoom(u, v, kKeyStep, kKeyStep);
  if (events_.pressed(ViewKey::Fit)) document.look.fit();
  if (events_.pressed(ViewKey::Reference)) referenceUnderCursor(document);
  if (events_.pressed(ViewKey::First)) show(0);
  if (events_.pressed(ViewKey::Second) && documents_.size() > 1) show(1);
  if (events_.pressed(ViewKey::Difference) && documents_.size() > 1) showDifference();
  if (events_.pressed(ViewKey::SideBySide)) return showSideBySide();
  if (events_.pressed(ViewKey::Unpin)) document.pins.clear();
  if (events_.pressed(ViewKey::NextMetric)) nextMetric(1);
  if (events_.pressed(ViewKey::PreviousMetric)) nextMetric(-1);
  if (events_.pressed(ViewKey::Pin))
    if (const auto spot = spotAt(document.layout, *document.view->content, mouseX_, mouseY_)) pin(document, *spot);
}

void Viewer::referenceUnderCursor(Document& document) {
  const auto spot = spotAt(document.layout, *document.view->content, mouseX_, mouseY_);
  if (!spot) return;
  const PlanAxis& rows = document.view->session->plan.rows;
  if (rows.synthetic) return;
  const int64_t position = rows.positions.at(size_t(spot->row));
  change([&](ViewOptions& options) { options.set("--reference", rows.name + "=" + std::to_string(position)); });
}

}  // namespace divlens
