#include "app/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <deque>
#include <optional>
#include <utility>

#include "app/help_text.h"
#include "app/repeat.h"
#include "dump/escape.h"
#include "error.h"
#include "suggest.h"

namespace divlens {
namespace {

/// Number at the start of `text` and where it ends; a '+' before it is allowed.
std::pair<std::optional<double>, std::string_view> leadingNumber(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !std::isfinite(value)) return {std::nullopt, text};
  return {value, text.substr(static_cast<size_t>(end - text.data()))};
}

/// The long names that a command takes (all of them for null), for suggestions.
std::vector<std::string> longNames(const Command* command) {
  std::vector<std::string> out = {"--help", "--version"};
  for (const OptionRow& row : optionRows()) {
    if (command != nullptr && (row.section & command->sections) == 0) continue;
    const std::string_view names = row.names;
    out.emplace_back(names.substr(names.find("--")));
  }
  return out;
}

bool takes(const Command& command, std::string_view longName) {
  const std::vector<std::string> names = longNames(&command);
  return std::find(names.begin(), names.end(), longName) != names.end();
}

[[noreturn]] void failUnknownOption(const std::string& text, const Command* command) {
  const std::string option = text.substr(0, text.find('='));
  if (command != nullptr) {
    for (const Command& other : commands()) {
      if (!takes(other, option)) continue;
      throw Error(Exit::Usage,
                  fmt::format("divlens {} takes no {}; divlens {} does", command->name, option, other.name));
    }
  }
  const std::string guess = didYouMean(option, longNames(command));
  const std::string help = command == nullptr ? "divlens --help" : fmt::format("divlens {} --help", command->name);
  throw Error(Exit::Usage,
              fmt::format("unknown option '{}'{} {} lists all", escaped(option), guess.empty() ? ";" : guess, help));
}

[[noreturn]] void failUnknownCommand(const std::string& text) {
  if (text.starts_with('-')) failUnknownOption(text, nullptr);
  std::vector<std::string> known;
  for (const Command& command : commands()) known.emplace_back(command.name);
  const std::string guess = didYouMean(text, known);
  throw Error(Exit::Usage, fmt::format("unknown command '{}'{} known: {}", escaped(text), guess.empty() ? ";" : guess,
                                       listed(known)));
}

/// What CLI11 takes apart and what it leaves: values stay text until the row's `apply`, so that no locale reads
/// numbers.
struct Words {
  Settings& settings;
  bool help = false, version = false;
  std::deque<std::pair<const OptionRow*, std::vector<std::string>>> optional;  ///< flags that may take a value
};

void addRow(CLI::App& app, const OptionRow& row, Words& words) {
  if (row.value == nullptr) {
    app.add_flag_callback(row.names, [&row, &words] { give(words.settings, row, ""); });
    return;
  }
  if (row.value[0] == '[') {
    auto& [owner, texts] = words.optional.emplace_back(&row, std::vector<std::string>());
    app.add_flag(row.names, texts);
    return;
  }
  const CLI::callback_t apply = [&row, &words](const CLI::results_t& texts) {
    for (const std::string& text : texts) give(words.settings, row, text);
    return true;
  };
  // One value each time that the option is given, however often: the next word may be a file.
  app.add_option(row.names, apply)
      ->type_size(1)
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void addRows(CLI::App& app, unsigned sections, Words& words) {
  app.set_help_flag("");
  app.add_flag("-h,--help", words.help);
  app.add_flag("--version", words.version);
  app.allow_extras();
  for (const OptionRow& row : optionRows()) {
    if ((row.section & sections) != 0) addRow(app, row, words);
  }
}

/// Words that fitted nothing; CLI11 counts the mark "--" among them.
std::vector<std::string> leftOver(const CLI::App& app) {
  std::vector<std::string> out = app.remaining();
  std::erase(out, "--");
  return out;
}

void finishOutputs(Settings& settings, const Command& command) {
  const bool figures = (command.sections & kFigureSection) != 0;
  if (command.writes && settings.outputs.empty()) {
    std::vector<std::string> suffixes;
    for (const OutputFormat& row : outputFormats()) {
      if (figures || !row.figure) suffixes.emplace_back(row.suffix);
    }
    throw Error(Exit::Usage, fmt::format("divlens {}: nothing to write; pass -o OUT with a suffix of {}", command.name,
                                         listed(suffixes)));
  }
  size_t toStdout = 0;
  for (Output& output : settings.outputs) {
    output.format = outputFormat(output.path, settings.format);
    toStdout += output.path == "-" ? 1 : 0;
    if (!output.format->figure || figures) continue;
    throw Error(Exit::Usage, fmt::format("-o {}: divlens {} writes data; divlens render writes figures",
                                         escapedPath(output.path), command.name));
  }
  if (toStdout > 1) throw Error(Exit::Usage, "-o - is given more than once; standard output takes one format");
}

void finish(Settings& settings, const Command& command) {
  const size_t count = settings.dumps.size();
  if (!settings.from.empty()) {
    if (count == 0) return;
    throw Error(Exit::Usage,
                "--from prints or repeats the command of a picture, which has its dumps; give none beside it");
  }
  if (count < command.fewestDumps) {
    throw Error(Exit::Usage, fmt::format("divlens {0}: name a file: divlens {0} {1}", command.name, command.usage));
  }
  if (count > command.mostDumps) {
    throw Error(
        Exit::Usage,
        fmt::format("divlens {0} takes {1} file{2}, '{3}' is one too many: divlens {0} {4}", command.name,
                    command.mostDumps == 0 ? "no" : std::to_string(command.mostDumps),
                    command.mostDumps == 1 ? "" : "s", escapedPath(settings.dumps[command.mostDumps]), command.usage));
  }
  finishOutputs(settings, command);
}

}  // namespace

double parseNumber(const std::string& text, std::string_view option) {
  const auto [value, rest] = leadingNumber(text);
  if (value && rest.empty()) return *value;
  throw Error(Exit::Usage,
              fmt::format("{} '{}': it must be a finite number, with a point for decimals", option, escaped(text)));
}

uint64_t parseBytes(const std::string& text, std::string_view option) {
  auto [value, rest] = leadingNumber(text);
  constexpr std::string_view kPrefixes = "KMGT";
  double factor = 1;
  if (!rest.empty()) {
    const size_t power = kPrefixes.find(static_cast<char>(rest[0] & ~0x20));  // either case
    if (power != std::string_view::npos) {
      factor = std::pow(1024.0, static_cast<double>(power + 1));
      rest.remove_prefix(1);
    }
  }
  const bool unit = rest.empty() || rest == "B" || rest == "iB";
  const double bytes = value.value_or(-1) * factor;
  if (value && unit && bytes >= 1 && bytes < std::ldexp(1.0, 63)) return static_cast<uint64_t>(bytes);
  throw Error(Exit::Usage, fmt::format("{} '{}': it must be a size such as 2G, 512M or 4096", option, escaped(text)));
}

const OutputFormat* outputFormat(const std::string& path, const std::string& format) {
  std::string lowered = path;
  std::transform(lowered.begin(), lowered.end(), lowered.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  std::vector<std::string> names, suffixes;
  for (const OutputFormat& row : outputFormats()) {
    if (path != "-" && lowered.ends_with(row.suffix)) return &row;
    names.emplace_back(row.name);
    suffixes.emplace_back(row.suffix);
  }
  if (format.empty() && path == "-") {
    throw Error(Exit::Usage, fmt::format("-o -: say what to write with --format: {}", listed(names)));
  }
  if (format.empty()) {
    throw Error(Exit::Usage, fmt::format("-o {}: its suffix names no format; known: {}, or pass --format",
                                         escapedPath(path), listed(suffixes)));
  }
  for (const OutputFormat& row : outputFormats()) {
    if (format == row.name) return &row;
  }
  const std::string guess = didYouMean(format, names);
  throw Error(Exit::Usage, fmt::format("unknown format '{}'{} known: {}", escaped(format), guess.empty() ? ";" : guess,
                                       listed(names)));
}

void give(Settings& settings, const OptionRow& row, const std::string& text) {
  row.apply(settings, text);
  settings.given.push_back({&row, text});
}

Settings parseOptions(int argc, const char* const* argv, const HelpLists& lists) {
  Settings settings;
  for (int i = 1; i < argc; ++i) settings.arguments.emplace_back(argv[i]);
  Words words{settings, false, false, {}};
  CLI::App app;
  addRows(app, kCommonSection, words);
  app.require_subcommand(0, 1);  // a dump may be called like a command
  for (const Command& command : commands()) {
    CLI::App* sub = app.add_subcommand(command.name);
    addRows(*sub, command.sections, words);
    sub->add_option("dumps", settings.dumps);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string text = error.what(), name = text.substr(0, text.find(':'));
    throw Error(Exit::Usage, name + " needs a value; --help says which");
  } catch (const CLI::ParseError& error) {
    throw Error(Exit::Usage, error.what());
  }
  const Command* command = nullptr;
  for (const Command& row : commands()) {
    if (app.got_subcommand(row.name)) command = &row;
  }
  if (words.help || words.version) {
    settings.text = words.version ? "divlens " DIVLENS_VERSION "\n"
                    : command     ? commandHelp(*command, lists)
                                  : programHelp();
    return settings;
  }
  if (const auto extras = leftOver(app); !extras.empty()) failUnknownCommand(extras.front());
  if (command == nullptr) throw Error(Exit::Usage, "say what to do: divlens --help lists the commands");
  if (const auto extras = leftOver(*app.get_subcommand(command->name)); !extras.empty()) {
    failUnknownOption(extras.front(), command);
  }
  for (const auto& [row, texts] : words.optional) {
    for (const std::string& text : texts) give(settings, *row, text == "true" ? "" : text);
  }
  settings.command = command->name;
  finish(settings, *command);
  if (settings.from.empty() || settings.outputs.empty()) return settings;
  const std::vector<std::string> all = repeatedArguments(settings);
  std::vector<const char*> pointers = {argv[0]};
  for (const std::string& word : all) pointers.push_back(word.c_str());
  Settings repeated = parseOptions(static_cast<int>(pointers.size()), pointers.data(), lists);
  findBesidePicture(repeated, settings.from);
  return repeated;
}

}  // namespace divlens
