#include <fmt/format.h>

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
