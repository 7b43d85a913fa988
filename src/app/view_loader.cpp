#include "app/view_loader.h"

#include <sys/stat.h>

#include <chrono>
#include <cmath>
#include <exception>

#include "app/several.h"
#include "error.h"

namespace divlens {
namespace {

constexpr int64_t kMostQuick = int64_t{1} << 22;  // cells whose percentiles a processor finds between two frames
constexpr double kPreviewShare = 10;              // previews may take a tenth of the time

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

int64_t cellCount(const Cells& cells) {
  int64_t count = 0;
  for (const auto& panel : cells) count += int64_t(panel.size());
  return count;
}

std::vector<float> histogramOf(const Cells& cells, const FigureContent& content, const DataRange& range) {
  constexpr size_t kBins = 96;
  if (!(range.max > range.min)) return {};
  std::vector<float> bins(kBins, 0);
  const double scale = double(kBins) / (range.max - range.min);
  for (size_t panel = 0; panel < cells.size(); ++panel) {
    if (content.scale(int(panel)) != 0) continue;
    for (const float v : cells[panel])
      if (std::isfinite(v) && double(v) >= range.min && double(v) <= range.max)
        ++bins[std::min(kBins - 1, size_t((double(v) - range.min) * scale))];
  }
  return bins;
}

}  // namespace

ViewLoader::ViewLoader(std::shared_ptr<const gpu::Context> context, std::function<void()> wake)
    : context_(std::move(context)), wake_(std::move(wake)), thread_([this] { run(); }) {}

ViewLoader::~ViewLoader() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    cancel_ = int(Exit::Interrupted);
  }
  changed_.notify_all();
  thread_.join();
}

void ViewLoader::request(const Settings& settings, const std::string& planKey, bool reload) {
  {
    const std::lock_guard lock(mutex_);
    const bool again = reload || (next_ && next_->reload);
    next_ = Request{settings, planKey, again};
    // What is being computed goes on where only its looks change.
    if (running_ && (again || planKey != key_)) cancel_ = int(Exit::Interrupted);
  }
  changed_.notify_all();
}

std::shared_ptr<View> ViewLoader::takeView() {
  const std::lock_guard lock(mutex_);
  return std::exchange(view_, nullptr);
}

std::optional<std::string> ViewLoader::takeNote() {
  const std::lock_guard lock(mutex_);
  return std::exchange(note_, std::nullopt);
}

std::optional<std::string> ViewLoader::takeError() {
  const std::lock_guard lock(mutex_);
  return std::exchange(error_, std::nullopt);
}

LoadProgress ViewLoader::progress() const {
  const bool running = running_;
  return {running, done_, total_, running ? now() - start_ : 0};
}

void ViewLoader::run() {
  while (true) {
    Request request;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stop_ || next_; });
      if (stop_) return;
      request = std::move(*next_);
      next_.reset();
      cancel_ = 0;
      start_ = now();
      done_ = total_ = 0;
      running_ = true;
    }
    std::optional<std::string> failure;
    try {
      load(request);
    } catch (const Error& error) {
      if (cancel_ == 0) failure = error.what();
    } catch (const std::bad_alloc&) {
      failure = "out of memory; keep less with --select";
    } catch (const std::exception& error) {
      failure = error.what();
    }
    {
      const std::lock_guard lock(mutex_);
      running_ = false;
      if (failure) error_ = failure;
    }
    wake_();
  }
}

void ViewLoader::load(const Request& request) {
  const bool same = session_ && complete_ && request.planKey == key_ && !request.reload;
  if (same)
    publish(request, true);
  else
    compute(request);
}

void ViewLoader::compute(const Request& request) {
  auto session = std::make_shared<Session>();
  session->context = context_;
  const Settings own = settingsOfEach(request.settings);
  planSession(*session, own);
  const auto others = planOthers(*session, request.settings);
  const FileStamps before = stampsOf(session->plan);
  wake_();
  {
    const std::lock_guard lock(mutex_);
    key_ = request.planKey;
    complete_ = false;
  }
  session_ = session;
  stamps_ = before;
  lastPreview_ = now();
  EvaluateOptions options{.progress =
                              [this](uint64_t done, uint64_t total) {
                                done_ = done;
                                total_ = total;
                              },
                          .cancel = &cancel_,
                          .preview = {}};
  const auto preview = [&] { this->preview(request); };
  if (others.empty()) options.preview = preview;  // panels of several dumps come together
  evaluateSession(*session, own, options);
  joinOthers(*session, others, request.settings, options);
  Cells cells = readCells(*session, session->result->grid);
  maskUncertain(*session, cells, request.settings);
  cells_ = std::make_shared<const Cells>(std::move(cells));
  if (stampsOf(session->plan) != before)
    throw Error(Exit::BadInput,
                request.settings.dumps.front() + ": changed while it was read; reload it with F5 once it is written");
  complete_ = true;
  publish(request, true);
  judge(request);
}

// Cells that the dump's numbers do not resolve are read again: once there is something to see, and nothing else to do.
void ViewLoader::judge(const Request& request) {
  {
    const std::lock_guard lock(mutex_);
    if (next_ || stop_) return;
  }
  judgeCells(*session_, *cells_, request.settings);
  if (!session_->resolution || session_->resolution->cells == 0) return;
  const std::lock_guard lock(mutex_);
  note_ = session_->resolution->text();
}

// Reading the cells back must not take much of the time in which they could be computed.
void ViewLoader::preview(const Request& request) {
  wake_();
  if (now() - lastPreview_ < kPreviewShare * readSeconds_) return;
  const double from = now();
  cells_ = std::make_shared<const Cells>(readCells(*session_, session_->result->grid));
  publish(request, false);
  lastPreview_ = now();
  readSeconds_ = lastPreview_ - from;
}

void ViewLoader::publish(const Request& request, bool complete) {
  Settings settings = request.settings;
  {
    const std::lock_guard lock(mutex_);
    // Newer looks of the same numbers.
    if (next_ && !next_->reload && next_->planKey == request.planKey) {
      settings = next_->settings;
      if (!complete) next_->settings = settings;
    }
  }
  auto view = std::make_shared<View>();
  view->settings = settings;
  view->session = session_;
  view->cells = cells_;
  view->stamps = stamps_;
  view->complete = complete;
  view->seconds = now() - start_;
  const ShownCells shown(*cells_, session_->result->grid.columns());
  view->summaries = summarise(*session_, shown, settings.figure);
  view->quick = complete && (cellCount(*cells_) <= kMostQuick || !context_->isCpu());
  view->content = std::make_shared<FigureContent>(figureContent(*session_, shown, settings, view->summaries));
  view->histogram = histogramOf(*cells_, *view->content, view->summaries.front().range);
  {
    const std::lock_guard lock(mutex_);
    view_ = std::move(view);
  }
  wake_();
}

FileStamps ViewLoader::stampsOf(const Plan& plan) {
  FileStamps stamps;
  for (const PlanInput& input : plan.inputs) {
    struct stat file{};
    if (stat(input.path.c_str(), &file) != 0) file = {};
    stamps.push_back({int64_t(file.st_ino), int64_t(file.st_size),
                      int64_t(file.st_mtim.tv_sec) * 1'000'000'000 + file.st_mtim.tv_nsec});
  }
  return stamps;
}

bool ViewLoader::changed(const View& view) { return stampsOf(view.session->plan) != view.stamps; }

}  // namespace divlens
