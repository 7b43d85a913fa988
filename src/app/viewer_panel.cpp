// The panel beside the figure: it edits the options, one by one, as the command line would give them.
#include <fmt/format.h>
#include <imgui.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "app/viewer.h"
#include "figure/colormap.h"
#include "figure/norm.h"

namespace divlens {
namespace {

using Names = std::vector<std::string>;

Names axisNames(const Plan& plan) {
  Names names;
  const size_t count = plan.cells.axes.size() - (plan.kind == Kind::Scalar ? 0 : 1);
  for (size_t i = 0; i < count; ++i) names.push_back(plan.cells.axes[i].name);
  return names;
}

/// What a reference can be, said as the option takes it.
Names referenceChoices(const View& view) {
  const Plan& plan = view.session->plan;
  Names names;
  for (const std::string& axis : axisNames(plan)) {
    names.push_back(axis + "=-1");
    names.push_back(axis + "=0");
    names.push_back(axis + ":prev");
    names.push_back(axis + ":next");
    names.push_back("mean:" + axis);
  }
  for (const Tensor& tensor : view.session->dump.tensors)
    if (info(tensor.dtype).floating && tensor.name != plan.cells.name) names.push_back("tensor:" + tensor.name);
  names.emplace_back("uniform");
  names.emplace_back("target");
  return names;
}

Names metricNames() {
  Names names;
  for (const Metric& metric : metrics())
    if (metric.parameter().empty()) names.emplace_back(metric.name);
  for (const char* common : {"renyi:2", "renyi:0.5", "overlap:10"}) names.emplace_back(common);
  return names;
}

Names toolNames() {
  Names names = {""};
  for (const Metric& row : conventions())
    if (names.back() != row.tool) names.emplace_back(row.tool);
  return names;
}

const Names kReductions = {"mean", "median", "q0.9", "q0.1", "min", "max", "std", "sem", "count"};

}  // namespace

bool Viewer::section(const char* name, bool open) {
  return ImGui::CollapsingHeader(name, open ? ImGuiTreeNodeFlags_DefaultOpen : 0);
}

void Viewer::textOption(const char* label, const char* option, const char* hint) {
  std::string& buffer = edits_[option];
  ImGui::InputTextWithHint(label, hint, &buffer);
  const bool done = ImGui::IsItemDeactivatedAfterEdit();
  if (done) setOption(option, buffer);
  if (done || !ImGui::IsItemActive()) buffer = current().options.get(option);
}

void Viewer::choiceOption(const char* label, const char* option, const Names& choices, const std::string& shown) {
  const std::string given = current().options.get(option);
  if (!ImGui::BeginCombo(label, given.empty() ? shown.c_str() : given.c_str(), ImGuiComboFlags_HeightLarge)) return;
  if (ImGui::Selectable("default", given.empty())) setOption(option, "");
  for (const std::string& choice : choices) {
    if (choice.empty()) continue;
    const bool now = choice == given;
    if (ImGui::Selectable(choice.c_str(), now)) setOption(option, choice);
    if (now && ImGui::IsWindowAppearing()) ImGui::SetScrollHereY();
  }
  ImGui::EndCombo();
}

void Viewer::flagOption(const char* label, const char* option) {
  bool on = current().options.has(option);
  if (ImGui::Checkbox(label, &on))
    change([&](ViewOptions& options) { on ? options.set(option, "") : options.remove(option); });
}

void Viewer::setOption(const char* option, const std::string& text) {
  if (text == current().options.get(option)) return;
  change([&](ViewOptions& options) { text.empty() ? options.remove(option) : options.set(option, text); });
}

void Viewer::panel() {
  const ImVec2 size = ImGui::GetIO().DisplaySize;
  ImGui::SetNextWindowPos(ImVec2(size.x - panelWidth(), 0));
  ImGui::SetNextWindowSize(ImVec2(panelWidth(), size.y));
  ImGui::PushStyleVar(ImGuiStyleVar_WindowRounding, 0.0f);
  ImGui::Begin("Panel", nullptr,
               ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoResize | ImGuiWindowFlags_NoCollapse |
                   ImGuiWindowFlags_NoTitleBar | ImGuiWindowFlags_NoSavedSettings |
                   ImGuiWindowFlags_NoBringToFrontOnFocus | ImGuiWindowFlags_NoFocusOnAppearing);
  ImGui::PushItemWidth(px(165));
  tabs();
  if (!documents_.empty()) {
    Document& document = current();
    if (document.view) {
      metricSection(document);
      colorSection(document);
      thresholdSection(document);
      dataSection(document);
      figureSection();
    } else {
      ImGui::TextUnformatted(document.name.c_str());
    }
    buttons();
  }
  ImGui::PopItemWidth();
  ImGui::End();
  ImGui::PopStyleVar();
}

void Viewer::buttons() {
  ImGui::Spacing();
  if (ImGui::Button("Save…")) {
    saveShown_ = true;
    if (savePath_.empty()) savePath_ = savedName();
  }
  ImGui::SameLine();
  if (ImGui::Button("Copy as command")) copyCommand();
  ImGui::SameLine();
  if (ImGui::Button("Open…")) openShown_ = true;
  if (ImGui::Button("Fit")) current().look.fit();
  ImGui::SameLine();
  if (ImGui::Button("Reset view")) resetView();
  ImGui::SameLine();
  if (ImGui::Button("Reload")) reload();
  ImGui::SameLine();
  if (ImGui::Button("Keys")) helpShown_ = !helpShown_;
}

void Viewer::metricSection(Document& document) {
  const Plan& plan = document.view->session->plan;
  if (!section("Metric", true)) return;
  const bool scalar = plan.kind == Kind::Scalar;
  if (scalar) {
    ImGui::TextDisabled("a table: its cells as they are");
    return;
  }
  choiceOption("metric", "--metric", metricNames(), plan.metrics.empty() ? "jsd" : plan.metrics.front().text);
  textOption("or another", "--metric", "renyi:3, f: EXPRESSION");
  choiceOption("reference", "--reference", referenceChoices(*document.view), plan.reference.text);
  textOption("or an entry", "--reference", "layer=12");
  choiceOption("base", "--base", {"e", "2", "10"}, "e");
  textOption("temperature", "--temperature", "1");
  choiceOption("convention", "--convention", toolNames(), "none");
}

void Viewer::dataSection(Document& document) {
  if (!section("Data", false)) return;
  const Session& session = *document.view->session;
  const Plan& plan = session.plan;
  Names tensors;
  for (const Tensor& tensor : session.dump.tensors)
    if (info(tensor.dtype).floating) tensors.push_back(tensor.name);
  choiceOption("tensor", "--tensor", tensors, plan.cells.name);
  choiceOption("rows", "--rows", axisNames(plan), plan.rows.name);
  choiceOption("columns", "--columns", axisNames(plan), plan.columns.name);
  for (const PlanAxis& axis : plan.reduced) {
    if (axis.synthetic || axis.positions.size() < 2) continue;
    const std::string prefix = axis.name + "=";
    const std::string now = axis.how == Reduce::Quantile ? fmt::format("q{}", axis.quantile) : name(axis.how);
    if (!ImGui::BeginCombo(fmt::format("over {}", axis.name).c_str(), now.c_str())) continue;
    for (const std::string& how : kReductions) {
      if (!ImGui::Selectable(how.c_str(), how == now)) continue;
      change([&](ViewOptions& options) {
        Names all = options.all("--reduce");
        std::erase_if(all, [&](const std::string& text) { return text == axis.name || text.starts_with(prefix); });
        all.push_back(prefix + how);
        options.setAll("--reduce", all);
      });
    }
    ImGui::EndCombo();
  }
  Names grouped;
  for (const Axis& axis : plan.cells.axes)
    if (!axis.groups.empty()) grouped.push_back(axis.name);
  if (!grouped.empty()) choiceOption("group", "--group", grouped, "none");
  textOption("select", "--select", "token=0:8");
  textOption("vocab", "--vocab", "all entries");
  textOption("vocab mask", "--vocab-mask", "FILE of token ids");
}

void Viewer::colorSection(Document& document) {
  if (!section("Colours", true)) return;
  choiceOption("map", "--cmap", colormapNames(), "by metric");
  textOption("or colours", "--cmap", "NAME_r, #2166ac,#f7f7f7,#e08214");
  choiceOption("norm", "--norm", normNames(), "linear");
  histogram(document);
  const Norm& norm = document.view->content->scales.front().norm;
  textOption("vmin", "--vmin", fmt::format("{:.4g}", norm.vmin).c_str());
  textOption("vmax", "--vmax", fmt::format("{:.4g}", norm.vmax).c_str());
  textOption("center", "--center", "none");
  bool robust = document.options.has("--robust");
  if (ImGui::Checkbox("robust", &robust))
    change([&](ViewOptions& options) { robust ? options.set("--robust", "") : options.remove("--robust"); });
  if (robust) {
    ImGui::SameLine();
    ImGui::SetNextItemWidth(px(90));
    textOption("percentiles", "--robust", "2,98");
  }
  textOption("hide cells", "--mask", "<0.1");
}

void Viewer::histogram(Document& document) {
  const std::vector<float>& bins = document.view->histogram;
  const DataRange& range = document.view->summaries.front().range;
  if (bins.empty() || !(range.max > range.min)) return;
  const ImVec2 from = ImGui::GetCursorScreenPos(), size(ImGui::GetContentRegionAvail().x, px(56));
  ImGui::InvisibleButton("histogram", size);
  const Norm& norm = document.view->content->scales.front().norm;
  const auto xOf = [&](double v) {
    return from.x + float(std::clamp((v - range.min) / (range.max - range.min), 0.0, 1.0)) * size.x;
  };
  ImDrawList& drawing = *ImGui::GetWindowDrawList();
  drawing.AddRectFilled(from, ImVec2(from.x + size.x, from.y + size.y), IM_COL32(255, 255, 255, 255));
  drawing.AddRectFilled(ImVec2(xOf(norm.vmin), from.y), ImVec2(xOf(norm.vmax), from.y + size.y),
                        IM_COL32(210, 225, 245, 255));
  const float most = *std::max_element(bins.begin(), bins.end());
  for (size_t i = 0; i < bins.size(); ++i) {
    // Rare cells must show beside common ones.
    const float high = most > 0 ? std::log1p(bins[i]) / std::log1p(most) * (size.y - px(2)) : 0;
    const float x0 = from.x + size.x * float(i) / float(bins.size()),
                x1 = from.x + size.x * float(i + 1) / float(bins.size());
    drawing.AddRectFilled(ImVec2(x0, from.y + size.y - high), ImVec2(std::max(x0 + 1, x1 - 1), from.y + size.y),
                          IM_COL32(90, 110, 140, 255));
  }
  for (const double end : {norm.vmin, norm.vmax})
    drawing.AddLine(ImVec2(xOf(end), from.y), ImVec2(xOf(end), from.y + size.y), IM_COL32(214, 39, 40, 255), px(2));
  if (document.figure().threshold && document.options.has("--threshold"))
    drawing.AddLine(ImVec2(xOf(*document.figure().threshold), from.y),
                    ImVec2(xOf(*document.figure().threshold), from.y + size.y), IM_COL32(20, 20, 20, 255), px(1));
  if (ImGui::IsItemHovered())
    ImGui::SetTooltip("drag an end to set vmin or vmax; the shades are what the colours span");
  if (!ImGui::IsItemActive()) return;
  const float x = ImGui::GetIO().MousePos.x;
  if (ImGui::IsItemActivated()) dragsUpper_ = std::abs(x - xOf(norm.vmax)) < std::abs(x - xOf(norm.vmin));
  const double at = range.min + std::clamp(double(x - from.x) / double(size.x), 0.0, 1.0) * (range.max - range.min);
  const double other = dragsUpper_ ? norm.vmin : norm.vmax;
  if (dragsUpper_ ? at <= other : at >= other) return;
  setOption(dragsUpper_ ? "--vmax" : "--vmin", fmt::format("{}", float(at)));
}

void Viewer::thresholdSection(Document& document) {
  if (!section("Threshold", true)) return;
  bool on = document.options.has("--threshold");
  const DataRange& range = document.view->summaries.front().range;
  if (ImGui::Checkbox("τ", &on)) {
    if (on)
      setThreshold((range.min + range.max) / 2);
    else
      change([](ViewOptions& options) {
        for (const char* option : {"--threshold", "--dim", "--onset", "--persist"}) options.remove(option);
      });
  }
  if (!on || !document.figure().threshold) return;
  ImGui::SameLine();
  textOption("##threshold", "--threshold", "");
  auto value = float(*document.figure().threshold);
  ImGui::SetNextItemWidth(-1);
  if (ImGui::SliderFloat("##tau", &value, float(range.min), float(range.max), "τ = %.4g")) setThreshold(double(value));
  if (document.view->quick && range.cells > 0) {
    if (!ImGui::IsAnyItemActive() && document.beyond && document.beyond->finite > 0)
      percentile_ = 100 * (1 - float(document.beyond->beyond) / float(document.beyond->finite));
    ImGui::SetNextItemWidth(-1);
    if (ImGui::SliderFloat("##percentile", &percentile_, 0, 100, "percentile %.1f"))
      setThreshold(range.percentiles(std::array{double(percentile_)}).front());
  }
  bool dim = document.options.has("--dim");
  if (ImGui::Checkbox("fade the cells below τ", &dim))
    change([&](ViewOptions& options) {
      dim ? options.set("--dim", "<" + options.get("--threshold")) : options.remove("--dim");
    });
  if (!document.beyond) return;
  const BeyondCounts& counts = *document.beyond;
  const double share = counts.finite ? 100.0 * double(counts.beyond) / double(counts.finite) : 0;
  const bool one = document.view->content->panels.size() == 1;
  ImGui::Text("%s≥ τ: %lld of %lld cells, %.2f %%",
              one ? "" : fmt::format("{}) ", char('a' + counts.panel % 26)).c_str(),
              static_cast<long long>(counts.beyond), static_cast<long long>(counts.finite), share);
  if (!layered(document)) return;
  bool line = document.options.has("--onset");
  if (ImGui::Checkbox("onset: below τ", &line))
    change([&](ViewOptions& options) {
      line ? options.set("--onset", "<" + options.get("--threshold")) : options.remove("--onset");
    });
  if (!line) return;
  int persist = int(document.options.settings().plan.persist);
  ImGui::SetNextItemWidth(px(90));
  if (ImGui::InputInt("layers in a row (0: to the end)", &persist))
    setOption("--persist", std::to_string(std::max(0, persist)));
}

void Viewer::setThreshold(double value) {
  const std::string text = fmt::format("{}", float(value));
  if (text == current().options.get("--threshold")) return;
  change([&](ViewOptions& options) {
    options.set("--threshold", text);
    if (options.has("--dim")) options.set("--dim", "<" + text);
    if (options.has("--onset")) options.set("--onset", "<" + text);
  });
  status("threshold " + text);
}

void Viewer::figureSection() {
  if (!section("Figure", false)) return;
  flagOption("values in the cells", "--annot");
  textOption("format", "--fmt", ".2g");
  choiceOption("origin", "--origin", {"upper", "lower"}, "upper");
  choiceOption("style", "--style", {"paper", "slide", "dark"}, "paper");
  textOption("title", "--title", "of the dump");
  textOption("x label", "--xlabel", "the axis");
  textOption("y label", "--ylabel", "the axis");
  textOption("note", "--note", "metric, reference, file");
  textOption("x ticks", "--xticklabels", "auto, none, N, N,last");
  textOption("y ticks", "--yticklabels", "auto, none, N, N,last");
  textOption("saved size", "--figsize", "as in the window");
  textOption("saved dpi", "--dpi", "as in the window");
}

}  // namespace divlens
