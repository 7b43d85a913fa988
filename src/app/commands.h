#pragma once
#include "app/options.h"
#include "error.h"

namespace divlens {

/// Runs the subcommand that the settings name; data go to stdout, words to stderr. Errors are thrown.
Exit runCommand(const Settings& settings);

}  // namespace divlens
