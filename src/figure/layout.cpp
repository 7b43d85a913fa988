#include "figure/layout.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "figure/axis_labels.h"
#include "figure/axis_ticks.h"
#include "figure/cell_marks.h"
#include "figure/colorbar_layout.h"
#include "figure/figure_parts.h"
#include "figure/figure_style.h"
#include "figure/figure_texts.h"
#include "figure/group_lines.h"
#include "figure/label_text.h"
#include "figure/marginals.h"
#include "figure/panel_places.h"
#include "figure/pixel_note.h"

namespace divlens {
namespace {

std::string capitalised(std::string name) {
  if (!name.empty() && name[0] >= 'a' && name[0] <= 'z') name[0] = static_cast<char>(name[0] - 32);
  return name;
}

// The column axis of a figure with one column called "value" needs no name.
std::string axisTitle(const std::optional<std::string>& given, const FigureAxis& axis) {
  if (given) return *given;
  return axis.count == 1 && axis.name == "value" ? "" : capitalised(axis.name);
}

// What made the figure. The window changes the threshold while the content stays.
std::string footOf(const FigureOptions& options, const FigureContent& content) {
  if (options.note || content.parameters.empty() || !options.threshold)
    return options.note.value_or(content.parameters);
  return fmt::format("{} · outlined: {} or more", content.parameters, *options.threshold);
}

class Builder {
 public:
  Builder(const FigureOptions& options, const FigureContent& content, TextShaper& shaper, PixelSize size)
      : options_(options),
        content_(content),
        shaper_(shaper),
        style_(options),
        rows_(content.rows, {options.yticklabels, "--yticklabels", options.ytickFmt, "--ytick-fmt"}, shaper,
              style_.tickSize),
        columns_(content.columns, {options.xticklabels, "--xticklabels", options.xtickFmt, "--xtick-fmt"}, shaper,
                 style_.tickSize),
        title_(options.title.value_or(content.title)),
        xlabel_(axisTitle(options.xlabel, content.columns)),
        ylabel_(axisTitle(options.ylabel, content.rows)),
        words_(footOf(options, content)) {
    places_.grid = panelGrid(content);
    places_.panels = std::max(1, static_cast<int>(content.panels.size()));
    places_.marginal = marginalRoom(options, style_);
    places_.gapY = places_.grid.rows > 1 ? style_.line(style_.labelSize) + style_.px(8) : 0;
    out_.list.background = style_.background;
    if (!content.rows.edges.empty() || !content.columns.edges.empty())
      out_.list.edges = std::make_shared<AxisEdges>(AxisEdges{content.rows.edges, content.columns.edges});
    out_.list.width = size.width;
    out_.list.height = size.height;
    out_.list.dpi = options.dpi;
    out_.list.frame = {style_.lineWidth, style_.ink};
  }

  Layout build() {
    fit();
    for (int panel = 0; panel < places_.panels; ++panel) addPanel(panel);
    const Rect& inner = places_.inner;
    const float foot = height() - footHeight_;
    addTitle(out_, shaper_, style_, titleText_, inner);
    if (has(XLabel)) addXLabel(out_, shaper_, style_, xlabel_, inner, foot);
    const float used = yticks_.ticks.empty() ? 0 : yRoom_ + style_.tickGap();
    if (has(YLabel))
      addYLabel(out_, shaper_, style_, ylabel_, inner, inner.x - used - style_.px(4),
                {0, titleHeight_, 0, foot - titleHeight_});
    addFoot(out_, style_, footText_);
    if (!note_.empty() && !has(Parameters)) out_.warnings.push_back(note_);
    if (has(Cbar)) addBars();
    warnOfSmallText(out_, style_, has(Parameters) ? style_.noteSize : style_.tickSize, "text");
    for (const AxisLabels* axis : {&columns_, &rows_})
      if (!axis->warning().empty()) out_.warnings.push_back(axis->warning());
    if (xticks_.thinned)
      out_.warnings.emplace_back("--xticklabels: not every label that was asked for fits; some are left out");
    if (yticks_.thinned)
      out_.warnings.emplace_back("--yticklabels: not every label that was asked for fits; some are left out");
    return std::move(out_);
  }

 private:
  bool has(Part part) const { return (parts_ & part) != 0; }
  float width() const { return static_cast<float>(out_.list.width); }
  float height() const { return static_cast<float>(out_.list.height); }

  // Leaves parts out until the cells have some room.
  void fit() {
    const float leastWidth = std::min(style_.px(36), width() * 0.3f) * static_cast<float>(places_.grid.columns);
    const float leastHeight = std::min(style_.px(30), height() * 0.3f) * static_cast<float>(places_.grid.rows);
    drop(title_.empty(), Title);
    drop(xlabel_.empty(), XLabel);
    drop(ylabel_.empty(), YLabel);
    drop(words_.empty(), Parameters);
    drop(!wantsBarLabel(), CbarLabel);
    drop(!options_.cbar, Cbar);
    for (const PartRow* row = kParts;; ++row) {
      place();
      if (const std::string note = pixelNote(); note != note_) {
        note_ = note;
        place();
      }
      const bool narrow = places_.width() * static_cast<float>(places_.grid.columns) < leastWidth;
      const bool low = places_.height() * static_cast<float>(places_.grid.rows) < leastHeight;
      if (!narrow && !low) return;
      while (row != std::end(kParts) && (!has(row->part) || !(row->takesWidth ? narrow : low))) ++row;
      if (row == std::end(kParts)) break;
      parts_ &= ~static_cast<unsigned>(row->part);
      out_.warnings.push_back(fmt::format("the figure is too small for its {}; enlarge --figsize", row->name));
    }
    place();
    if (places_.inner.w < 1 || places_.inner.h < 1) places_.inner = {0, 0, width(), height()};
  }

  std::string pixelNote() const {
    return divlens::pixelNote(content_, rows_.end() - rows_.begin(), columns_.end() - columns_.begin(), places_.width(),
                              places_.height());
  }

  void drop(bool absent, Part part) {
    if (absent) parts_ &= ~static_cast<unsigned>(part);
  }

  const std::string& barLabel(const ColorScale& scale) const {
    return options_.cbarLabel ? *options_.cbarLabel : scale.label;
  }
  bool wantsBarLabel() const {
    return std::any_of(content_.scales.begin(), content_.scales.end(), [&](const ColorScale& scale) {
      return !barLabel(scale).empty() || !colorbarTicks(options_, scale.norm, 4).offset.empty();
    });
  }
  FigureParts partsOf(size_t scale) const {
    return {options_, content_.scales[scale], static_cast<int>(scale), shaper_, style_};
  }

  void measureBars() {
    bars_.clear();
    barRoom_ = 0;
    if (!has(Cbar)) return;
    const bool one = content_.scales.size() == 1;
    const auto rows = static_cast<float>(places_.grid.block ? places_.grid.blockRows() : 1);
    const float room = one ? places_.inner.h - places_.marginal
                           : std::max(1.0f, rows * places_.height() + (rows - 1) * (places_.marginal + places_.gapY));
    const float labelRoom = one ? height() - titleHeight_ - footHeight_ : room + places_.gapY / 2;
    for (size_t i = 0; i < content_.scales.size(); ++i) {
      const std::string label = has(CbarLabel) ? barLabel(content_.scales[i]) : "";
      bars_.push_back(measureColorbar(partsOf(i), label, room, labelRoom, has(CbarLabel)));
      barRoom_ = std::max(barRoom_, style_.barGap + bars_.back().width);
    }
  }

  void addBars() {
    if (content_.scales.size() == 1) {
      // Beside the cells, not the bars above them.
      const float marginal = places_.marginal;
      const Rect span{places_.inner.right() + style_.barGap, places_.inner.y + marginal, 0, places_.inner.h - marginal};
      addColorbar(out_, partsOf(0), span, bars_[0], titleHeight_, height() - footHeight_);
      return;
    }
    for (int panel = 0; places_.grid.block && panel < places_.panels; panel += places_.grid.block) {
      const Rect top = places_.rect(panel), bottom = places_.rect(panel + places_.grid.block - 1);
      const auto scale = static_cast<size_t>(content_.scale(panel));
      addColorbar(out_, partsOf(scale), {places_.inner.right() + style_.barGap, top.y, 0, bottom.bottom() - top.y},
                  bars_[scale], top.y - places_.gapY / 4, bottom.bottom() + places_.gapY / 4);
    }
    for (int panel = 0; panel < places_.panels; ++panel) {
      if (!hasOwnBar(content_, places_.grid, panel)) continue;
      const Rect area = places_.rect(panel);
      const auto scale = static_cast<size_t>(content_.scale(panel));
      addColorbar(out_, partsOf(scale), {area.right() + places_.marginal + style_.barGap, area.y, 0, area.h},
                  bars_[scale], area.y - places_.gapY / 4, area.bottom() + places_.gapY / 4);
    }
  }

  // Margins depend on labels and labels on the room between the margins: three rounds settle it.
  void place() {
    const Rect page{style_.margin, style_.margin, width() - 2 * style_.margin, height() - 2 * style_.margin};
    titleText_ = has(Title) ? wrapText(shaper_, title_, style_.titleSize, page.w, 2) : WrappedText{};
    footText_ = has(Parameters)
                    ? wrapFacts(shaper_, words_ + (note_.empty() ? "" : " · " + note_), style_.noteSize, page.w, 2)
                    : WrappedText{};
    titleHeight_ = style_.margin + titleText_.height(style_, style_.titleSize) +
                   (titleText_.empty() || !labelled() ? 0 : style_.px(3));
    footHeight_ = style_.margin + footText_.height(style_, style_.noteSize) + (footText_.empty() ? 0 : style_.px(3));
    widenGaps();
    float bottom = style_.line(style_.tickSize), right = style_.margin, left = style_.margin;
    for (int round = 0; round < 3; ++round) {
      const float top = titleHeight_ + topRoom();
      places_.inner.y = std::round(top);
      places_.inner.h = std::floor(height() - footHeight_ - bottom - places_.inner.y);
      yticks_ = has(YTicks) ? rows_.down(std::max(1.0f, places_.height())) : AxisLabels::Placement{};
      yRoom_ = std::min(yticks_.longest, 0.4f * width());
      left = style_.margin + (has(YLabel) ? style_.line(style_.labelSize) + style_.px(4) : 0) +
             (yticks_.ticks.empty() ? 0 : yRoom_ + style_.tickGap());
      measureBars();
      widenGaps();
      right = barRoom_ + style_.margin;
      widen(left, right);
      places_.inner.x = std::round(left);
      places_.inner.w = std::floor(width() - right - places_.inner.x);
      xticks_ = has(XTicks) ? columns_.across(std::max(1.0f, places_.width())) : AxisLabels::Placement{};
      widenGaps();
      xRoom_ = std::min(xticks_.longest, xticks_.rotated ? 0.3f * height() : 0.4f * width());
      bottom =
          (xticks_.ticks.empty() ? 0 : style_.tickGap() + (xticks_.rotated ? xRoom_ : style_.line(style_.tickSize))) +
          (has(XLabel) ? style_.line(style_.labelSize) + style_.px(xticks_.ticks.empty() ? 3 : 1) : 0);
      bottom = std::max(bottom, yticks_.ticks.empty() && !has(Cbar) ? 0 : style_.line(style_.tickSize) / 2);
    }
    places_.inner.h = std::floor(height() - footHeight_ - bottom - places_.inner.y);
  }

  bool labelled() const {
    return std::any_of(content_.panels.begin(), content_.panels.end(), [](const auto& p) { return !p.empty(); });
  }

  // Half a label of the topmost row or of the bar's upper end, and the panels' own titles.
  float topRoom() const {
    if (labelled()) return style_.line(style_.labelSize) + style_.px(1);
    return has(Cbar) || has(YTicks) ? style_.line(style_.tickSize) / 2 : 0;
  }

  // Labels of the first and last column may be wider than their column.
  void widen(float& left, float& right) const {
    if (xticks_.ticks.empty()) return;
    const auto overhang = [&](const AxisLabels::Tick& tick, double fromEdge) {
      const double pitch = places_.width() / (columns_.end() - columns_.begin());
      const float extent = xticks_.rotated ? style_.line(style_.tickSize) : std::min(tick.width, 0.4f * width());
      return static_cast<float>(extent / 2 - fromEdge * pitch) + style_.margin;
    };
    const auto& first = xticks_.ticks.front();
    const auto& last = xticks_.ticks.back();
    left = std::max(left, overhang(first, columns_.centre(first.entry) - columns_.begin()));
    right = std::max(right, overhang(last, columns_.end() - columns_.centre(last.entry)));
  }

  void widenGaps() {
    const float labels = xticks_.rotated || xticks_.ticks.empty() ? 0 : xticks_.longest;
    places_.gapsX.clear();
    for (int column = 0; column + 1 < places_.grid.columns; ++column)
      places_.gapsX.push_back(std::max(style_.px(10), labels) +
                              (has(Cbar) && columnHasBar(content_, places_.grid, column) ? barRoom_ : 0));
  }

  void addPanel(int panel) {
    const Rect area = places_.rect(panel);
    const bool upper = options_.origin != "lower";
    const ColorScale& scale = content_.scales[static_cast<size_t>(content_.scale(panel))];
    HeatmapArea cells{.rect = area,
                      .panel = panel,
                      .scale = content_.scale(panel),
                      .reduction = {scale.aggregate, parseCellRule(options_.mask, "--mask"), scale.center},
                      .originUpper = upper,
                      .rowBegin = rows_.begin(),
                      .rowEnd = rows_.end(),
                      .columnBegin = columns_.begin(),
                      .columnEnd = columns_.end()};
    cells.edges = out_.list.edges.get();
    cells.dimmed = parseCellRule(options_.dim, "--dim");
    out_.list.items.emplace_back(cells);
    addCellMarks(out_, {options_, content_, shaper_, style_}, cells);
    if (places_.marginal > 0) addMarginals(out_, {options_, content_, shaper_, style_}, cells, places_.marginal);
    addGroupLines(out_, {options_, content_, shaper_, style_}, cells);
    addFrame(out_.list, area, style_.lineWidth, style_.ink);
    if (places_.grid.column(panel) == 0) addRowTicks(out_, {rows_, yticks_, yRoom_, shaper_, style_}, area, upper);
    if (places_.lowest(panel)) addColumnTicks(out_, {columns_, xticks_, xRoom_, shaper_, style_}, area);
    if (static_cast<size_t>(panel) >= content_.panels.size()) return;
    const std::string title =
        fitted(out_, shaper_, panelTitle(panel), style_.labelSize, area.w + places_.leastGap(), "panel titles");
    addText(out_, {title, area.x + area.w / 2, area.y - places_.marginal - style_.px(2) - style_.lineWidth,
                   style_.labelSize, HAlign::Center, VAlign::Bottom, 0, style_.ink});
  }

  // "a) known"; panels without a label have no letter either.
  std::string panelTitle(int panel) const {
    const std::string& label = content_.panels[static_cast<size_t>(panel)];
    if (label.empty()) return "";
    const std::string letter(1 + static_cast<size_t>(panel / 26), static_cast<char>('a' + panel % 26));
    return (places_.panels > 1 ? letter + ") " : "") + displayLabel(label, false, 200);
  }

  const FigureOptions& options_;
  const FigureContent& content_;
  TextShaper& shaper_;
  FigureStyle style_;
  PanelPlaces places_;
  AxisLabels rows_, columns_;
  std::string title_, xlabel_, ylabel_;
  std::string words_;  ///< at the foot
  std::string note_;   ///< what pixels show that hold several cells
  unsigned parts_ = 255;
  Layout out_;
  AxisLabels::Placement xticks_, yticks_;
  float xRoom_ = 0, yRoom_ = 0, titleHeight_ = 0, footHeight_ = 0;
  WrappedText titleText_, footText_;
  std::vector<ColorbarSpace> bars_;  ///< one a scale
  float barRoom_ = 0;
};

}  // namespace

Layout layoutFigure(const FigureOptions& options, const FigureContent& content, TextShaper& shaper, PixelSize size) {
  return Builder(options, content, shaper, size).build();
}

}  // namespace divlens
