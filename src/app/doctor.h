#pragma once
#include <string>

#include "app/options.h"
#include "error.h"

namespace divlens {

/// What works here and what is missing, for people or with --json.
struct Diagnosis {
  std::string text;
  Exit exit = Exit::Done;  ///< NoDevice where nothing can be computed, Failure where values are wrong
};
Diagnosis runDoctor(const Settings& settings);

}  // namespace divlens
