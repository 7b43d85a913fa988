// The threshold: counts beside the cells, the line of onsets, dragging along the colour bar.
#include <fmt/format.h>
#include <imgui.h>

#include <algorithm>
#include <cmath>

#include "app/viewer.h"
#include "divergence/onset.h"
#include "error.h"
#include "figure/axis_scale.h"

namespace divlens {
namespace {

constexpr int64_t kMostCounted = int64_t{1} << 23;
constexpr Color kBar{70, 90, 120}, kTrack{225, 228, 233}, kLine{214, 39, 40}, kHalo{255, 255, 255};

void count(BeyondCounts& out, const std::vector<float>& cells, int64_t rows, int64_t columns, double threshold) {
  out.rows.assign(size_t(rows), 0);
  out.columns.assign(size_t(columns), 0);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      const float v = cells[size_t(r * columns + c)];
      if (std::isnan(v)) continue;
      ++out.finite;
      if (double(v) < threshold) continue;
      ++out.beyond;
      ++out.rows[size_t(r)];
      ++out.columns[size_t(c)];
    }
}

}  // namespace

bool Viewer::layered(const Document& document) const {
  const Plan& plan = document.view->session->plan;
  return plan.rows.name == "layer" || plan.columns.name == "layer";
}

void Viewer::countBeyond(Document& document) const {
  document.beyond.reset();
  const View& view = *document.view;
  const FigureOptions& figure = document.figure();
  const FigureContent& content = *view.content;
  if (!figure.threshold || content.rows.count * content.columns.count > kMostCounted) return;
  BeyondCounts counts;
  const std::vector<float>& cells = view.cells->front();
  count(counts, cells, content.rows.count, content.columns.count, *figure.threshold);
  const PlanOptions& plan = document.options.settings().plan;
  try {
    if (!plan.onset.empty() && layered(document))
      counts.onset =
          findOnset(view.session->plan, cells, parseThreshold(plan.onset, "--onset"), plan.persist).positions;
  } catch (const Error&) {
    counts.onset.clear();  // the loader says why
  }
  document.beyond = std::move(counts);
}

void Viewer::addBeyond(DisplayList& list, const Document& document) const {
  const HeatmapArea* area = areaOf(document.layout, 0);
  if (!document.figure().threshold || !area) return;
  for (size_t scale = 0; scale < document.view->content->scales.size(); ++scale)
    if (const ColorbarArea* bar = barOf(document.layout, int(scale))) {
      const Norm& norm = document.view->content->scales[scale].norm;
      const float t = norm.t(*document.figure().threshold);
      const float along = bar->tEnd > bar->tBegin ? (t - bar->tBegin) / (bar->tEnd - bar->tBegin) : 0;
      const float y = std::round(bar->rect.bottom() - std::clamp(along, 0.0f, 1.0f) * bar->rect.h);
      list.items.push_back(FilledRect{{bar->rect.x - px(4), y - px(2), bar->rect.w + px(8), px(4)}, kHalo});
      list.items.push_back(FilledRect{{bar->rect.x - px(4), y - px(1), bar->rect.w + px(8), px(2)}, kLine});
    }
  if (!document.beyond) return;
  addMargins(list, document, *area);
  if (!document.beyond->onset.empty()) addOnset(list, document, *area);
}

// Shares of cells beyond the threshold: a bar a row at the left edge of the window's margin, a bar a column at the top.
void Viewer::addMargins(DisplayList& list, const Document& document, const HeatmapArea& area) const {
  const FigureContent& content = *document.view->content;
  const BeyondCounts& counts = *document.beyond;
  const float thick = std::round(px(26));
  const float marginX = float(document.size.width) + px(2), marginY = float(document.size.height) + px(2);
  const auto bars = [&](const FigureAxis& axis, const std::vector<int64_t>& beyond, int64_t of, bool down) {
    const Rect& r = area.rect;
    // One bar for each pixel at most: the largest share that lies in it.
    std::vector<float> shares(size_t(std::max(1.0f, down ? r.h : r.w)), -1);
    const auto pixel = [&](double at) {
      const PixelPoint p = down ? pixelOf(area, area.columnBegin, at) : pixelOf(area, at, area.rowBegin);
      return down ? p.y - r.y : p.x - r.x;
    };
    for (int64_t i = 0; i < axis.count; ++i) {
      float from = pixel(edgePosition(axis.edges, double(i))), to = pixel(edgePosition(axis.edges, double(i + 1)));
      if (from > to) std::swap(from, to);
      const auto first = int64_t(std::max(0.0f, std::round(from)));
      const auto last = std::min(int64_t(shares.size()), std::max(int64_t(std::round(to)), first + 1));
      const float share = of > 0 ? float(beyond[size_t(i)]) / float(of) : 0;
      for (int64_t p = first; p < last; ++p) shares[size_t(p)] = std::max(shares[size_t(p)], share);
    }
    for (size_t p = 0; p < shares.size();) {
      size_t end = p;
      while (end < shares.size() && shares[end] == shares[p]) ++end;
      const float at = float(p), size = float(end - p), length = std::round(std::max(0.0f, shares[p]) * thick);
      const Rect track = down ? Rect{marginX, r.y + at, thick, size} : Rect{r.x + at, marginY, size, thick};
      const Rect bar =
          down ? Rect{marginX, r.y + at, length, size} : Rect{r.x + at, marginY + thick - length, size, length};
      if (shares[p] >= 0) list.items.push_back(FilledRect{track, kTrack});
      if (length > 0) list.items.push_back(FilledRect{bar, kBar});
      p = end;
    }
  };
  bars(content.rows, counts.rows, content.columns.count, true);
  bars(content.columns, counts.columns, content.rows.count, false);
  list.items.push_back(
      Text{"≥ τ", marginX + thick / 2, marginY + thick / 2, px(11), HAlign::Center, VAlign::Middle, 0, {60, 60, 60}});
}

// From each column's first layer beyond the threshold on: a line along that edge of its cell.
void Viewer::addOnset(DisplayList& list, const Document& document, const HeatmapArea& area) const {
  const FigureContent& content = *document.view->content;
  const Plan& plan = document.view->session->plan;
  const bool layersAreRows = plan.rows.name == "layer";
  const PlanAxis& layers = layersAreRows ? plan.rows : plan.columns;
  const FigureAxis &layerAxis = layersAreRows ? content.rows : content.columns,
                   &otherAxis = layersAreRows ? content.columns : content.rows;
  const auto& onset = document.beyond->onset;
  const double begin = layersAreRows ? area.columnBegin : area.rowBegin,
               end = layersAreRows ? area.columnEnd : area.rowEnd;
  if (otherAxis.edges.empty() && end - begin > double(layersAreRows ? area.rect.w : area.rect.h)) return;
  const auto point = [&](double layer, double other) {
    return layersAreRows ? pixelOf(area, other, layer) : pixelOf(area, layer, other);
  };
  const Rect& r = area.rect;
  const auto stroke = [&](PixelPoint a, PixelPoint b) {
    const float x0 = std::clamp(std::min(a.x, b.x), r.x, r.right()),
                x1 = std::clamp(std::max(a.x, b.x), r.x, r.right());
    const float y0 = std::clamp(std::min(a.y, b.y), r.y, r.bottom()),
                y1 = std::clamp(std::max(a.y, b.y), r.y, r.bottom());
    const float half = std::max(1.0f, px(1.2f));
    for (const auto& [grow, color] : {std::pair{half + px(1), kHalo}, std::pair{half, kLine}})
      list.items.push_back(FilledRect{{x0 - grow, y0 - grow, x1 - x0 + 2 * grow, y1 - y0 + 2 * grow}, color});
  };
  for (size_t i = 0; i < onset.size(); ++i) {
    if (!onset[i]) continue;
    const auto at = std::find(layers.positions.begin(), layers.positions.end(), *onset[i]);
    if (at == layers.positions.end()) continue;
    const double from = edgePosition(otherAxis.edges, double(i)), to = edgePosition(otherAxis.edges, double(i + 1));
    if (to <= begin || from >= end) continue;
    const double layer = edgePosition(layerAxis.edges, double(at - layers.positions.begin()));
    stroke(point(layer, from), point(layer, to));
  }
}

bool Viewer::barDrag(Document& document) {
  const ImGuiIO& io = ImGui::GetIO();
  if (!io.WantCaptureMouse && ImGui::IsMouseClicked(ImGuiMouseButton_Left))
    for (size_t scale = 0; scale < document.view->content->scales.size(); ++scale)
      if (const ColorbarArea* bar = barOf(document.layout, int(scale))) {
        const Rect& r = bar->rect;
        const float reach = px(4);
        if (mouseX_ >= r.x - reach && mouseX_ < r.right() + reach && mouseY_ >= r.y - reach &&
            mouseY_ < r.bottom() + reach)
          barScale_ = int(scale);
      }
  if (!barScale_) return false;
  const ColorbarArea* bar = barOf(document.layout, *barScale_);
  if (!bar || !ImGui::IsMouseDown(ImGuiMouseButton_Left)) {
    barScale_.reset();
    return true;
  }
  const Norm& norm = document.view->content->scales[size_t(*barScale_)].norm;
  const float along = std::clamp((bar->rect.bottom() - mouseY_) / bar->rect.h, 0.0f, 1.0f);
  setThreshold(norm.value(bar->tBegin + along * (bar->tEnd - bar->tBegin)));
  return true;
}

}  // namespace divlens
