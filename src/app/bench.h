#pragma once
#include <string>

#include "app/options.h"
#include "error.h"

namespace divlens {

struct BenchReport {
  std::string text;
  Exit exit = Exit::Done;  ///< Failure where values are wrong
};
/// Measures this device in one run: how fast rows can be read at all, what the metrics make of it for several element
/// types and vocabularies, and how fast a file in the page cache becomes a grid, leg by leg; as a table, or as JSON
/// with
/// --json; with --viewer the frame times of the window instead.
/// Every case is compared with double precision before it is timed; one that is wrong is marked.
BenchReport runBench(const Settings& settings);

}  // namespace divlens
