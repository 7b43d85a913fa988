// Mouse and keys over the figure.
#include <imgui.h>

#include <algorithm>
#include <cmath>

#include "app/viewer.h"
#include "app/viewer_keys.h"

namespace divlens {
namespace {

constexpr double kWheelStep = 1.25, kKeyStep = 1.4, kPanShare = 0.15;
constexpr float kClickPixels = 4;

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
  const ImGuiIO& io = ImGui::GetIO();
  const std::optional<Spot> spot = spotAt(document.layout, *document.view->content, mouseX_, mouseY_);
  const bool free = !io.WantCaptureMouse;
  if (barDrag(document)) return;
  if (free && spot && spot->panel != document.counted) {
    document.counted = spot->panel;
    countBeyond(document);
  }
  if (free && spot && io.MouseWheel != 0) {
    const double by = std::pow(kWheelStep, -double(io.MouseWheel));
    document.look.zoom(spot->u, spot->v, io.KeyShift ? 1 : by, io.KeyCtrl ? 1 : by);
  }
  if (free && spot && ImGui::IsMouseClicked(ImGuiMouseButton_Left)) {
    dragging_ = true;
    panel_ = spot->panel;
    pressX_ = mouseX_;
    pressY_ = mouseY_;
    moved_ = false;
  }
  if (dragging_) drag(document);
  if (free && spot && ImGui::IsMouseDoubleClicked(ImGuiMouseButton_Left)) {
    document.look.fit();
    dragging_ = false;
    // The first click of the two has pinned a cell.
    if (!document.pins.empty() && pinnedByClick_) unpin(document, document.pins.size() - 1);
    pinnedByClick_ = false;
  }
  box(document, free, spot);
}

void Viewer::drag(Document& document) {
  const ImGuiIO& io = ImGui::GetIO();
  moved_ = moved_ || std::hypot(mouseX_ - pressX_, mouseY_ - pressY_) > px(kClickPixels);
  const HeatmapArea* area = areaOf(document.layout, panel_);
  if (area && moved_) {
    const Span& span = document.look.span();
    const double columns = (span.columnEnd - span.columnBegin) / double(area->rect.w);
    const double rows = (span.rowEnd - span.rowBegin) / double(area->rect.h) * (area->originUpper ? 1 : -1);
    document.look.pan(-double(mouseX_ - dragX_) * columns, -double(mouseY_ - dragY_) * rows);
  }
  dragX_ = mouseX_;
  dragY_ = mouseY_;
  if (!io.MouseReleased[ImGuiMouseButton_Left] && io.MouseDown[ImGuiMouseButton_Left]) return;
  dragging_ = false;
  if (moved_) return;
  if (const auto spot = spotAt(document.layout, *document.view->content, mouseX_, mouseY_)) {
    const size_t before = document.pins.size();
    pin(document, *spot);
    pinnedByClick_ = document.pins.size() > before;
  }
}

void Viewer::box(Document& document, bool free, const std::optional<Spot>& spot) {
  if (free && spot && ImGui::IsMouseClicked(ImGuiMouseButton_Right)) {
    boxing_ = true;
    panel_ = spot->panel;
    boxX_ = mouseX_;
    boxY_ = mouseY_;
  }
  if (!boxing_) return;
  const HeatmapArea* area = areaOf(document.layout, panel_);
  if (!area || events_.pressed(ViewKey::Escape)) boxing_ = false;
  if (!boxing_ || ImGui::IsMouseDown(ImGuiMouseButton_Right)) return;
  boxing_ = false;
  if (std::abs(mouseX_ - boxX_) < px(kClickPixels) || std::abs(mouseY_ - boxY_) < px(kClickPixels)) return;
  const auto inside = [&](float x, float y) {
    const Rect& r = area->rect;
    return spotAt(document.layout, *document.view->content, std::clamp(x, r.x, r.right() - 0.01f),
                  std::clamp(y, r.y, r.bottom() - 0.01f));
  };
  const auto a = inside(boxX_, boxY_), b = inside(mouseX_, mouseY_);
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
