// Dumps that are open in the window, and their options.
#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "app/picture.h"
#include "app/viewer.h"
#include "divergence/onset.h"
#include "error.h"
#include "figure/layout.h"

namespace divlens {
namespace {

/// False where the loader must find the percentiles first, which takes long.
bool knowsRange(const View& view, const FigureOptions& options) {
  return options.robust.empty() || options.robust == view.settings.figure.robust || view.quick;
}

}  // namespace

void Viewer::open(const Settings& settings) {
  // The loader's thread may outlive a frame, never the window: GLFW is still there when it wakes it.
  documents_.push_back(std::make_unique<Document>(settings, context_, [] { glfwPostEmptyEvent(); }));
  current_ = documents_.size() - 1;
  selectTab_ = true;
  Document& document = current();
  for (const std::string& dump : settings.dumps)
    document.name += (document.name.empty() ? "" : " | ") + std::filesystem::path(dump).filename().string();
  takeState(document);
  document.loader.request(document.options.settings(), document.options.planKey());
  showTitle();
  events_.wake();
}

void Viewer::openFiles(const std::vector<std::string>& paths) {
  const size_t first = documents_.size();
  for (const std::string& path : paths) {
    Settings settings;
    settings.command = "view";
    settings.dumps = {path};
    status("opening " + path);
    open(settings);
  }
  show(first);
}

void Viewer::show(size_t number) {
  linkLooks(current(), *documents_[number]);
  current_ = number;
  selectTab_ = true;
  showTitle();
  events_.wake();
}

void Viewer::close(size_t number) {
  keepState(*documents_[number]);
  status("closed " + documents_[number]->name);
  retire(documents_[number]->view);
  retire(documents_[number]->tables);
  retire(documents_[number]->pyramid);
  documents_.erase(documents_.begin() + std::ptrdiff_t(number));
  quit_ = documents_.empty();
  if (quit_) return;
  if (current_ > number) --current_;
  current_ = std::min(current_, documents_.size() - 1);
  show(current_);
}

void Viewer::reload() {
  Document& document = current();
  if (document.difference) return showDifference();
  document.loader.request(document.options.settings(), document.options.planKey(), true);
  message_ = kReading + document.name + " again";
  status(message_);
}

void Viewer::showTitle() {
  const Document& document = current();
  glfwSetWindowTitle(window_.handle(),
                     fmt::format("{}{} – divlens", document.name, document.stale ? " (changed)" : "").c_str());
}

// Options that need the dump at hand are checked by what will use them.
void Viewer::tryOptions(const Document& document) {
  const View& view = *document.view;
  const PlanOptions& plan = document.options.settings().plan;
  if (!plan.onset.empty()) parseThreshold(plan.onset, "--onset");
  if (knowsRange(view, document.figure())) colorScales(*view.session, document.figure(), view.summaries);
  layoutFigure(liveOptions(document), *view.content, shaper_, layoutSize(document));
}

void Viewer::change(const std::function<void(ViewOptions&)>& edit) {
  Document& document = current();
  const ViewOptions before = document.options;
  try {
    edit(document.options);
    checkFigureOptions(document.options.settings());
    if (document.view) tryOptions(document);
  } catch (const Error& error) {
    document.options = before;
    errors_.emplace_back(error.what());
    status(std::string("error: ") + error.what());
    return;
  }
  const std::string key = document.options.planKey();
  if (document.difference && key != before.planKey()) {
    document.options = before;
    errors_.emplace_back("a difference is of the numbers of its two files: change them there, then press D again");
    events_.wake();
    return;
  }
  const FigureOptions &now = document.figure(), &was = before.settings().figure;
  const bool cells = key != before.planKey();
  // What the loader finds out about the cells, and how labels and edges are made.
  const bool content = now.mask != was.mask || now.robust != was.robust || now.axisScale != was.axisScale ||
                       now.shareScale != was.shareScale || now.panelLabels != was.panelLabels;
  if (!document.difference && (cells || content)) document.loader.request(document.options.settings(), key);
  if (cells) status("computing " + shellLine(document.options.words()));
  if (document.view) recolor(document);
  events_.wake();
}

void Viewer::recolor(Document& document) {
  const View& view = *document.view;
  FigureContent& content = *view.content;
  const FigureOptions& options = document.figure();
  try {
    // Panels that share scales differently come with the loader's next view.
    if (knowsRange(view, options) && options.shareScale == view.settings.figure.shareScale)
      content.scales = colorScales(*view.session, options, view.summaries);
  } catch (const Error& error) {
    errors_.emplace_back(error.what());
  }
  if (!heatmap_) heatmap_ = std::make_unique<HeatmapPass>(*context_, target_.renderPass());
  retire(document.tables);
  document.tables = std::make_shared<ScaleTables>(*context_, content.scales);
  document.dirty = true;
  countBeyond(document);
  try {
    const ShownCells shown(*view.cells, view.session->result->grid.columns());
    setOnsets(content, *view.session, shown, document.options.settings());
  } catch (const Error& error) {
    errors_.emplace_back(error.what());
  }
}

void Viewer::nextMetric(int step) {
  const Plan& plan = current().view->session->plan;
  if (plan.metrics.empty()) return;
  std::vector<const Metric*> choices;  // those that need what the plan has
  for (const Metric& metric : metrics())
    if (metric.parameter().empty() && metric.needs != Needs::Target) choices.push_back(&metric);
  const auto now = std::find_if(choices.begin(), choices.end(),
                                [&](const Metric* metric) { return metric->name == plan.metrics.front().text; });
  const auto count = int(choices.size());
  const int at = now == choices.end() ? 0 : (int(now - choices.begin()) + step + count) % count;
  change([&](ViewOptions& options) { options.set("--metric", choices[size_t(at)]->name); });
}

}  // namespace divlens
