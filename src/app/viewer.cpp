#include "app/viewer.h"

#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>
#include <fmt/format.h>
#include <imgui.h>
#include <imgui_impl_glfw.h>
#include <imgui_impl_vulkan.h>

#include <algorithm>
#include <csignal>

#include "app/viewer_style.h"
#include "app/writers.h"
#include "error.h"

namespace divlens {
namespace {

constexpr int kWidth = 1280, kHeight = 800;
constexpr double kIdleSeconds = 0.5, kBusySeconds = 0.05, kLeastFrameSeconds = 0.008, kStaleSeconds = 1;
constexpr float kLeastWide = 480;  // points: the panel goes where there is less
constexpr uint32_t kMostDraws = 4096;

std::shared_ptr<const gpu::Context> makeContext(const Settings& settings, const gpu::Window& window) {
  gpu::ContextOptions options = contextOptions(settings);
  options.surfaceExtensions = window.surfaceExtensions();
  return std::make_shared<const gpu::Context>(options);
}

}  // namespace

Viewer::Viewer(const Settings& settings)
    : window_("divlens", kWidth, kHeight),
      context_(makeContext(settings, window_)),
      target_(*context_, window_),
      scale_(window_.scale()),
      texts_(*context_, target_.renderPass(), shaper_, gpu::WindowTarget::kFrames),
      verbose_(settings.verbose) {
  events_.watch(window_.handle());
  for (size_t i = 0; i < gpu::WindowTarget::kFrames; ++i)
    pools_.push_back(std::make_unique<gpu::DescriptorPool>(*context_, kMostDraws, kHeatmapBindings));
  styleImGui(scale_);
  ImGui_ImplGlfw_InitForVulkan(window_.handle(), true);
  imgui_.start(*context_, target_.renderPass(), gpu::WindowTarget::kFrames);
  status(fmt::format("on {}", context_->info().name));
  frame();  // something to see before anything is opened
  // A difference of dumps is of all of them; else each has a tab of its own.
  if (settings.dumps.size() > 1 && !settings.plan.minus.empty() && settings.plan.group.empty()) {
    open(settings);
  } else {
    for (const std::string& dump : settings.dumps) {
      Settings one = settings;
      one.dumps = {dump};
      open(one);
    }
  }
  show(0);
}

Viewer::~Viewer() {
  for (const auto& document : documents_) {
    keepState(*document);
    retire(document->view);
    retire(document->tables);
    retire(document->pyramid);
  }
  documents_.clear();  // ends their threads
  vkDeviceWaitIdle(context_->device());
  ImGui_ImplGlfw_Shutdown();
}

void Viewer::run() {
  GLFWwindow* const window = window_.handle();
  while (!quit_ && !glfwWindowShouldClose(window)) {
    const bool computing = std::any_of(documents_.begin(), documents_.end(), [](const auto& d) {
      return d->loader.progress().running || d->counting.valid();
    });
    const double rest = lastDrawn_ + kLeastFrameSeconds - glfwGetTime();
    if (events_.busyFrames > 0 && rest <= 0)
      glfwPollEvents();
    else
      glfwWaitEventsTimeout(events_.busyFrames > 0 ? rest : computing ? kBusySeconds : kIdleSeconds);
    if (const int signal = interruptFlag(); signal != 0)
      throw Error(signal == SIGTERM ? Exit::Terminated : Exit::Interrupted, "interrupted; the window is closed");
    poll();
    if (computing) events_.busyFrames = std::max(events_.busyFrames, 1);
    if (events_.busyFrames == 0 || glfwGetTime() < lastDrawn_ + kLeastFrameSeconds) continue;
    --events_.busyFrames;
    frame();
  }
  status(fmt::format("closed after {} frames", frames_));
  checkValidation(*context_);
}

void Viewer::status(const std::string& text) const {
  if (verbose_) fmt::print(stderr, "divlens: view: {} ({:.3f} s)\n", text, glfwGetTime());
}

void Viewer::poll() {
  if (const auto dropped = events_.takeDropped(); !dropped.empty()) openFiles(dropped);
  for (const auto& document : documents_) poll(*document);
  // What cannot be opened leaves its words, and no tab beside others.
  for (size_t i = documents_.size(); i-- > 0;)
    if (documents_[i]->failed && documents_.size() > 1) close(i);
  if (documents_.empty() || glfwGetTime() < lastStaleCheck_ + kStaleSeconds) return;
  lastStaleCheck_ = glfwGetTime();
  Document& document = current();
  if (document.difference || document.stale || !document.view || !document.view->complete ||
      !ViewLoader::changed(*document.view))
    return;
  document.stale = true;
  showTitle();
  events_.wake();
  status("the file has changed");
}

void Viewer::poll(Document& document) {
  if (std::optional<std::string> error = document.loader.takeError()) {
    status("error: " + *error);
    errors_.push_back(*error);
    document.failed = !document.view;
    events_.wake();
  }
  for (Pin& pin : document.pins) {
    if (pin.ready || pin.coming.wait_for(std::chrono::seconds(0)) != std::future_status::ready) continue;
    pin.details = pin.coming.get();
    pin.ready = true;
    events_.wake();
    const auto& explanation = pin.details.explanation;
    status(fmt::format("explained {}, {}: {}", pin.row, pin.column,
                       explanation ? shortest(float(explanation->cell)) : pin.details.why));
  }
  takeCounts(document);
  if (std::optional<std::string> note = document.loader.takeNote()) {
    message_ = *note;
    events_.wake();
    status(*note);
  }
  if (std::shared_ptr<View> view = document.loader.takeView()) accept(document, std::move(view));
}

void Viewer::accept(Document& document, std::shared_ptr<View> view) {
  if (document.view) retire(document.view);
  const bool same = document.view && document.view->session == view->session;
  document.view = std::move(view);
  const Grid& grid = document.view->session->result->grid;
  if (!reducer_) reducer_ = std::make_unique<CellReducer>(*context_);
  if (same) {
    document.pyramid->refresh();
  } else {
    retire(document.pyramid);
    document.pyramid = std::make_shared<GridPyramid>(*reducer_, grid);
  }
  document.look.show(grid.rows(), grid.columns());
  if (document.wanted) document.look.see(*document.wanted);
  document.wanted.reset();
  if (!same) {
    document.stale = false;
    showTitle();
    explainPins(document);
  }
  recolor(document);
  if (document.view->complete && message_.starts_with(kReading)) message_.clear();
  events_.wake();
  status(fmt::format("{} {} x {} cells{}", document.view->complete ? "complete:" : "partial:", grid.rows(),
                     grid.columns(), grid.panels() > 1 ? fmt::format(" x {}", grid.panels()) : ""));
}

void Viewer::frame() {
  if (!target_.prepare()) return;
  lastDrawn_ = glfwGetTime();
  const size_t number = target_.number();
  while (!retired_.empty() && retired_.front().first + gpu::WindowTarget::kFrames < frames_) retired_.pop_front();
  texts_.begin(number);
  pools_[number]->reset();
  const VkExtent2D extent = target_.extent();
  wide_ = float(extent.width) >= px(kLeastWide);
  ImGui_ImplVulkan_NewFrame();
  ImGui_ImplGlfw_NewFrame();
  // Everything is measured in the target's pixels, the figure and ImGui's windows alike.
  ImGuiIO& io = ImGui::GetIO();
  const float ratio = io.DisplaySize.x > 0 ? float(extent.width) / io.DisplaySize.x : 1;
  mouseRatio_ = ratio;
  io.DisplaySize = ImVec2(float(extent.width), float(extent.height));
  io.DisplayFramebufferScale = ImVec2(1, 1);
  if (ratio != 1 && io.MousePos.x > -1e6f) io.MousePos = ImVec2(io.MousePos.x * ratio, io.MousePos.y * ratio);
  ImGui::NewFrame();
  // ImGui's own first window takes the focus: the arrows are the figure's until the panel is asked for.
  if (frames_ < 2) ImGui::SetWindowFocus(nullptr);
  figureSize_ = {std::max(1, int(float(extent.width) - panelWidth())),
                 std::max(1, int(float(extent.height) - statusHeight() - pinHeight()))};
  ListPainter painter({heatmap_.get(), texts_, extent, *pools_[number]});
  painter_ = &painter;
  interface();
  if (!documents_.empty() && current().view) input();
  // A key may have changed to a file of which there is nothing to see yet.
  if (!documents_.empty() && current().view) {
    layOut(current());
    paintFigure(painter);
    paintOver(painter);
  }
  painter_ = nullptr;
  events_.clear();
  texts_.finish();
  ImGui::Render();
  render(painter);
}

void Viewer::render(ListPainter& painter) {
  const bool figure = !documents_.empty() && current().view;
  const Color b = figure ? current().layout.list.background : Color{240, 240, 240, 255};
  const auto began = target_.begin({float(b.r) / 255, float(b.g) / 255, float(b.b) / 255, 1});
  if (!began) {
    events_.wake();
    return;
  }
  painter.useCommands(began->commands);
  ImGui_ImplVulkan_RenderDrawData(ImGui::GetDrawData(), began->commands);
  target_.end();
  if (frames_++ == 0) status("first paint");
}

void runViewer(const Settings& settings) {
  catchInterrupts();
  Viewer viewer(settings);
  viewer.run();
}

}  // namespace divlens
