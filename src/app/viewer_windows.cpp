// What surrounds the figure: status line, tabs, errors, keys, dialogs.
#include <fmt/format.h>
#include <imgui.h>
#include <imgui_stdlib.h>

#include <algorithm>

#include "app/info.h"
#include "app/viewer.h"
#include "app/writers.h"

namespace divlens {
namespace {

constexpr ImGuiWindowFlags kFixed = ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoResize | ImGuiWindowFlags_NoCollapse |
                                    ImGuiWindowFlags_NoTitleBar | ImGuiWindowFlags_NoSavedSettings;
constexpr ImGuiWindowFlags kFloating =
    ImGuiWindowFlags_NoCollapse | ImGuiWindowFlags_NoSavedSettings | ImGuiWindowFlags_AlwaysAutoResize;

std::string progressText(const LoadProgress& progress) {
  if (progress.total == 0) return "opening…";
  const double share = double(progress.done) / double(progress.total);
  const double rate = progress.seconds > 0 ? double(progress.done) / progress.seconds : 0;
  const double left = rate > 0 ? double(progress.total - progress.done) / rate : 0;
  return fmt::format("{:.0f} %  {} of {}  {}/s  {:.0f} s left", 100 * share, humanBytes(progress.done),
                     humanBytes(progress.total), humanBytes(uint64_t(rate)), left);
}

}  // namespace

void Viewer::interface() {
  globalKeys();
  if (!documents_.empty() && panelWidth() > 0) panel();
  statusLine();
  pinWindow();
  errors();
  help();
  saveDialog();
  openDialog();
}

void Viewer::globalKeys() {
  if (events_.pressed(ViewKey::Quit)) quit_ = true;
  if (documents_.empty()) return;
  if (events_.pressed(ViewKey::Save)) {
    saveShown_ = true;
    if (savePath_.empty()) savePath_ = savedName();
  }
  if (events_.pressed(ViewKey::Open)) openShown_ = true;
  if (events_.pressed(ViewKey::CopyCommand)) copyCommand();
  if (events_.pressed(ViewKey::CopyText) && !ImGui::GetIO().WantTextInput) copyText();
  if (events_.pressed(ViewKey::Reload)) reload();
  if (events_.pressed(ViewKey::Panel)) panelShown_ = !panelShown_;
  if (events_.pressed(ViewKey::NextTab)) show((current_ + 1) % documents_.size());
  if (events_.pressed(ViewKey::Close)) close(current_);
  if (events_.pressed(ViewKey::FocusPanel)) {
    panelShown_ = true;
    ImGui::SetWindowFocus("Panel");
  }
  if (events_.pressed(ViewKey::Help) && !ImGui::GetIO().WantTextInput) helpShown_ = !helpShown_;
  if (!events_.pressed(ViewKey::Escape)) return;
  if (!helpShown_ && !saveShown_ && !openShown_) errors_.clear();
  helpShown_ = saveShown_ = openShown_ = false;
  if (!ImGui::GetIO().WantTextInput) ImGui::SetWindowFocus(nullptr);
}

void Viewer::statusLine() {
  const ImVec2 size = ImGui::GetIO().DisplaySize;
  ImGui::SetNextWindowPos(ImVec2(0, size.y - statusHeight()));
  ImGui::SetNextWindowSize(ImVec2(size.x - panelWidth(), statusHeight()));
  ImGui::PushStyleVar(ImGuiStyleVar_WindowRounding, 0.0f);
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(px(8), px(4)));
  ImGui::PushStyleVar(ImGuiStyleVar_WindowMinSize, ImVec2(1, 1));
  ImGui::Begin("Status", nullptr,
               kFixed | ImGuiWindowFlags_NoNav | ImGuiWindowFlags_NoFocusOnAppearing | ImGuiWindowFlags_NoScrollbar |
                   ImGuiWindowFlags_NoBringToFrontOnFocus);
  if (documents_.empty()) {
    ImGui::TextUnformatted("opening…");
  } else {
    Document& document = current();
    const LoadProgress progress = document.loader.progress();
    if (document.stale) {
      ImGui::TextColored(ImVec4(0.75f, 0.2f, 0.1f, 1), "the file has changed: F5 reads it again");
      ImGui::SameLine();
    }
    if (progress.running) {
      const double share = progress.total ? double(progress.done) / double(progress.total) : 0;
      ImGui::ProgressBar(float(share), ImVec2(px(120), px(16)), "");
      ImGui::SameLine();
      ImGui::TextUnformatted(progressText(progress).c_str());
    } else {
      ImGui::TextUnformatted(message_.empty() ? "? shows the keys" : message_.c_str());
    }
    const std::string& device = context_->info().name;
    const float width = ImGui::CalcTextSize(device.c_str()).x;
    if (!progress.running && size.x - panelWidth() > width + ImGui::CalcTextSize(message_.c_str()).x + px(240)) {
      ImGui::SameLine(size.x - panelWidth() - width - px(12));
      ImGui::TextDisabled("%s", device.c_str());
    }
  }
  ImGui::End();
  ImGui::PopStyleVar(3);
}

void Viewer::tabs() {
  if (documents_.size() < 2 || !ImGui::BeginTabBar("files", ImGuiTabBarFlags_FittingPolicyScroll)) return;
  for (size_t i = 0; i < documents_.size(); ++i) {
    bool keep = true;
    const std::string label = fmt::format("{}##{}", documents_[i]->name, static_cast<const void*>(documents_[i].get()));
    const bool wanted = selectTab_ && i == current_;
    if (ImGui::BeginTabItem(label.c_str(), &keep, wanted ? ImGuiTabItemFlags_SetSelected : 0)) {
      if (!selectTab_ && i != current_) show(i);
      ImGui::EndTabItem();
    }
    if (keep) continue;
    close(i);
    break;
  }
  selectTab_ = false;
  ImGui::EndTabBar();
}

void Viewer::errors() {
  if (errors_.empty()) return;
  ImGui::SetNextWindowPos(ImVec2(px(12), ImGui::GetIO().DisplaySize.y - statusHeight() - px(12)), ImGuiCond_Always,
                          ImVec2(0, 1));
  ImGui::SetNextWindowSizeConstraints(ImVec2(px(260), 0), ImVec2(float(figureSize_.width) - px(24), px(300)));
  bool open = true;
  ImGui::PushStyleColor(ImGuiCol_TitleBgActive, ImVec4(0.9f, 0.75f, 0.72f, 1));
  ImGui::PushStyleColor(ImGuiCol_TitleBg, ImVec4(0.9f, 0.75f, 0.72f, 1));
  ImGui::Begin("Errors", &open, kFloating | ImGuiWindowFlags_NoFocusOnAppearing);
  for (const std::string& error : errors_) {
    ImGui::PushTextWrapPos(float(figureSize_.width) * 0.75f);
    ImGui::TextUnformatted(error.c_str());
    ImGui::PopTextWrapPos();
    ImGui::Separator();
  }
  if (ImGui::Button("Dismiss")) open = false;
  ImGui::End();
  ImGui::PopStyleColor(2);
  if (!open) errors_.clear();
}

void Viewer::help() {
  if (!helpShown_) return;
  ImGui::SetNextWindowPos(ImVec2(float(figureSize_.width) / 2, float(figureSize_.height) / 2), ImGuiCond_Always,
                          ImVec2(0.5f, 0.5f));
  ImGui::Begin("Keys", &helpShown_, kFloating);
  if (ImGui::BeginTable("keys", 2, ImGuiTableFlags_SizingFixedFit)) {
    const auto row = [](const char* key, const char* text) {
      ImGui::TableNextRow();
      ImGui::TableNextColumn();
      ImGui::TextUnformatted(key);
      ImGui::TableNextColumn();
      ImGui::TextUnformatted(text);
    };
    for (const KeyRow& key : keyRows())
      if (key.help) row(key.shown, key.help);
    row("drag", "move about; the right button draws a box to zoom into");
    row("colour bar", "drag along it to set the threshold");
    ImGui::EndTable();
  }
  ImGui::End();
}

// A field for a path; true once it is to be used. Enter is taken from the events: ImGui 1.86 misses keys that go up
// before its next frame.
bool Viewer::pathField(std::string& path, const char* use, bool& shown) {
  ImGui::SetNextItemWidth(px(420));
  if (ImGui::IsWindowAppearing()) ImGui::SetKeyboardFocusHere();
  ImGui::InputText("##path", &path, ImGuiInputTextFlags_AutoSelectAll);
  if (ImGui::IsItemActivated()) status("asking for a path");
  bool go = events_.pressed(ViewKey::Enter) && !path.empty();
  go = ImGui::Button(use) || go;
  ImGui::SameLine();
  if (ImGui::Button("Cancel")) shown = false;
  if (!go) return false;
  shown = false;
  ImGui::SetWindowFocus(nullptr);
  return true;
}

void Viewer::saveDialog() {
  if (!saveShown_) return;
  ImGui::SetNextWindowPos(ImVec2(float(figureSize_.width) / 2, px(120)), ImGuiCond_Appearing, ImVec2(0.5f, 0));
  ImGui::Begin("Save", &saveShown_, kFloating);
  ImGui::TextUnformatted("The suffix decides: .png .pdf .svg .npy .csv .tsv .json");
  const bool go = pathField(savePath_, "Save", saveShown_);
  ImGui::End();
  if (go) save(savePath_);
}

void Viewer::openDialog() {
  if (!openShown_) return;
  ImGui::SetNextWindowPos(ImVec2(float(figureSize_.width) / 2, px(120)), ImGuiCond_Appearing, ImVec2(0.5f, 0));
  ImGui::Begin("Open", &openShown_, kFloating);
  ImGui::TextUnformatted("A dump: FILE, FOLDER or FILE:TENSOR");
  std::string chosen;
  if (pathField(openPath_, "Open", openShown_)) chosen = openPath_;
  if (ImGui::IsWindowAppearing()) recent_ = recentFiles();
  if (!recent_.empty()) ImGui::Separator();
  for (const std::string& path : recent_)
    if (ImGui::Selectable(path.c_str())) chosen = path;
  ImGui::End();
  if (chosen.empty()) return;
  openShown_ = false;
  openFiles({chosen});
}

}  // namespace divlens
