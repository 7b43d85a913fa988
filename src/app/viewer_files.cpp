// What leaves the window and what stays: figures, commands, the view's state, recent files.
#include <fmt/format.h>
#include <imgui.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "app/outputs.h"
#include "app/viewer.h"
#include "error.h"
#include "figure/atomic_file.h"
#include "figure/figure_style.h"
#include "figure/marginals.h"

namespace divlens {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr size_t kMostRecent = 12, kMostViews = 200;

/// $XDG_STATE_HOME/divlens/views.json, or in ~/.local/state; empty where there is no home.
fs::path stateFile() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  if (state && state[0] == '/') return fs::path(state) / "divlens" / "views.json";
  if (home && home[0] == '/') return fs::path(home) / ".local" / "state" / "divlens" / "views.json";
  return {};
}

/// {"recent": [path, …], "views": {path: {"options": [word, …], "span": [4 numbers]}}}; empty where it cannot be read.
Json readState() {
  std::ifstream in(stateFile(), std::ios::binary);
  Json state = in ? Json::parse(in, nullptr, false) : Json::object();
  if (!state.is_object()) state = Json::object();
  if (!state.contains("recent") || !state["recent"].is_array()) state["recent"] = Json::array();
  if (!state.contains("views") || !state["views"].is_object()) state["views"] = Json::object();
  return state;
}

/// A view that cannot be kept is no reason to trouble anybody.
void writeState(const Json& state) {
  const fs::path path = stateFile();
  if (path.empty()) return;
  std::error_code ignored;
  fs::create_directories(path.parent_path(), ignored);
  try {
    AtomicFile file(path.string());
    const std::string text = state.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
    file.write(std::as_bytes(std::span(text)));
    file.commit();
  } catch (const Error&) {
    return;
  }
}

/// The dumps' absolute paths, a line each.
std::string stateKey(const Document& document) {
  std::string key;
  for (const std::string& dump : document.options.settings().dumps) {
    std::error_code failed;
    const fs::path path = fs::absolute(dump, failed);
    key += (key.empty() ? "" : "\n") + (failed ? dump : path.lexically_normal().string());
  }
  return key;
}

}  // namespace

std::vector<std::string> Viewer::recentFiles() {
  std::vector<std::string> out;
  const Json state = readState();
  for (const Json& path : state["recent"])
    if (path.is_string()) out.push_back(path.get<std::string>());
  return out;
}

void Viewer::keepState(const Document& document) const {
  if (!document.view || document.difference) return;
  const std::string key = stateKey(document);
  Json state = readState();
  Json recent = Json::array();
  if (!document.several()) recent.push_back(key);
  for (const Json& path : state["recent"])
    if (path.is_string() && path != key && recent.size() < kMostRecent) recent.push_back(path);
  state["recent"] = recent;
  const Span& span = document.look.span();
  Json view{{"options", document.options.words()}};
  if (document.look.zoomed()) view["span"] = {span.rowBegin, span.rowEnd, span.columnBegin, span.columnEnd};
  if (state["views"].size() >= kMostViews) state["views"].clear();
  state["views"][key] = view;
  writeState(state);
}

// What the command line says wins over what was kept.
void Viewer::takeState(Document& document) const {
  if (!document.options.words().empty()) return;
  const Json state = readState();
  const auto found = state["views"].find(stateKey(document));
  if (found == state["views"].end() || !found->is_object()) return;
  try {
    document.options.replace(found->value("options", std::vector<std::string>()));
    const auto span = found->value("span", std::vector<double>());
    if (span.size() == 4) document.wanted = Span{span[0], span[1], span[2], span[3]};
  } catch (const std::exception&) {
    document.options.replace({});  // of another version, say
  }
}

void Viewer::resetView() {
  Document& document = current();
  change([](ViewOptions& options) { options.replace({}); });
  document.look.fit();
  document.pins.clear();
  Json state = readState();
  state["views"].erase(stateKey(document));
  writeState(state);
  message_ = "the view is as the dump alone says";
}

std::string Viewer::savedName() const {
  const Document& document = *documents_[current_];
  if (!document.several()) return fs::path(document.name).stem().string() + ".png";
  std::string name;
  for (const std::string& dump : document.options.settings().dumps)
    name += (name.empty() ? "" : "-") + fs::path(dump).stem().string();
  return name + ".png";
}

/// What `divlens render` must be told to make what is seen.
ViewOptions Viewer::exportOptions(const Document& document) const {
  ViewOptions options = document.options;
  const Span& span = document.look.span();
  if (document.look.zoomed()) {
    options.set("--xlim", fmt::format("{},{}", span.columnBegin, span.columnEnd));
    options.set("--ylim", fmt::format("{},{}", span.rowBegin, span.rowEnd));
  }
  // The window's margins beside a threshold are bars in a file.
  int margin = 0;
  if (document.figure().threshold && !options.has("--marginals")) {
    options.set("--marginals", "beyond");
    margin = int(marginalRoom(options.settings().figure, FigureStyle(liveOptions(document))));
  }
  // A size of one's own is for the page; else the figure is as large as in the window.
  if (!options.has("--figsize") && !options.has("--size")) {
    options.set("--figsize", fmt::format("{},{}px", document.size.width + margin, document.size.height + margin));
    if (!options.has("--dpi")) options.set("--dpi", fmt::format("{}", liveOptions(document).dpi));
  }
  return options;
}

std::vector<std::string> Viewer::renderWords(const Document& document, const std::string& output) const {
  std::vector<std::string> words = {"render"};
  for (const std::string& dump : document.options.settings().dumps) words.push_back(dump);
  for (std::string& word : exportOptions(document).words()) words.push_back(std::move(word));
  words.insert(words.end(), {"-o", output});
  return words;
}

void Viewer::save(const std::string& path) {
  Document& document = current();
  try {
    if (!document.view || !document.view->complete || document.loader.progress().running)
      throw Error(Exit::Failure, "the grid is still being computed; save it once it is complete");
    Settings settings = exportOptions(document).settings();
    settings.command = "render";
    settings.arguments = document.difference
                             ? std::vector<std::string>{"view", documents_[0]->name, documents_[1]->name}
                             : renderWords(document, path);
    settings.outputs = {{path, outputFormat(path, "")}};
    AtomicFile file(path);
    const Session& session = *document.view->session;
    const Cells& cells = *document.view->cells;
    Pictures pictures(session, settings);
    const std::string bytes = outputBytes(session, cells, settings, settings.outputs[0].format->writer, pictures);
    file.write(std::as_bytes(std::span(bytes)));
    file.commit();
    message_ = "saved " + path;
    status(message_);
  } catch (const Error& error) {
    errors_.emplace_back(error.what());
    status(std::string("error: ") + error.what());
  }
  events_.wake();
}

void Viewer::copyCommand() {
  Document& document = current();
  if (document.difference) {
    errors_.emplace_back("the difference of two files has no command of its own: save it, or copy those of the two");
    events_.wake();
    return;
  }
  const std::string line = "divlens " + shellLine(renderWords(document, savedName()));
  ImGui::SetClipboardText(line.c_str());
  message_ = "copied the command";
  status("copied command: " + line);
  events_.wake();
}

}  // namespace divlens
