#include "app/viewer_style.h"

#include <imgui.h>

#include <span>

#include "embedded.h"

namespace divlens {
namespace {

constexpr float kFontPixels = 14;
// Latin, Greek, Cyrillic, punctuation, arrows, mathematics: what menus and formulas hold. Tokens are drawn by Pango.
constexpr ImWchar kRanges[] = {0x20,   0x24f,  0x370,  0x4ff,  0x2010, 0x205e, 0x2070, 0x209c, 0x2190,
                               0x21ff, 0x2200, 0x22ff, 0x2318, 0x2318, 0x25a0, 0x25ff, 0};

}  // namespace

void styleImGui(float scale) {
  ImGuiIO& io = ImGui::GetIO();
  io.ConfigFlags |= ImGuiConfigFlags_NavEnableKeyboard;
  const std::span<const std::byte> font = embedded("fonts/DejaVuSans.ttf");
  ImFontConfig config;
  config.FontDataOwnedByAtlas = false;
  config.OversampleH = config.OversampleV = 1;
  // ImGui only reads the bytes.
  io.Fonts->AddFontFromMemoryTTF(const_cast<std::byte*>(font.data()), int(font.size()), kFontPixels * scale, &config,
                                 kRanges);
  ImGui::StyleColorsLight();
  ImGuiStyle& style = ImGui::GetStyle();
  style.WindowRounding = 4;
  style.FrameRounding = 3;
  style.FrameBorderSize = 1;
  style.Colors[ImGuiCol_WindowBg] = ImVec4(0.96f, 0.96f, 0.97f, 1);
  style.Colors[ImGuiCol_FrameBg] = ImVec4(1, 1, 1, 1);
  style.Colors[ImGuiCol_Border] = ImVec4(0.75f, 0.75f, 0.78f, 1);
  style.ScaleAllSizes(scale);
}

}  // namespace divlens
