#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "divergence/plan.h"
#include "figure/options.h"

namespace divlens {

enum class Writer { Png, Pdf, Svg, Npy, Csv, Tsv, Json };

/// One row of the table of what -o can write.
struct OutputFormat {
  const char* name;    ///< for --format: "npy"
  const char* suffix;  ///< ".npy"
  Writer writer;
  bool figure;  ///< a picture, which `compute` does not make
};
const std::vector<OutputFormat>& outputFormats();

struct Output {
  std::string path;  ///< "-": standard output
  const OutputFormat* format = nullptr;
};

struct OptionRow;

/// An option as it was given; the text is empty for a flag.
struct GivenOption {
  const OptionRow* row = nullptr;
  std::string text;
};

/// Everything that the command line said.
struct Settings {
  std::string command;             ///< a name from commands(); empty when `text` is all there is to do
  std::string text;                ///< of --help or --version: print it and be done
  std::vector<std::string> dumps;  ///< as given, "PATH" or "PATH:TENSOR"
  PlanOptions plan;
  FigureOptions figure;
  std::vector<Output> outputs;
  std::string from;    ///< a picture whose command is printed
  std::string format;  ///< --format, for outputs whose suffix says nothing
  std::string device = "auto";
  uint64_t maxGpuMemory = 0;    ///< bytes; 0: what the device offers
  uint64_t maxRam = 0;          ///< bytes; 0: what the machine offers
  std::string resume;           ///< file that keeps what is computed, so that a cut run can go on
  std::vector<std::string> at;  ///< of explain: "AXIS=SPEC"
  int64_t top = 20;             ///< of explain: entries that are listed
  std::string tokenizer;        ///< of explain: path of a tokenizer.json
  int64_t verify = 0;           ///< cells that are recomputed in double precision
  bool benchViewer = false;     ///< of bench: the window's frames instead
  bool benchTune = false;       ///< of bench: KL and JSD for each choice of workgroups instead
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  bool strict = false;
  std::vector<GivenOption> given;      ///< option by option, so that a window can change one and say the command again
  std::vector<std::string> arguments;  ///< argv after the program's name, for metadata
};

/// One row of the table of subcommands; what runs them is in main's table of the same names.
struct Command {
  const char* name;
  const char* usage;  ///< what follows the name
  const char* help;   ///< one line
  unsigned sections;  ///< bits of the sections of options that it takes
  size_t fewestDumps, mostDumps;
  bool writes;  ///< needs -o
};
const std::vector<Command>& commands();

/// Sections of options, as bits of Command::sections and as headings of the help.
inline constexpr unsigned kPlanSection = 1;
inline constexpr unsigned kFigureSection = 2;
inline constexpr unsigned kOutputSection = 4;
inline constexpr unsigned kDeviceSection = 8;
inline constexpr unsigned kCommonSection = 16;
inline constexpr unsigned kExplainSection = 32;
inline constexpr unsigned kBenchSection = 64;

/// One option, one row: the help, the parser and the suggestions read it.
struct OptionRow {
  unsigned section;
  const char* names;  ///< as CLI11 takes them: "-o,--output"
  const char* value;  ///< what it is called in the help; nullptr: a flag; "[=X]": a flag that may take one
  const char* help;
  void (*apply)(Settings& settings, const std::string& text);  ///< once for each time that the option is given
};
const std::vector<OptionRow>& optionRows();

/// Lists that other rooms know and the help shows; an empty function leaves the list out.
struct HelpLists {
  std::function<std::vector<std::string>()> colormaps;
};

/// Applies an option and notes that it was given.
void give(Settings& settings, const OptionRow& row, const std::string& text);
/// Reads argv; Error(Usage) with a suggestion for what it does not know.
Settings parseOptions(int argc, const char* const* argv, const HelpLists& lists = {});

/// A finite number in the C locale; Error(Usage) naming `option`.
double parseNumber(const std::string& text, std::string_view option);
/// "2G", "512M", "1.5GiB", "4096": bytes, in powers of 1024; Error(Usage) naming `option`.
uint64_t parseBytes(const std::string& text, std::string_view option);
/// The row for `path` by its suffix, else by `format`; Error(Usage) that lists what can be written.
const OutputFormat* outputFormat(const std::string& path, const std::string& format);

}  // namespace divlens
