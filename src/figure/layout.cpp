#include "figure/layout.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "figure/axis_labels.h"
#include "figure/cell_marks.h"
#include "figure/colorbar_layout.h"
#include "figure/figure_parts.h"
#include "figure/figure_style.h"
#include "figure/group_lines.h"
#include "figure/label_text.h"
#include "figure/marginals.h"
#include "figure/panel_grid.h"
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

class Builder {
 public:
  Builder(const FigureOptions& options, const FigureContent& content, TextShaper& shaper, PixelSize size)
      : options_(options),
        content_(content),
        shaper_(shaper),
        style_(options),
        grid_(panelGrid(content)),
        marginal_(marginalRoom(options, style_)),
        rows_(content.rows, options.yticklabels, "--yticklabels", shaper, style_.tickSize),
        columns_(content.columns, options.xticklabels, "--xticklabels", shaper, style_.tickSize),
        title_(options.title.value_or(content.title)),
        xlabel_(axisTitle(options.xlabel, content.columns)),
        ylabel_(axisTitle(options.ylabel, content.rows)) {
    out_.list.background = style_.background;
    if (!content.rows.edges.empty() || !content.columns.edges.empty())
      out_.list.edges = std::make_shared<AxisEdges>(AxisEdges{content.rows.edges, content.columns.edges});
    out_.list.width = size.width;
    out_.list.height = size.height;
    out_.list.dpi = options.dpi;
  }

  Layout build() {
    fit();
    for (size_t i = 0; i < std::max<size_t>(content_.panels.size(), 1); ++i) addPanel(static_cast<int>(i));
    addTitle();
    addAxisTitles();
    addParameters();
    if (!note_.empty() && !has(Parameters)) out_.warnings.push_back(note_);
    if (has(Cbar)) addBars();
    warnOfSmallText(out_, style_, has(Parameters) ? style_.noteSize : style_.tickSize, "text");
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
    const float leastWidth = std::min(style_.px(36), width() * 0.3f) * static_cast<float>(grid_.columns);
    const float leastHeight = std::min(style_.px(30), height() * 0.3f) * static_cast<float>(grid_.rows);
    drop(title_.empty(), Title);
    drop(xlabel_.empty(), XLabel);
    drop(ylabel_.empty(), YLabel);
    drop(content_.parameters.empty(), Parameters);
    drop(!wantsBarLabel(), CbarLabel);
    drop(!options_.cbar, Cbar);
    for (const PartRow* row = kParts;; ++row) {
      place();
      if (const std::string note = pixelNote(); note != note_) {
        note_ = note;
        place();
      }
      const bool narrow = panelWidth() * static_cast<float>(grid_.columns) < leastWidth;
      const bool low = panelHeight() * static_cast<float>(grid_.rows) < leastHeight;
      if (!narrow && !low) return;
      while (row != std::end(kParts) && (!has(row->part) || !(row->takesWidth ? narrow : low))) ++row;
      if (row == std::end(kParts)) break;
      parts_ &= ~static_cast<unsigned>(row->part);
      out_.warnings.push_back(fmt::format("the figure is too small for its {}; enlarge --figsize", row->name));
    }
    place();
    if (inner_.w < 1 || inner_.h < 1) inner_ = {0, 0, width(), height()};
  }

  std::string pixelNote() const {
    return divlens::pixelNote(content_, rows_.end() - rows_.begin(), columns_.end() - columns_.begin(), panelWidth(),
                              panelHeight());
  }

  void drop(bool absent, Part part) {
    if (absent) parts_ &= ~static_cast<unsigned>(part);
  }

  const std::string& barLabel(const ColorScale& scale) const {
    return options_.cbarLabel ? *options_.cbarLabel : scale.label;
  }
  bool wantsBarLabel() const {
    return std::any_of(content_.scales.begin(), content_.scales.end(), [&](const ColorScale& scale) {
      return !barLabel(scale).empty() || !colorbarTicks(scale.norm, 4).offset.empty();
    });
  }
  FigureParts partsOf(size_t scale) const {
    return {options_, content_.scales[scale], static_cast<int>(scale), shaper_, style_};
  }

  // Scales of their own have their bars beside their panels, those with rows of their own beside the rows; a shared one
  // has one bar as high as all panels.
  bool hasBar(int panel) const {
    if (grid_.block) return false;
    const int next = panel + 1;
    const bool lastOfRow = next % grid_.columns == 0 || next >= panels();
    return has(Cbar) && content_.scales.size() > 1 && (lastOfRow || content_.scale(next) != content_.scale(panel));
  }
  int panels() const { return std::max(1, static_cast<int>(content_.panels.size())); }

  void measureBars() {
    bars_.clear();
    barRoom_ = 0;
    if (!has(Cbar)) return;
    const bool one = content_.scales.size() == 1;
    const auto rows = static_cast<float>(grid_.block ? grid_.blockRows() : 1);
    const float room = one ? inner_.h : std::max(1.0f, rows * panelHeight() + (rows - 1) * (marginal_ + gapY()));
    const float labelRoom = one ? height() - titleHeight_ - footHeight_ : room + gapY() / 2;
    for (size_t i = 0; i < content_.scales.size(); ++i) {
      const std::string label = has(CbarLabel) ? barLabel(content_.scales[i]) : "";
      bars_.push_back(measureColorbar(partsOf(i), label, room, labelRoom, has(CbarLabel)));
      barRoom_ = std::max(barRoom_, style_.barGap + bars_.back().width);
    }
  }

  void addBars() {
    if (content_.scales.size() == 1) {
      const Rect span{inner_.right() + style_.barGap, inner_.y, 0, inner_.h};
      addColorbar(out_, partsOf(0), span, bars_[0], titleHeight_, height() - footHeight_);
      return;
    }
    for (int panel = 0; grid_.block && panel < panels(); panel += grid_.block) {
      const Rect top = panelRect(panel), bottom = panelRect(panel + grid_.block - 1);
      const auto scale = static_cast<size_t>(content_.scale(panel));
      addColorbar(out_, partsOf(scale), {inner_.right() + style_.barGap, top.y, 0, bottom.bottom() - top.y},
                  bars_[scale], top.y - gapY() / 4, bottom.bottom() + gapY() / 4);
    }
    for (int panel = 0; panel < panels(); ++panel) {
      if (!hasBar(panel)) continue;
      const Rect area = panelRect(panel);
      const auto scale = static_cast<size_t>(content_.scale(panel));
      addColorbar(out_, partsOf(scale), {area.right() + marginal_ + style_.barGap, area.y, 0, area.h}, bars_[scale],
                  area.y - gapY() / 4, area.bottom() + gapY() / 4);
    }
  }

  // Margins depend on labels and labels on the room between the margins: three rounds settle it.
  void place() {
    const Rect page{style_.margin, style_.margin, width() - 2 * style_.margin, height() - 2 * style_.margin};
    titleLines_ = has(Title) ? wrapText(shaper_, title_, style_.titleSize, page.w, 2) : std::vector<std::string>{};
    footLines_ = has(Parameters) ? wrapText(shaper_, content_.parameters + (note_.empty() ? "" : " · " + note_),
                                            style_.noteSize, page.w, 2)
                                 : std::vector<std::string>{};
    titleHeight_ = style_.margin + static_cast<float>(titleLines_.size()) * style_.line(style_.titleSize) +
                   (titleLines_.empty() || !labelled() ? 0 : style_.px(3));
    footHeight_ = style_.margin + static_cast<float>(footLines_.size()) * style_.line(style_.noteSize);
    if (!footLines_.empty()) footHeight_ += style_.px(3);
    float bottom = style_.line(style_.tickSize), right = style_.margin, left = style_.margin;
    for (int round = 0; round < 3; ++round) {
      const float top = titleHeight_ + topRoom();
      inner_.y = std::round(top);
      inner_.h = std::floor(height() - footHeight_ - bottom - inner_.y);
      yticks_ = has(YTicks) ? rows_.down(std::max(1.0f, panelHeight())) : AxisLabels::Placement{};
      yRoom_ = std::min(yticks_.longest, 0.4f * width());
      left = style_.margin + (has(YLabel) ? style_.line(style_.labelSize) + style_.px(4) : 0) +
             (yticks_.ticks.empty() ? 0 : yRoom_ + style_.tickGap());
      measureBars();
      right = barRoom_ + style_.margin;
      widen(left, right);
      inner_.x = std::round(left);
      inner_.w = std::floor(width() - right - inner_.x);
      xticks_ = has(XTicks) ? columns_.across(std::max(1.0f, panelWidth())) : AxisLabels::Placement{};
      xRoom_ = std::min(xticks_.longest, 0.3f * height());
      bottom =
          (xticks_.ticks.empty() ? 0 : style_.tickGap() + (xticks_.rotated ? xRoom_ : style_.line(style_.tickSize))) +
          (has(XLabel) ? style_.line(style_.labelSize) + style_.px(1) : 0);
      bottom = std::max(bottom, yticks_.ticks.empty() && !has(Cbar) ? 0 : style_.line(style_.tickSize) / 2);
    }
    inner_.h = std::floor(height() - footHeight_ - bottom - inner_.y);
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
      const double pitch = panelWidth() / (columns_.end() - columns_.begin());
      const float extent = xticks_.rotated ? style_.line(style_.tickSize) : std::min(tick.width, 0.4f * width());
      return static_cast<float>(extent / 2 - fromEdge * pitch) + style_.margin;
    };
    const auto& first = xticks_.ticks.front();
    const auto& last = xticks_.ticks.back();
    left = std::max(left, overhang(first, columns_.centre(first.entry) - columns_.begin()));
    right = std::max(right, overhang(last, columns_.end() - columns_.centre(last.entry)));
  }

  float gapX() const {
    const float labels = xticks_.rotated || xticks_.ticks.empty() ? 0 : xticks_.longest;
    float bars = 0;
    for (int panel = 0; panel < panels(); ++panel)
      if ((panel + 1) % grid_.columns != 0 && hasBar(panel)) bars = barRoom_;
    return grid_.columns > 1 ? std::max(style_.px(10), labels) + bars : 0;
  }
  float gapY() const { return grid_.rows > 1 ? style_.line(style_.labelSize) + style_.px(8) : 0; }
  float panelWidth() const {
    return (inner_.w - gapX() * static_cast<float>(grid_.columns - 1)) / static_cast<float>(grid_.columns) - marginal_;
  }
  float panelHeight() const {
    return (inner_.h - gapY() * static_cast<float>(grid_.rows - 1)) / static_cast<float>(grid_.rows) - marginal_;
  }

  Rect panelRect(int panel) const {
    const int row = grid_.row(panel), column = grid_.column(panel);
    const float x = std::round(inner_.x + static_cast<float>(column) * (panelWidth() + marginal_ + gapX()));
    const float y = std::round(inner_.y + static_cast<float>(row) * (panelHeight() + marginal_ + gapY()) + marginal_);
    return {x, y, std::max(1.0f, std::floor(panelWidth())), std::max(1.0f, std::floor(panelHeight()))};
  }

  bool isLowest(int panel) const {
    for (int below = panel + 1; below < panels(); ++below)
      if (grid_.column(below) == grid_.column(panel)) return false;
    return true;
  }

  void addText(const std::string& text, float x, float y, float size, HAlign h, VAlign v, int rotation = 0) {
    if (!text.empty()) out_.list.items.push_back(Text{text, x, y, size, h, v, rotation, style_.ink});
  }

  void addPanel(int panel) {
    const Rect area = panelRect(panel);
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
    if (marginal_ > 0) addMarginals(out_, {options_, content_, shaper_, style_}, cells, marginal_);
    addGroupLines(out_, {options_, content_, shaper_, style_}, cells);
    addFrame(out_.list, area, style_.lineWidth, style_.ink);
    if (grid_.column(panel) == 0) addRowTicks(area, upper);
    if (isLowest(panel)) addColumnTicks(area);
    if (static_cast<size_t>(panel) < content_.panels.size())
      addText(shaper_.elide(panelTitle(panel), style_.labelSize, area.w + gapX()), area.x + area.w / 2,
              area.y - marginal_ - style_.px(2) - style_.lineWidth, style_.labelSize, HAlign::Center, VAlign::Bottom);
  }

  // "a) known"; panels without a label have no letter either.
  std::string panelTitle(int panel) const {
    const std::string& label = content_.panels[static_cast<size_t>(panel)];
    if (label.empty()) return "";
    const std::string letter(1 + static_cast<size_t>(panel / 26), static_cast<char>('a' + panel % 26));
    return (panels() > 1 ? letter + ") " : "") + displayLabel(label, false, 200);
  }

  void addRowTicks(const Rect& area, bool upper) {
    const double pitch = area.h / (rows_.end() - rows_.begin());
    for (const auto& tick : yticks_.ticks) {
      const auto along = static_cast<float>((rows_.centre(tick.entry) - rows_.begin()) * pitch);
      const float y = upper ? area.y + along : area.bottom() - along;
      const float w = style_.lineWidth, mark = std::floor(y - w / 2 + 0.5f);
      out_.list.items.push_back(FilledRect{{area.x - w - style_.tickLength, mark, style_.tickLength, w}, style_.ink});
      addText(shaper_.elide(tick.text, style_.tickSize, yRoom_ + 1), area.x - style_.tickGap(), y, style_.tickSize,
              HAlign::Right, VAlign::Middle);
    }
  }

  void addColumnTicks(const Rect& area) {
    const double pitch = area.w / (columns_.end() - columns_.begin());
    for (const auto& tick : xticks_.ticks) {
      const auto along = static_cast<float>((columns_.centre(tick.entry) - columns_.begin()) * pitch);
      const float x = area.x + along, y = area.bottom() + style_.tickGap();
      const float w = style_.lineWidth, mark = std::floor(x - w / 2 + 0.5f);
      out_.list.items.push_back(FilledRect{{mark, area.bottom() + w, w, style_.tickLength}, style_.ink});
      if (xticks_.rotated)
        addText(shaper_.elide(tick.text, style_.tickSize, xRoom_ + 1), x, y, style_.tickSize, HAlign::Right,
                VAlign::Middle, 90);
      else
        addText(shaper_.elide(tick.text, style_.tickSize, 0.4f * width()), x, y, style_.tickSize, HAlign::Center,
                VAlign::Top);
    }
  }

  // Centred over the cells where that stays on the page.
  void addTitle() {
    float y = style_.margin;
    for (const std::string& line : titleLines_) {
      const float half = shaper_.measure(line, style_.titleSize).width / 2;
      const float x = std::max(style_.margin + half, std::min(inner_.x + inner_.w / 2, width() - style_.margin - half));
      addText(line, x, y, style_.titleSize, HAlign::Center, VAlign::Top);
      y += style_.line(style_.titleSize);
    }
  }

  void addAxisTitles() {
    if (has(XLabel)) {
      const std::string text = shaper_.elide(xlabel_, style_.labelSize, width() - 2 * style_.margin);
      const float half = shaper_.measure(text, style_.labelSize).width / 2;
      const float x = std::max(style_.margin + half, std::min(inner_.x + inner_.w / 2, width() - style_.margin - half));
      addText(text, x, height() - footHeight_, style_.labelSize, HAlign::Center, VAlign::Bottom);
    }
    if (has(YLabel)) {
      const float room = height() - titleHeight_ - footHeight_;
      const std::string text = shaper_.elide(ylabel_, style_.labelSize, room);
      const float half = shaper_.measure(text, style_.labelSize).width / 2;
      const float y = std::max(titleHeight_ + half, std::min(inner_.y + inner_.h / 2, titleHeight_ + room - half));
      const float used = yticks_.ticks.empty() ? 0 : yRoom_ + style_.tickGap();
      addText(text, inner_.x - used - style_.px(4), y, style_.labelSize, HAlign::Center, VAlign::Bottom, 90);
    }
  }

  void addParameters() {
    float y = height() - style_.margin - static_cast<float>(footLines_.size()) * style_.line(style_.noteSize);
    for (const std::string& line : footLines_) {
      out_.list.items.push_back(
          Text{line, style_.margin, y, style_.noteSize, HAlign::Left, VAlign::Top, 0, style_.note});
      y += style_.line(style_.noteSize);
    }
  }

  const FigureOptions& options_;
  const FigureContent& content_;
  TextShaper& shaper_;
  FigureStyle style_;
  PanelGrid grid_;
  float marginal_;  ///< room for --marginals, on the right of the cells and above them
  AxisLabels rows_, columns_;
  std::string title_, xlabel_, ylabel_;
  std::string note_;  ///< what pixels show that hold several cells
  unsigned parts_ = 255;
  Layout out_;
  Rect inner_;  ///< all panels
  AxisLabels::Placement xticks_, yticks_;
  float xRoom_ = 0, yRoom_ = 0, titleHeight_ = 0, footHeight_ = 0;
  std::vector<std::string> titleLines_, footLines_;
  std::vector<ColorbarSpace> bars_;  ///< one a scale
  float barRoom_ = 0;
};

}  // namespace

Layout layoutFigure(const FigureOptions& options, const FigureContent& content, TextShaper& shaper, PixelSize size) {
  return Builder(options, content, shaper, size).build();
}

}  // namespace divlens
