#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/options.h"
#include "divergence/evaluate.h"
#include "divergence/resolution.h"
#include "divergence/verify.h"
#include "gpu/context.h"

namespace divlens {

/// What compute and render have in common: the dump opened, the plan made, the device chosen, the grid evaluated.
struct Session {
  Share share;         ///< of several processes
  int deviceTurn = 0;  ///< this process's number on this machine: each takes another device
  Dump dump;
  Plan plan;
  std::shared_ptr<const gpu::Context> context;
  std::optional<Result> result;
  std::vector<std::string> otherDumps;       ///< paths of those whose panels stand beside the first one's
  std::optional<Verification> verification;  ///< of --verify
  std::string checkpoint;                    ///< the file of --resume, to be removed when all is written
  std::vector<std::vector<float>> whole;     ///< the cells before --ci-mask hid some: what onsets are found in
  std::optional<Resolution> resolution;      ///< of cells that rounding to the dump's type could make
};

/// Set by SIGINT and SIGTERM to the signal's number, by SIGHUP to that of SIGTERM.
const std::atomic<int>& interruptFlag();
/// From now on SIGINT and SIGTERM set interruptFlag(); a second one ends the process at once.
void catchInterrupts();

/// Opens and plans `settings.dumps[0]`, with notes on stderr.
void planSession(Session& session, const Settings& settings);
/// Evaluates a planned session, which has a context, with warnings on stderr; the result exists as soon as its grids
/// do, and `started` is called.
void evaluateSession(Session& session, const Settings& settings, EvaluateOptions options,
                     const std::function<void()>& started = {});
/// The device that the settings name, with validation where the environment asks for it.
gpu::ContextOptions contextOptions(const Settings& settings);
/// All of that for `settings.dumps[0]`, with notes and progress on stderr; the session must not be moved
/// afterwards.
void openSession(Session& session, const Settings& settings);
/// With --verify, once a session: recomputes some of `cells` in double precision; Error(Failure) where they differ.
/// `dump` names it among several.
void verifyCells(Session& session, const std::vector<std::vector<float>>& cells, const Settings& settings,
                 const std::string& dump = "");
/// Counts the cells that the dump's element type does not resolve, and says so.
void judgeCells(Session& session, const std::vector<std::vector<float>>& cells, const Settings& settings);
/// With --ci-mask: masks the cells, also on the device, whose interval includes the value.
void maskUncertain(Session& session, std::vector<std::vector<float>>& cells, const Settings& settings);
/// Validation messages (with DIVLENS_VALIDATION=1 in the environment) make the run fail: Error(Failure) that lists
/// them.
void checkValidation(const gpu::Context& context);

/// Prints one line "divlens: …" on stderr, unless --quiet; with --json warnings alone, as JSON.
void say(const Settings& settings, const std::string& text);
/// The same of warnings, the first of which is Error(Failure) under --strict.
void warn(const Settings& settings, const std::vector<std::string>& warnings);

}  // namespace divlens
