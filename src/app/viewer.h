#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/document.h"
#include "app/options.h"
#include "app/viewer_keys.h"
#include "figure/heatmap_pass.h"
#include "figure/imgui_backend.h"
#include "figure/list_painter.h"
#include "gpu/window.h"

namespace divlens {

/// How a message begins that goes once the file is read.
inline constexpr const char* kReading = "reading ";

/// The window of `divlens view`: the figure's layout drawn live, with panels around it.
class Viewer {
 public:
  /// Opens the window and begins to load; Error(NoDevice) where there is no display or no device.
  explicit Viewer(const Settings& settings);
  ~Viewer();
  Viewer(const Viewer&) = delete;
  Viewer& operator=(const Viewer&) = delete;
  /// Returns when the window is closed; Error where display or device go away, or a signal asks for the end.
  void run();

 private:
  // viewer.cpp: the loop
  void frame();
  void poll();
  void poll(Document& document);
  void accept(Document& document, std::shared_ptr<View> view);
  void render(ListPainter& painter);
  void retire(std::shared_ptr<const void> what) { retired_.emplace_back(frames_, std::move(what)); }
  void status(const std::string& text) const;

  // viewer_documents.cpp: dumps that are open, and their options
  void open(const Settings& settings);
  void openFiles(const std::vector<std::string>& paths);
  void show(size_t number);
  void close(size_t number);
  void reload();
  void tryOptions(const Document& document);
  void change(const std::function<void(ViewOptions&)>& edit);
  void recolor(Document& document);
  void nextMetric(int step);
  void showTitle();
  Document& current() { return *documents_[current_]; }

  // viewer_figure.cpp: the figure and what lies over it
  FigureOptions liveOptions(const Document& document) const;
  PixelSize layoutSize(const Document& document) const;
  void layOut(Document& document);
  void paintFigure(ListPainter& painter);
  void paintOver(ListPainter& painter);
  struct FrameCells;
  FrameCells& frameCells();
  DisplayList tooltip(const Document& document);
  void addMinimap(DisplayList& list, const Document& document) const;
  void addPins(DisplayList& list, const Document& document) const;
  void addCursors(DisplayList& list, const Document& document) const;
  std::optional<Rect> cellRect(const Document& document, int panel, int64_t row, int64_t column) const;

  // viewer_threshold.cpp
  bool layered(const Document& document) const;
  void countBeyond(Document& document) const;
  void takeCounts(Document& document);
  void addBeyond(DisplayList& list, const Document& document) const;
  void addMargins(DisplayList& list, const Document& document, const HeatmapArea& area) const;
  std::optional<int> barAt(const Document& document, float x, float y) const;
  void dragBar(const Document& document, float y);

  // viewer_compare.cpp: two files and their difference
  void linkLooks(const Document& from, Document& to) const;
  void showDifference();
  void showSideBySide();

  // viewer_input.cpp: mouse and keys over the figure
  void input();
  void mouse(Document& document);
  void press(const Document& document, float x, float y);
  void release(Document& document, float x, float y);
  void drag(Document& document, float x, float y);
  void beginBox(const Document& document, float x, float y);
  void endBox(Document& document, float x, float y);
  void keys(Document& document);
  void referenceUnderCursor(Document& document);

  // viewer_panel.cpp: the panel
  void panel();
  bool section(const char* name, bool open);
  void textOption(const char* label, const char* option, const char* hint);
  void choiceOption(const char* label, const char* option, const std::vector<std::string>& choices,
                    const std::string& shown);
  void flagOption(const char* label, const char* option);
  void setOption(const char* option, const std::string& text);
  void setThreshold(double value);
  void buttons();
  void metricSection(Document& document);
  void dataSection(Document& document);
  void colorSection(Document& document);
  void histogram(Document& document);
  void thresholdSection(Document& document);
  void figureSection();

  // viewer_windows.cpp: what else surrounds the figure
  void interface();
  void globalKeys();
  void tabs();
  void statusLine();
  void errors();
  void help();
  bool pathField(std::string& path, const char* use, bool& shown);
  void saveDialog();
  void openDialog();

  // viewer_pins.cpp
  void pin(Document& document, const Spot& spot);
  void unpin(Document& document, size_t number);
  void explainPins(Document& document);
  void explainPin(Document& document, Pin& pin);
  void pinWindow();
  void pinTable(const Pin& pin);
  void tokenText(const std::string& text);
  void profiles(const Document& document);
  void drawProfile(ImDrawList& drawing, ImVec2 from, ImVec2 size, const std::vector<float>& line, double low,
                   double high, ImU32 color) const;
  void copyText();

  // viewer_files.cpp: what leaves the window, and what is kept of it
  static std::vector<std::string> recentFiles();
  void keepState(const Document& document) const;
  void takeState(Document& document) const;
  void resetView();
  std::string savedName() const;
  ViewOptions exportOptions(const Document& document) const;
  std::vector<std::string> renderWords(const Document& document, const std::string& output) const;
  void save(const std::string& path);
  void copyCommand();

  float px(float points) const { return points * scale_; }
  float panelWidth() const { return panelShown_ && wide_ ? px(310) : 0; }
  float statusHeight() const { return px(26); }
  float pinHeight() const;

  gpu::Window window_;
  std::shared_ptr<const gpu::Context> context_;
  gpu::WindowTarget target_;
  float scale_;
  TextShaper shaper_;
  ImGuiBackend imgui_;
  std::unique_ptr<HeatmapPass> heatmap_;  ///< made with the first cells: the window opens before
  TextPass texts_;
  std::vector<std::unique_ptr<gpu::DescriptorPool>> pools_;
  std::deque<std::pair<uint64_t, std::shared_ptr<const void>>> retired_;  ///< what frames under way may still read
  uint64_t frames_ = 0;
  double lastDrawn_ = 0, lastStaleCheck_ = 0;
  WindowEvents events_;
  ListPainter* painter_ = nullptr;  ///< of the frame that is being made
  std::unique_ptr<CellReducer> reducer_;
  /// What the areas of a frame show: those of the figure, and those over it.
  struct FrameCells {
    FrameCells(CellReducer& reducer, const gpu::Context& context) : figure(reducer), over(reducer), commands(context) {}
    CellViews figure, over;
    gpu::Commands commands;
  };
  std::vector<std::unique_ptr<FrameCells>> frameCells_;
  std::optional<HeatmapCells> cells_, overCells_;

  std::vector<std::unique_ptr<Document>> documents_;
  size_t current_ = 0;
  std::vector<std::string> errors_;
  std::string message_;  ///< in the status line: what was done last
  bool panelShown_ = true, helpShown_ = false, saveShown_ = false, openShown_ = false, selectTab_ = false;
  bool verbose_ = false, quit_ = false;
  bool wide_ = true;                          ///< the window has room for the panel
  std::map<std::string, std::string> edits_;  ///< texts that are being typed, by option
  std::string savePath_, openPath_;
  std::vector<std::string> recent_;
  float percentile_ = 95;
  bool dragsUpper_ = false;

  bool boxing_ = false, dragging_ = false, moved_ = false;
  double clickAt_ = -1;  ///< when the figure was last pressed for the first time, and how many pins there were
  size_t clickPins_ = 0;
  int panel_ = 0;  ///< where the button went down
  std::optional<int> barScale_;
  float mouseX_ = 0, mouseY_ = 0, boxX_ = 0, boxY_ = 0, pressX_ = 0, pressY_ = 0, dragX_ = 0, dragY_ = 0;
  float mouseRatio_ = 1;  ///< pixels for each of the window's coordinates
  PixelSize figureSize_;
};

/// "token 5: ·Paris", or "layer 17" where the label is the position.
std::string entryText(const FigureAxis& axis, int64_t entry);
/// "0.125", "masked", "not computed yet".
std::string cellText(const Document& document, int panel, int64_t row, int64_t column);

/// `divlens view`.
void runViewer(const Settings& settings);

}  // namespace divlens
