// The threshold: counts beside the cells, the line of onsets, dragging along the colour bar.
#include <fmt/format.h>
#include <imgui.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "app/content.h"
#include "app/viewer.h"
#include "figure/axis_scale.h"

namespace divlens {
namespace {

constexpr int64_t kMostAtOnce = int64_t{1} << 21;  // cells that are counted within a frame
constexpr Color kBar{70, 90, 120}, kTrack{225, 228, 233}, kLine{214, 39, 40}, kHalo{255, 255, 255};

BeyondCounts count(const std::shared_ptr<const Cells>& all, int panel, int64_t columns, const CellRule& hidden,
                   double threshold) {
  const std::vector<float>& cells = (*all)[size_t(panel)];
  BeyondCounts out{.panel = panel,
                   .shares = marginalsOf(ShownCells(*all, columns), size_t(panel), size_t(columns), hidden, threshold)};
  for (const float v : cells) {
    out.finite += std::isnan(v) ? 0 : 1;
    out.beyond += double(v) >= threshold ? 1 : 0;
  }
  return out;
}

}  // namespace

bool Viewer::layered(const Document& document) const {
  const Plan& plan = document.view->session->plan;
  return plan.rows.name == "layer" || plan.columns.name == "layer";
}

void Viewer::countBeyond(Document& document) const {
  const View& view = *document.view;
  const std::optional<double> threshold = document.figure().threshold;
  if (!threshold) {
    document.beyond.reset();
    return;
  }
  const CellRule hidden = parseCellRule(document.figure().mask, "--mask");
  document.counted = std::min(document.counted, int(view.cells->size()) - 1);
  const int64_t rows = view.content->rows.count, columns = view.content->columns.count;
  if (rows * columns <= kMostAtOnce) {
    document.beyond = count(view.cells, document.counted, columns, hidden, *threshold);
    return;
  }
  document.countAgain = document.counting.valid();
  if (!document.countAgain)
    document.counting =
        std::async(std::launch::async, count, view.cells, document.counted, columns, hidden, *threshold);
}

// The newest counts of many cells, and what has been asked for since.
void Viewer::takeCounts(Document& document) {
  if (!document.counting.valid() || document.counting.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
    return;
  BeyondCounts counts = document.counting.get();
  const FigureContent& content = *document.view->content;
  const bool fits = int64_t(counts.shares.rows.size()) == content.rows.count &&
                    int64_t(counts.shares.columns.size()) == content.columns.count;
  if (fits && document.figure().threshold) document.beyond = std::move(counts);
  if (document.countAgain) countBeyond(document);
  events_.wake();
}

void Viewer::addBeyond(DisplayList& list, const Document& document) const {
  if (!document.figure().threshold) return;
  for (size_t scale = 0; scale < document.view->content->scales.size(); ++scale)
    if (const ColorbarArea* bar = barOf(document.layout, int(scale))) {
      const Norm& norm = document.view->content->scales[scale].norm;
      const float t = norm.t(*document.figure().threshold);
      const float along = bar->tEnd > bar->tBegin ? (t - bar->tBegin) / (bar->tEnd - bar->tBegin) : 0;
      if (along < 0 || along > 1) continue;
      const float y = std::round(bar->rect.bottom() - along * bar->rect.h);
      list.items.push_back(FilledRect{{bar->rect.x - px(4), y - px(2), bar->rect.w + px(8), px(4)}, kHalo});
      list.items.push_back(FilledRect{{bar->rect.x - px(4), y - px(1), bar->rect.w + px(8), px(2)}, kLine});
    }
  if (!document.beyond) return;
  if (const HeatmapArea* area = areaOf(document.layout, document.beyond->panel)) addMargins(list, document, *area);
}

// Shares of cells beyond the threshold: a bar a row at the left edge of the window's margin, a bar a column at the top.
void Viewer::addMargins(DisplayList& list, const Document& document, const HeatmapArea& area) const {
  const FigureContent& content = *document.view->content;
  const BeyondCounts& counts = *document.beyond;
  const float thick = std::round(px(26));
  const float marginX = float(document.size.width) + px(2), marginY = float(document.size.height) + px(2);
  const auto bars = [&](const FigureAxis& axis, const std::vector<float>& found, bool down) {
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
      const float share = found[size_t(i)];  // NaN where no cell has a number: no bar
      for (int64_t p = first; p < last; ++p)
        if (share > shares[size_t(p)]) shares[size_t(p)] = share;
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
  bars(content.rows, counts.shares.rows, true);
  bars(content.columns, counts.shares.columns, false);
  // The panel's letter, where there are several: its margins, the last one's under the cursor.
  const bool one = content.panels.size() == 1;
  const std::string label = one ? "≥ τ" : fmt::format("{}) ≥ τ", char('a' + counts.panel % 26));
  list.items.push_back(
      Text{label, marginX + thick, marginY + thick / 2, px(11), HAlign::Right, VAlign::Middle, 0, {60, 60, 60}});
}

std::optional<int> Viewer::barAt(const Document& document, float x, float y) const {
  const float reach = px(4);
  for (size_t scale = 0; scale < document.view->content->scales.size(); ++scale) {
    const ColorbarArea* bar = barOf(document.layout, int(scale));
    if (!bar) continue;
    const Rect& r = bar->rect;
    if (x >= r.x - reach && x < r.right() + reach && y >= r.y - reach && y < r.bottom() + reach) return int(scale);
  }
  return std::nullopt;
}

void Viewer::dragBar(const Document& document, float y) {
  const ColorbarArea* bar = barOf(document.layout, *barScale_);
  if (!bar) return barScale_.reset();
  const Norm& norm = document.view->content->scales[size_t(*barScale_)].norm;
  const float along = std::clamp((bar->rect.bottom() - y) / bar->rect.h, 0.0f, 1.0f);
  setThreshold(norm.value(bar->tBegin + along * (bar->tEnd - bar->tBegin)));
}

}  // namespace divlens
