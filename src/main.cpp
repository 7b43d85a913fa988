#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <exception>
#include <nlohmann/json.hpp>
#include <string_view>

#include "app/commands.h"
#include "app/options.h"
#include "app/ranks.h"
#include "error.h"
#include "figure/colormap.h"

using namespace divlens;

namespace {

/// A standard stream that is closed would be the first file that is opened, and words or data would go into it.
void holdStandardStreams() {
  // Standard output stays one that cannot be written: its loss must be noticed.
  while (true) {
    const int free = open("/dev/null", O_RDONLY);
    if (free < 0) return;
    if (free > STDERR_FILENO) {
      close(free);
      return;
    }
    if (free != STDERR_FILENO) continue;
    const int words = open("/dev/null", O_WRONLY);
    dup2(words, STDERR_FILENO);
    close(words);
  }
}

/// The one place that prints an error: a paragraph, or one line of JSON with --json. It ends all processes of a job.
int report(Exit code, std::string_view message, bool json) {
  const bool speaks = speaksFor(code);
  if (speaks && json)
    fmt::print(stderr, "{}\n",
               nlohmann::json{{"error", {{"code", int(code)}, {"message", message}}}}.dump(
                   -1, ' ', false, nlohmann::json::error_handler_t::replace));
  else if (speaks)
    fmt::print(stderr, "divlens: {}\n", message);
  abandonRanks(int(code));
  return int(code);
}

}  // namespace

int main(int argc, char** argv) {
  holdStandardStreams();
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of write(2)
  bool json = false;
  for (int i = 1; i < argc; ++i) json = json || std::string_view(argv[i]) == "--json";
  try {
    const Settings settings = parseOptions(argc, argv, {.colormaps = colormapNames});
    return int(runCommand(settings));
  } catch (const Error& error) {
    return report(error.code(), error.what(), json);
  } catch (const std::bad_alloc&) {
    return report(Exit::Budget, "out of memory; keep less with --select, or lower --max-ram", json);
  } catch (const std::exception& error) {
    return report(Exit::Failure, error.what(), json);
  }
}
