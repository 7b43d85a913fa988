#pragma once
#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "app/content.h"
#include "app/session.h"

namespace divlens {

/// Number, size and time of each file that a plan reads.
using FileStamps = std::vector<std::array<int64_t, 3>>;

/// What there is to see of a dump: the grid on the device, whole or as far as it is computed, and its cells as read
/// back.
struct View {
  Settings settings;  ///< that it was made with
  std::shared_ptr<const Session> session;
  std::shared_ptr<const Cells> cells;
  std::vector<CellSummary> summaries;
  std::shared_ptr<FigureContent> content;  ///< refers to `cells`; the window's own to change
  bool complete = false;
  bool quick = false;            ///< any percentile of the cells is found between two frames
  double seconds = 0;            ///< of the evaluation so far
  FileStamps stamps;             ///< before anything was read
  std::vector<float> histogram;  ///< of the first scale's finite cells: counts in bins from the least to the largest
};

/// What the loader is doing.
struct LoadProgress {
  bool running = false;
  uint64_t done = 0, total = 0;  ///< bytes; total 0: not known yet
  double seconds = 0;
};

/// Opens, plans and evaluates on a thread of its own, so that a window never waits; the newest request wins.
class ViewLoader {
 public:
  /// `wake` is called from the loader's thread whenever there is something new.
  ViewLoader(std::shared_ptr<const gpu::Context> context, std::function<void()> wake);
  /// Cancels within a tile.
  ~ViewLoader();
  ViewLoader(const ViewLoader&) = delete;
  ViewLoader& operator=(const ViewLoader&) = delete;

  /// What to show from now on. Where `planKey` is that of the last view, only what it says about its cells is made
  /// anew; `reload` reads the files again all the same.
  void request(const Settings& settings, const std::string& planKey, bool reload = false);
  /// The newest view, once; null while there is none.
  std::shared_ptr<View> takeView();
  /// Why the last request came to nothing, once.
  std::optional<std::string> takeError();
  /// What is to be said about the newest view's numbers, once.
  std::optional<std::string> takeNote();
  LoadProgress progress() const;
  /// True where a file has changed since the view was read from it.
  static bool changed(const View& view);

 private:
  struct Request {
    Settings settings;
    std::string planKey;
    bool reload = false;
  };
  void run();
  void load(const Request& request);
  void compute(const Request& request);
  void publish(const Request& request, bool complete);
  void preview(const Request& request);
  void judge(const Request& request);
  static FileStamps stampsOf(const Plan& plan);

  std::shared_ptr<const gpu::Context> context_;
  std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Request> next_;
  std::shared_ptr<View> view_;
  std::optional<std::string> error_, note_;
  bool stop_ = false;
  std::atomic<int> cancel_{0};
  std::atomic<bool> running_{false};
  std::atomic<uint64_t> done_{0}, total_{0};
  std::atomic<double> start_{0};
  // Of the loader's thread alone.
  std::shared_ptr<Session> session_;
  std::shared_ptr<const Cells> cells_;
  std::string key_;        ///< of session_
  bool complete_ = false;  ///< session_ is computed
  FileStamps stamps_;
  double readSeconds_ = 0, lastPreview_ = 0;
  std::thread thread_;
};

}  // namespace divlens
