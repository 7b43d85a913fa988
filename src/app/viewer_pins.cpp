// Pinned cells: what they are made of, and the profiles of their rows and columns.
#include <fmt/format.h>
#include <imgui.h>

#include <algorithm>
#include <cmath>

#include "app/viewer.h"
#include "app/writers.h"
#include "error.h"
#include "figure/label_text.h"

namespace divlens {
namespace {

constexpr int64_t kTop = 20;
constexpr size_t kMostPins = 9;
constexpr ImU32 kPinColors[] = {
    IM_COL32(214, 39, 40, 255),   IM_COL32(31, 119, 180, 255),  IM_COL32(44, 160, 44, 255),
    IM_COL32(148, 103, 189, 255), IM_COL32(255, 127, 14, 255),  IM_COL32(23, 190, 207, 255),
    IM_COL32(140, 86, 75, 255),   IM_COL32(227, 119, 194, 255), IM_COL32(127, 127, 127, 255)};

std::string number(double v) { return std::isnan(v) ? "" : fmt::format("{:.4g}", v); }

/// The settings of one panel alone.
Settings settingsOfPanel(const View& view, const ResultPanel& panel) {
  Settings settings = view.settings;
  if (panel.minus)
    throw Error(Exit::Usage, "a difference of two panels is not taken apart; pin the cell in each of them");
  settings.dumps = {view.settings.dumps.at(panel.dump)};
  settings.quiet = true;
  settings.plan.minus.clear();
  if (panel.metric && view.session->plan.metrics.size() > 1) settings.plan.metrics = {panel.metric->text};
  const Plan& plan = view.session->plan;
  const std::string& group = plan.panels.at(panel.panel).label;
  if (!group.empty()) settings.plan.select.push_back(settings.plan.group + "=group:" + group);
  settings.plan.group.clear();
  return settings;
}

/// Takes a cell apart, on a thread of its own; the view stays alive with it.
PinDetails explain(const std::shared_ptr<const View>& view, size_t number, const std::vector<std::string>& at,
                   const std::atomic<int>* cancel) {
  PinDetails out;
  try {
    Session own;
    const bool alone = view->session->result->panels.size() == 1;
    if (!alone) planSession(own, settingsOfPanel(*view, view->session->result->panels.at(number)));
    const Plan& plan = alone ? view->session->plan : own.plan;
    out.explanation = explainCell(plan, at, kTop, *cancel);
    const TokenTexts tokens = tokenTexts(plan, "");
    std::vector<std::string> texts;
    for (const ExplainedEntry& entry : out.explanation->entries) texts.push_back(tokens.text(entry.id));
    const bool byteLevel = looksByteLevel(texts);
    for (const std::string& text : texts)
      out.tokens.push_back(tokens.size() == 0 ? "" : displayLabel(text, byteLevel, 24));
  } catch (const std::exception& error) {
    out.why = error.what();
  }
  return out;
}

std::string pinTitle(const Document& document, const Pin& pin) {
  const FigureContent& content = *document.view->content;
  const std::string title = entryText(content.rows, pin.row) + ", " + entryText(content.columns, pin.column);
  const std::string& panel = content.panels.at(size_t(pin.panel));
  return panel.empty() ? title : panel + ": " + title;
}

}  // namespace

void Viewer::pin(Document& document, const Spot& spot) {
  for (size_t i = 0; i < document.pins.size(); ++i) {
    const Pin& old = document.pins[i];
    if (old.panel == spot.panel && old.row == spot.row && old.column == spot.column) return unpin(document, i);
  }
  if (document.pins.size() == kMostPins) unpin(document, 0);
  Pin pin;
  pin.panel = spot.panel;
  pin.row = spot.row;
  pin.column = spot.column;
  document.pins.push_back(std::move(pin));
  explainPin(document, document.pins.back());
  status(
      fmt::format("pinned {}, {}: {}", spot.row, spot.column, cellText(document, spot.panel, spot.row, spot.column)));
}

void Viewer::unpin(Document& document, size_t number) {
  document.pins.erase(document.pins.begin() + std::ptrdiff_t(number));
  events_.wake();
}

void Viewer::explainPins(Document& document) {
  const FigureContent& content = *document.view->content;
  std::erase_if(document.pins, [&](const Pin& pin) {
    return pin.row >= content.rows.count || pin.column >= content.columns.count ||
           pin.panel >= int(content.panels.size());
  });
  for (Pin& pin : document.pins) explainPin(document, pin);
}

void Viewer::explainPin(Document& document, Pin& pin) {
  const std::shared_ptr<const View> view = document.view;
  std::vector<std::string> at;
  const auto fix = [&](const PlanAxis& axis, int64_t entry) {
    if (!axis.synthetic) at.push_back(axis.name + "=" + std::to_string(axis.positions.at(size_t(entry))));
  };
  fix(view->session->plan.rows, pin.row);
  fix(view->session->plan.columns, pin.column);
  pin.ready = false;
  pin.details = {};
  pin.coming = std::async(std::launch::async, explain, view, size_t(pin.panel), at, &document.cancel);
}

// Below the figure, so that no cell is covered: profiles first, then a column a pin.
void Viewer::pinWindow() {
  if (documents_.empty() || current().pins.empty() || !current().view) return;
  Document& document = current();
  const ImVec2 size = ImGui::GetIO().DisplaySize;
  ImGui::SetNextWindowPos(ImVec2(0, size.y - statusHeight() - pinHeight()));
  ImGui::SetNextWindowSize(ImVec2(size.x - panelWidth(), pinHeight()));
  ImGui::PushStyleVar(ImGuiStyleVar_WindowRounding, 0.0f);
  ImGui::Begin("Pinned cells", nullptr,
               ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoResize | ImGuiWindowFlags_NoTitleBar |
                   ImGuiWindowFlags_NoSavedSettings | ImGuiWindowFlags_NoFocusOnAppearing |
                   ImGuiWindowFlags_NoBringToFrontOnFocus | ImGuiWindowFlags_HorizontalScrollbar);
  bool open = true;
  ImGui::BeginChild("profiles", ImVec2(px(300), 0));
  if (ImGui::Button("Copy as text")) copyText();
  ImGui::SameLine();
  if (ImGui::Button("Let all go")) open = false;
  profiles(document);
  ImGui::EndChild();
  std::optional<size_t> drop;
  for (size_t i = 0; i < document.pins.size(); ++i) {
    ImGui::SameLine();
    ImGui::PushID(int(i));
    const Pin& pin = document.pins[i];
    ImGui::BeginChild("pin", ImVec2(px(450), 0), true);
    if (ImGui::SmallButton("×")) drop = i;
    ImGui::SameLine();
    ImGui::TextColored(ImGui::ColorConvertU32ToFloat4(kPinColors[i % std::size(kPinColors)]), "%zu", i + 1);
    ImGui::SameLine();
    tokenText(pinTitle(document, pin) + " = " + cellText(document, pin.panel, pin.row, pin.column));
    pinTable(pin);
    ImGui::EndChild();
    ImGui::PopID();
  }
  ImGui::End();
  ImGui::PopStyleVar();
  if (drop) unpin(document, *drop);
  if (!open) document.pins.clear();
}

float Viewer::pinHeight() const {
  const bool shown = !documents_.empty() && documents_[current_]->view && !documents_[current_]->pins.empty();
  return shown ? std::min(px(262), ImGui::GetIO().DisplaySize.y * 0.45f) : 0;
}

void Viewer::pinTable(const Pin& pin) {
  if (!pin.ready) {
    ImGui::TextDisabled("taking the cell apart…");
    return;
  }
  if (!pin.details.explanation) {
    ImGui::PushTextWrapPos(0);
    ImGui::TextDisabled("%s", pin.details.why.c_str());
    ImGui::PopTextWrapPos();
    return;
  }
  const Explanation& explanation = *pin.details.explanation;
  if (!ImGui::BeginTable("entries", 6, ImGuiTableFlags_SizingFixedFit | ImGuiTableFlags_RowBg)) return;
  for (const char* heading : {"id", "token", "p (reference)", "q (cell)", "ranks p, q", "term"})
    ImGui::TableSetupColumn(heading);
  ImGui::TableHeadersRow();
  for (size_t i = 0; i < explanation.entries.size(); ++i) {
    const ExplainedEntry& entry = explanation.entries[i];
    const std::string ranks =
        entry.rankP > 0 ? fmt::format("{}, {}", entry.rankP, entry.rankQ) : fmt::format("{}", entry.rankQ);
    ImGui::TableNextRow();
    for (const std::string& text :
         {std::to_string(entry.id), std::string(), number(entry.p), number(entry.q), ranks, number(entry.term)}) {
      ImGui::TableNextColumn();
      ImGui::TextUnformatted(text.c_str());
    }
    ImGui::TableSetColumnIndex(1);
    tokenText(pin.details.tokens[i]);
  }
  ImGui::EndTable();
  ImGui::TextDisabled("rest %s   sum %s   %s", number(explanation.rest).c_str(), number(explanation.cell).c_str(),
                      explanation.count > 1 ? fmt::format("mean of {}", explanation.count).c_str() : "");
}

// In any script: Pango draws it, ImGui only keeps the room.
void Viewer::tokenText(const std::string& text) {
  const float size = ImGui::GetFontSize() * 0.93f;
  const float width = shaper_.measure(text, size).width;
  const ImVec2 at = ImGui::GetCursorScreenPos();
  ImGui::Dummy(ImVec2(std::max(width, px(60)), ImGui::GetTextLineHeight()));
  if (text.empty() || !painter_ || !ImGui::IsItemVisible()) return;
  DisplayList list;
  list.items.push_back(
      Text{text, at.x, at.y + ImGui::GetTextLineHeight() / 2, size, HAlign::Left, VAlign::Middle, 0, {30, 30, 30}});
  painter_->paint(*ImGui::GetWindowDrawList(), list, nullptr);
}

// The rows and columns of the pins as lines, over each other.
void Viewer::profiles(const Document& document) {
  for (const bool alongRow : {true, false}) {
    const FigureContent& content = *document.view->content;
    const int64_t count = alongRow ? content.columns.count : content.rows.count;
    if (count < 2) continue;
    ImGui::TextDisabled("%s", fmt::format("along {}", (alongRow ? content.columns : content.rows).name).c_str());
    const float labels = px(74);  // left of the lines
    const ImVec2 corner = ImGui::GetCursorScreenPos(), from(corner.x + labels, corner.y);
    const ImVec2 size(ImGui::GetContentRegionAvail().x - labels, px(76));
    ImGui::Dummy(ImVec2(size.x + labels, size.y));
    ImDrawList& drawing = *ImGui::GetWindowDrawList();
    drawing.AddRectFilled(from, ImVec2(from.x + size.x, from.y + size.y), IM_COL32(255, 255, 255, 255));
    drawing.PushClipRect(from, ImVec2(from.x + size.x, from.y + size.y), true);
    double low = INFINITY, high = -INFINITY;
    std::vector<std::vector<float>> lines;
    for (const Pin& pin : document.pins) {
      // No more points than pixels; each keeps the largest of its cells, so that no peak is lost.
      const auto points = int64_t(std::min<double>(double(count), double(size.x)));
      std::vector<float> line(size_t(points), NAN);
      for (int64_t i = 0; i < count; ++i) {
        const float v = alongRow ? content.cell(pin.panel, pin.row, i) : content.cell(pin.panel, i, pin.column);
        if (!std::isfinite(v)) continue;
        float& point = line[size_t(i * points / count)];
        point = std::isnan(point) ? v : std::max(point, v);
        low = std::min(low, double(v));
        high = std::max(high, double(v));
      }
      lines.push_back(std::move(line));
    }
    if (!(high > low)) high = low + 1;
    for (size_t i = 0; i < lines.size(); ++i)
      drawProfile(drawing, from, size, lines[i], low, high, kPinColors[i % std::size(kPinColors)]);
    for (size_t i = 0; i < document.pins.size(); ++i) {
      const int64_t at = alongRow ? document.pins[i].column : document.pins[i].row;
      const float x = from.x + (float(at) + 0.5f) / float(count) * size.x;
      drawing.AddLine(ImVec2(x, from.y), ImVec2(x, from.y + size.y),
                      (kPinColors[i % std::size(kPinColors)] & 0x00ffffffu) | 0x60000000u);
    }
    drawing.PopClipRect();
    const auto label = [&](double v, float y) {
      const std::string text = number(v);
      drawing.AddText(ImVec2(from.x - px(5) - ImGui::CalcTextSize(text.c_str()).x, y), IM_COL32(90, 90, 90, 255),
                      text.c_str());
    };
    if (!std::isfinite(low)) continue;
    label(high, from.y);
    label(low, from.y + size.y - ImGui::GetFontSize());
  }
}

void Viewer::drawProfile(ImDrawList& drawing, ImVec2 from, ImVec2 size, const std::vector<float>& line, double low,
                         double high, ImU32 color) const {
  std::optional<ImVec2> before;
  for (size_t i = 0; i < line.size(); ++i) {
    if (std::isnan(line[i])) {
      before.reset();
      continue;
    }
    const float x = from.x + (float(i) + 0.5f) / float(line.size()) * size.x;
    const auto share = float((double(line[i]) - low) / (high - low));
    const ImVec2 at(x, from.y + px(4) + (1 - share) * (size.y - px(8)));
    if (before)
      drawing.AddLine(*before, at, color, px(1.5f));
    else
      drawing.AddCircleFilled(at, px(1.2f), color);
    before = at;
  }
}

void Viewer::copyText() {
  const Document& document = current();
  if (!document.view) return;
  std::string out;
  for (const Pin& pin : document.pins) {
    out += fmt::format("{}\t{}\n", pinTitle(document, pin), cellText(document, pin.panel, pin.row, pin.column));
    if (!pin.details.explanation) continue;
    out += "id\ttoken\tp\tq\trank_p\trank_q\tterm\n";
    for (size_t i = 0; i < pin.details.explanation->entries.size(); ++i) {
      const ExplainedEntry& e = pin.details.explanation->entries[i];
      out +=
          fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\n", e.id, pin.details.tokens[i], e.p, e.q, e.rankP, e.rankQ, e.term);
    }
  }
  if (out.empty()) {
    const auto spot = spotAt(document.layout, *document.view->content, mouseX_, mouseY_);
    if (!spot) return;
    Pin here;
    here.panel = spot->panel;
    here.row = spot->row;
    here.column = spot->column;
    out = fmt::format("{}\t{}\n", pinTitle(document, here), cellText(document, here.panel, here.row, here.column));
  }
  ImGui::SetClipboardText(out.c_str());
  message_ = "copied as text";
  status("copied text");
}

}  // namespace divlens
