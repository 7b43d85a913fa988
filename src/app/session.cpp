#include "app/session.h"

#include <fmt/format.h>
#include <unistd.h>

#include <bit>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "app/info.h"
#include "app/memory_budget.h"
#include "app/pipeline_files.h"
#include "app/resume.h"
#include "app/top_tokens.h"
#include "divergence/user_shader.h"
#include "divergence/weight_cells.h"
#include "divergence/weight_speed.h"
#include "dump/escape.h"
#include "error.h"
#include "shaders/kernels.h"

namespace divlens {
namespace {

std::atomic<int> signalCaught{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

void onSignal(int signal) {
  // The second one is meant: the run may be stuck in a driver.
  if (signalCaught.exchange(signal == SIGHUP ? SIGTERM : signal) != 0) std::_Exit(128 + signal);
}

/// A line on a terminal that is drawn over: percent, rate, time left.
class ProgressLine {
 public:
  explicit ProgressLine(bool shown) : shown_(shown), start_(Clock::now()), last_(start_) {}
  ~ProgressLine() {
    if (drawn_) fmt::print(stderr, "\r\033[K");
  }
  void update(uint64_t done, uint64_t total) {
    const auto now = Clock::now();
    if (!shown_ || total == 0 || now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    drawn_ = true;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const double rate = double(done) / seconds;
    fmt::print(stderr, "\r\033[K{:3.0f} %  {} of {}  {}/s  {:.0f} s left", 100.0 * double(done) / double(total),
               humanBytes(done), humanBytes(total), humanBytes(uint64_t(rate)), double(total - done) / rate);
    std::fflush(stderr);
  }

 private:
  using Clock = std::chrono::steady_clock;
  bool shown_;
  bool drawn_ = false;
  Clock::time_point start_, last_;
};

}  // namespace

const std::atomic<int>& interruptFlag() { return signalCaught; }

void catchInterrupts() {
  struct sigaction action{};
  action.sa_handler = onSignal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGHUP, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

void say(const Settings& settings, const std::string& text) {
  if (settings.quiet) return;
  constexpr std::string_view kWarning = "warning: ";
  if (!settings.json) return fmt::print(stderr, "divlens: {}\n", text);
  // What reads JSON has no use for notes.
  if (text.starts_with(kWarning))
    fmt::print(stderr, "{}\n",
               nlohmann::json{{"warning", text.substr(kWarning.size())}}.dump(
                   -1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void warn(const Settings& settings, const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) {
    if (settings.strict) throw Error(Exit::Failure, warning + "; --strict makes this an error");
    say(settings, "warning: " + warning);
  }
}

gpu::ContextOptions contextOptions(const Settings& settings) {
  const char* validation = std::getenv("DIVLENS_VALIDATION");
  const std::string level = validation ? validation : "";
  return {.device = settings.device,
          .validation = level == "1" || level == "gpu",
          .gpuAssisted = level == "gpu",
          .pipelines = [](const std::string& key) { return loadPipelines(cacheFolder(), key); },
          .asGpu = std::getenv("DIVLENS_AS_GPU") != nullptr};
}

void planSession(Session& session, const Settings& settings) {
  const DumpName name = splitDumpName(settings.dumps.at(0));
  PlanOptions options = settings.plan;
  options.open.cancel = &interruptFlag();
  session.dump = openDump(name.path, options.open);
  for (const std::string& note : session.dump.notes) say(settings, note);
  warn(settings, session.dump.warnings);
  session.plan = makePlan(session.dump, name.tensor, options);
  for (const std::string& note : session.plan.notes) say(settings, note);
  warn(settings, session.plan.warnings);
  if (settings.figure.annot == "top1") checkTopTokens(session.plan);
}

namespace {

void openDevice(Session& session, const Settings& settings) {
  gpu::ContextOptions wanted = contextOptions(settings);
  wanted.turn = session.deviceTurn;
  checkDriverSpace();
  try {
    session.context = std::make_shared<const gpu::Context>(wanted);
  } catch (const Error& error) {
    // Where addresses are few, a driver cannot even be loaded, or makes no device.
    checkAddressSpace();
    throw;
  }
  const gpu::DeviceInfo& device = session.context->info();
  say(settings, fmt::format("computing on {}{}", device.name,
                            session.context->isCpu() ? ", which is the processor: no GPU is used" : ""));
}

void evaluateWithProgress(Session& session, const Settings& settings) {
  ProgressLine progress(isatty(STDERR_FILENO) && !settings.quiet);
  evaluateSession(session, settings,
                  {.progress = [&](uint64_t done, uint64_t total) { progress.update(done, total); },
                   .cancel = &interruptFlag(),
                   .preview = {}});
}

}  // namespace

void openSession(Session& session, const Settings& settings) {
  planSession(session, settings);
  openDevice(session, settings);
  try {
    evaluateWithProgress(session, settings);
  } catch (const Error& error) {
    if (error.cause() != Error::Cause::DeviceLost || session.share.ranks > 1) throw;
    say(settings, fmt::format("warning: {} was lost; it is opened again, once", session.context->info().name));
    session.result.reset();
    session.context.reset();
    openDevice(session, settings);
    evaluateWithProgress(session, settings);
  }
}

namespace {

/// How fast tensors were read, beside what reading them costs alone.
void saySpeed(const Plan& plan, const Settings& settings, double seconds) {
  const uint64_t bytes = bytesToRead(plan);
  say(settings,
      fmt::format("read {} in {:.2f} s, {}/s; without a statistic the cells are read at {}/s", humanBytes(bytes),
                  seconds, humanBytes(uint64_t(double(bytes) / seconds)), humanBytes(uint64_t(readingAlone(plan)))));
}

/// With --resume: goes on where an earlier run was cut, and says where the next one can.
void resumeEvaluation(Session& session, const Settings& settings, EvaluateOptions options) {
  ResumeFile file(settings, session);
  if (file.found()) say(settings, fmt::format("going on from {}", escapedPath(file.path())));
  options.checkpoint = &file.checkpoint();
  try {
    evaluateInMemory(*session.result, *session.context, session.plan, options);
  } catch (const Error& error) {
    if (!file.anything()) throw;
    throw Error(error.code(),
                fmt::format("{}; {} keeps what was computed: the same command goes on from there", error.what(),
                            escapedPath(file.path())),
                error.cause());
  }
  session.checkpoint = file.path();
}

}  // namespace

void evaluateSession(Session& session, const Settings& settings, EvaluateOptions options,
                     const std::function<void()>& started) {
  checkUserMetrics(*session.context, session.plan);
  options.share = session.share;
  applyBudgets(options, *session.context, session.plan, settings);
  session.result.emplace(emptyResult(*session.context, session.plan));
  if (started) started();
  const auto start = std::chrono::steady_clock::now();
  if (settings.resume.empty())
    evaluateInMemory(*session.result, *session.context, session.plan, options);
  else
    resumeEvaluation(session, settings, options);
  if (settings.verbose && settings.resume.empty() && session.share.ranks == 1 && usesStatistics(session.plan))
    saySpeed(session.plan, settings, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  const Result& result = *session.result;
  warn(settings, result.warnings);
  if (session.plan.kind == Kind::TopK)
    say(settings,
        fmt::format("the cells are lower bounds: lists of {} entries leave up to {:.3g} of a row's probability "
                    "open",
                    session.plan.cells.shape.back(), double(result.largestRest)));
  if (result.counts.nans + result.counts.infinities == 0) return;
  const std::string text = fmt::format(
      "{} of {} values are NaN and {} are infinite; they have colours of their own and are left out of means",
      result.counts.nans, result.cells, result.counts.infinities);
  if (settings.strict && result.counts.nans == result.cells)
    throw Error(Exit::Failure, text + "; --strict makes this an error");
  say(settings, text);
}

void verifyCells(Session& session, const std::vector<std::vector<float>>& cells, const Settings& settings,
                 const std::string& dump) {
  if (settings.verify == 0 || session.verification) return;
  session.verification = verify(session.plan, session.result->panels, cells, settings.verify, &interruptFlag());
  Verification& v = *session.verification;
  if (!dump.empty()) v.where += " of " + escaped(dump);
  if (!v.passed())
    throw Error(Exit::Failure,
                fmt::format("verified {}: the device says {}, double precision {}; nothing was written. Try another "
                            "--device (divlens devices lists them) or a newer driver",
                            v.text(), v.computed, v.exact));
  say(settings, "verified " + v.text());
}

void judgeCells(Session& session, const std::vector<std::vector<float>>& cells, const Settings& settings) {
  if (settings.dumps.size() > 1) return;  // panels of several plans
  session.resolution = findUnresolved(*session.context, session.plan, session.result->panels, cells);
  if (session.resolution->cells > 0) say(settings, session.resolution->text());
}

void maskUncertain(Session& session, std::vector<std::vector<float>>& cells, const Settings& settings) {
  if (!settings.figure.ciMask) return;
  const Result& result = *session.result;
  if (!result.lower) throw Error(Exit::Usage, "--ci-mask hides cells by their interval; pass --ci 0.95 too");
  session.whole = cells;
  size_t hidden = 0, all = 0;
  for (size_t panel = 0; panel < cells.size(); ++panel) {
    const std::vector<float> lower = result.lower->read(*session.context, int64_t(panel));
    const std::vector<float> upper = result.upper->read(*session.context, int64_t(panel));
    for (size_t i = 0; i < cells[panel].size(); ++i, ++all) {
      if (!(double(lower[i]) <= *settings.figure.ciMask && *settings.figure.ciMask <= double(upper[i]))) continue;
      cells[panel][i] = std::bit_cast<float>(kernels::kMaskedBits);
      ++hidden;
    }
    result.grid.write(*session.context, int64_t(panel), cells[panel]);
  }
  say(settings, fmt::format("--ci-mask: {} of {} cells are hidden, their intervals include {}", hidden, all,
                            *settings.figure.ciMask));
}

void checkValidation(const gpu::Context& context) {
  if (context.validationMessages().empty()) return;
  std::string text = fmt::format("the Vulkan validation layer has {} messages:", context.validationMessages().size());
  for (const std::string& message : context.validationMessages()) text += "\n" + message;
  throw Error(Exit::Failure, text);
}

}  // namespace divlens
